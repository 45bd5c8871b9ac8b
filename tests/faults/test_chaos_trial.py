"""A trial on real workers: what it finds in its broker, which workers it replaces, and when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery

from cluster.local import LocalCluster
from cluster.wait import wait_until
from lab.chaos.trial.delivery import DELIVERIES
from lab.chaos.trial.leftovers import left_ids
from lab.chaos.trial.trial import QUEUE, SLOTS, Trial, TrialSpec, running_trial
from worker.pools import POOLS

#: Seconds that what a test waits for may take on a busy machine.
SOON_S = 30.0


@contextmanager
def trial_of(folder: Path, **spec: Any) -> Iterator[Trial]:
    """Run a trial of threads in a folder, with more fields of its TrialSpec."""
    spec = {"pool": POOLS["threads"], "delivery": DELIVERIES["defaults"], **spec}
    with (
        LocalCluster(folder) as cluster,
        running_trial(
            TrialSpec(name="test", **spec), cluster, folder / "test", threading.Event()
        ) as trial,
    ):
        yield trial


def test_what_lease_workers_hold_and_what_waits_for_its_eta_is_still_in_the_broker(
    tmp_path: Path,
) -> None:
    tasks = 3 * SLOTS
    delivery = DELIVERIES["acks-late"].on("lease")
    with trial_of(tmp_path, delivery=delivery, workers=1, tasks=tasks, task_s=30) as trial:
        with Celery(broker=trial.broker.url, set_as_current=False) as client:
            client.conf.update(broker_transport="lease", task_default_queue=QUEUE)
            later = client.send_task("chaos.work", (0,), queue=QUEUE, countdown=600).id
        wait_until(
            lambda: not trial.broker.client.llen(QUEUE) and len(trial.book.open()) == tasks,
            SOON_S,
            lambda: AssertionError(f"{trial.broker.client.llen(QUEUE)} messages are not held"),
        )
        assert left_ids(trial.broker.client, QUEUE) == trial.book.open() | {later}
