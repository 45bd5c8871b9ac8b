"""A message that kills its workers, or that none can read, is kept with the reason."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from cluster.local import RunningWorker
from tasks.errors import WorkerError
from tests.command import poolwise
from tests.faults.malformed import MALFORMED
from tests.faults.place import KEYS, Place, private_place
from worker.pools import POOLS

MOST_DEATHS = 2
FEW = {"POOLWISE_MAX_DEATHS": str(MOST_DEATHS)}
SURVIVORS = [pool.name for pool in POOLS.values() if pool.survives_task_death]
OTHERS = [pool.name for pool in POOLS.values() if not pool.survives_task_death]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with private_place(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("pool", POOLS)
def test_malformed_messages_are_kept_whole_and_harm_nobody(pool: str, place: Place) -> None:
    worker = place.start("worker", pool)
    for what, (message, reason) in MALFORMED.items():
        number = len(place.dead()) + 1
        place.server.lpush(place.queue, message)
        place.until(partial(_are_kept, place, number), 10, worker)
        letter = place.dead()[-1]
        assert _same(letter[b"message"], message), what
        assert reason in letter[b"reason"].decode(), what
        assert letter[b"key"] == place.queue.encode(), what
        assert worker.child.alive, what
    task_id = place.send("io.sleep", 0)
    place.until(lambda: place.runs(task_id) == 1, 10, worker)
    place.until(place.settled, 5, worker)
    assert len(place.dead()) == len(MALFORMED)


def _are_kept(place: Place, number: int) -> bool:
    return len(place.dead()) == number


def _same(kept: bytes, sent: bytes) -> bool:
    """Compare two messages as JSON, if they are."""
    try:
        return bool(json.loads(kept) == json.loads(sent))
    except ValueError:
        return kept == sent


@pytest.mark.parametrize("pool", SURVIVORS)
def test_a_task_that_kills_its_slot_is_given_up(pool: str, place: Place) -> None:
    worker = place.start("worker", pool, env=FEW)
    deadly = place.send("faults.die")
    others = [place.send("io.sleep", 0.2) for _ in range(4)]
    place.until(place.dead, 30, worker)
    [letter] = place.dead()
    assert json.loads(letter[b"message"])["headers"]["id"] == deadly
    assert letter[b"reason"].decode() == f"its process died {MOST_DEATHS} times while it ran"
    assert int(letter[b"deliveries"]) == MOST_DEATHS
    place.until(lambda: all(place.runs(one) == 1 for one in others), 10, worker)
    place.until(place.settled, 5, worker)
    place.until(lambda: _state(place, deadly) == "FAILURE", 5, worker)
    assert not place.server.exists(KEYS.deaths(deadly))


#: A project whose task has too little memory.
PROJECT = """
from celery import Celery

app = Celery("greedy")
app.config_from_object("tasks.settings")

@app.task(name="greedy.full")
def full():
    raise MemoryError
"""


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_that_raises_memory_error_is_given_up(
    pool: str, place: Place, tmp_path: Path
) -> None:
    """Celery raises it in the worker's main process too, which ends it each time."""
    (tmp_path / "greedy.py").write_text(PROJECT)
    worker = place.start("worker", pool, env=FEW, app="greedy", folder=tmp_path)
    greedy = place.send("greedy.full")
    place.until(place.dead, 20, worker)
    [letter] = place.dead()
    assert json.loads(letter[b"message"])["headers"]["id"] == greedy
    place.until(lambda: _state(place, greedy) == "FAILURE", 5, worker)
    task_id = place.send("io.sleep", 0)
    place.until(lambda: place.runs(task_id) == 1, 10, worker)
    assert worker.child.alive


@pytest.mark.parametrize("pool", OTHERS)
def test_a_task_that_kills_its_worker_is_given_up_but_not_its_neighbours(
    pool: str, place: Place
) -> None:
    """They run in the same process, and die with it as often, until it is tried alone."""
    others = [place.send("io.sleep", 3) for _ in range(2)]
    deadly = place.send("faults.die")
    workers: list[RunningWorker] = []
    names = count()

    def revived() -> bool:
        if not workers or not workers[-1].child.alive:
            with suppress(WorkerError):  # the task may kill it before it has reported
                workers.append(place.start(f"worker-{next(names)}", pool, env=FEW))
        return bool(place.dead())

    place.until(revived, 110)
    [letter] = place.dead()
    assert json.loads(letter[b"message"])["headers"]["id"] == deadly
    assert letter[b"reason"].decode() == f"its worker died {MOST_DEATHS} times while it ran"
    place.until(lambda: {_state(place, one) for one in others} == {"SUCCESS"}, 30, *workers[-1:])
    place.until(place.settled, 5, *workers[-1:])


def test_an_orderly_end_is_no_death(place: Place) -> None:
    """A cold shutdown hands running tasks back, however often."""
    task_id = place.send("io.sleep", 45)
    for number in range(MOST_DEATHS + 2):
        worker = place.start(f"worker-{number}", "prefork", env=FEW)
        place.until(partial(place.busy, worker.spec.node), 25, worker)
        os.kill(worker.child.pid, signal.SIGQUIT)
        place.until(partial(_has_ended, worker), 20, worker)
    assert not place.dead()
    assert not place.server.exists(KEYS.deaths(task_id))


def _has_ended(worker: RunningWorker) -> bool:
    return not worker.child.alive


def test_dead_letters_are_listed_requeued_and_dropped(place: Place) -> None:
    for task in ("no.such", "no.other"):
        place.send(task, "a secret")
    worker = place.start("worker", "threads")
    place.until(lambda: len(place.dead()) == 2, 10, worker)
    os.kill(worker.child.pid, signal.SIGTERM)
    place.until(lambda: not worker.child.alive, 20, worker)
    broker = ("--broker", place.cluster.broker_url)
    listed = poolwise("dead", "list", *broker)
    assert listed.returncode == 0
    assert "no.such" in listed.stdout
    assert "a secret" not in listed.stdout
    first, second = (
        one["id"] for one in json.loads(poolwise("dead", "list", *broker, "--json").stdout)
    )
    assert "a secret" in poolwise("dead", "show", first, *broker).stdout
    refused = poolwise("dead", "drop", second, *broker)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert poolwise("dead", "requeue", first, *broker).stdout == "requeued 1 dead letter\n"
    assert place.server.llen(place.queue) == 1
    assert poolwise("dead", "drop", "--all", "--yes", *broker).stdout == "dropped 1 dead letter\n"
    assert poolwise("dead", "list", *broker).stdout == "no dead letters\n"
    gone = poolwise("dead", "requeue", first, *broker)
    assert gone.returncode == 1
    assert "poolwise dead list" in gone.stderr


def _state(place: Place, task_id: str) -> str:
    text = place.server.get(f"celery-task-meta-{task_id}")
    return str(json.loads(text)["status"]) if text else ""
