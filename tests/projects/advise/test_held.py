"""Workers of a project fetch as many messages as a measurement assumes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cluster.machine import Machine
from cluster.wait import wait_until
from lab.project.project import open_project
from lab.project.sending import CallSender
from lab.project.workers import GroupSpec, ProjectWorkers
from lab.session.session import open_session
from producer.plan import Work
from producer.queues import depths
from tests.projects.advise.projects import BROKERS, write_shop
from worker.pools import POOLS

SENT = 40


@pytest.mark.parametrize("setting", ["", "app.conf.worker_prefetch_multiplier = 2"])
@pytest.mark.parametrize("pool", ["prefork", "threads"])  # gevent fetches fewer
def test_workers_fetch_what_their_group_counts(pool: str, setting: str, tmp_path: Path) -> None:
    write_shop(tmp_path, "redis://127.0.0.1:1/0", f"{BROKERS['in code']}\n{setting}")
    logs = tmp_path / "logs"
    logs.mkdir()
    project = open_project("shop", tmp_path, Path(sys.executable), logs)
    call = Work(task="shop.pause", args=(120_000,))
    with open_session(logs, None, Machine.this()) as session:
        group = ProjectWorkers(session, project).start(GroupSpec(pool=POOLS[pool], concurrency=2))
        CallSender(session, [call], seed=1).send(SENT, run=session.run, queue=group.queue)

        def waiting() -> int:
            return depths(session.connection, group.queues)[group.queue]

        wait_until(
            lambda: waiting() == SENT - group.held,
            20,
            lambda: AssertionError(f"{SENT - waiting()} were fetched, not {group.held}"),
        )
