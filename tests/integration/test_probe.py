"""In every pool, the probe records the timestamps, the slot and the outcome of each attempt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psutil
import pytest

from cluster.local import RunningWorker
from cluster.wait import wait_until
from producer.ledger import Ledger
from producer.plan import Work, burst
from producer.records import Batch, Record, RecordReader
from producer.submit import SubmitOptions, Submitter
from tests.shared_session import SLOTS, SharedSession
from worker import probe

BOUND_S = 20.0
ROUNDS = 400


def run(
    shared: SharedSession, worker: RunningWorker, work: Work, count: int, attempts: int = 1
) -> list[Record]:
    """Submit `count` identical tasks and return all records of the run once all have finished.

    It waits for `attempts` records per task, because in prefork the last attempt may end before the
    main process has heard of the previous one.
    """
    name = str(uuid4())
    reader = RecordReader(shared.cluster.redis)
    ledger = Ledger(name)
    submitter = Submitter(shared.app, shared.connection, shared.session.clock)
    options = SubmitOptions(run=name, queue=worker.spec.queues[0])
    ledger.submit(submitter.submit(burst(work, count), options).ids)
    records: list[Record] = []
    for _ in range(ROUNDS):
        for batch in reader.read(BOUND_S / ROUNDS):
            records += [record for record in batch.records if record.run == name]
            ledger.enter(batch.records)
        if not ledger.open and len(records) >= count * attempts:
            return records
    pytest.fail(f"{ledger.open} tasks open, {len(records)} records\n{worker.child.log_tail()}")


def note_of(number: int) -> probe.Note:
    """Return a note for a task that never started; its id is the number."""
    return (None, None, str(number), "task", None, 1, 1, None, 3, "revoked", False, None)


def test_timestamps_are_in_order_and_within_the_run(
    shared: SharedSession, pool_worker: RunningWorker
) -> None:
    for record in run(shared, pool_worker, Work(task="io.sleep", args=(0.02,)), 6):
        assert record.due is not None
        assert record.sent is not None
        assert record.started is not None
        error_s = 0.005  # a generous bound for the clocks of two processes on one machine
        timestamps = (record.due, record.sent, record.received, record.started, record.finished)
        assert all(after - before > -error_s for before, after in pairwise(timestamps))
        assert record.finished - record.started >= 0.02 - error_s
        assert record.outcome == "succeeded"
        assert record.runtime is not None
        assert not record.redelivered
        assert record.pool == pool_worker.spec.pool
        assert record.node == pool_worker.spec.node


def test_a_slot_is_the_process_thread_or_greenlet_that_ran_it(
    shared: SharedSession, pool_worker: RunningWorker
) -> None:
    records = run(shared, pool_worker, Work(task="io.sleep", args=(0.05,)), 12)
    slots = {record.slot or "" for record in records}
    main = psutil.Process(pool_worker.child.pid)
    known = {
        "prefork": {str(child.pid) for child in main.children()},
        "threads": {f"{main.pid}/{thread.id}" for thread in main.threads()},
        "solo": {str(main.pid)},
    }
    assert slots <= known.get(pool_worker.spec.pool, slots)
    if pool_worker.spec.pool == "gevent":
        assert all(slot.startswith(f"{main.pid}#") for slot in slots)
    assert len(slots) >= min(SLOTS, pool_worker.spec.concurrency)


def test_as_many_tasks_run_at_once_as_there_are_slots(
    shared: SharedSession, pool_worker: RunningWorker
) -> None:
    records = run(shared, pool_worker, Work(task="io.sleep", args=(0.05,)), 12)
    moments = sorted(
        [(record.started or 0.0, 1) for record in records]
        + [(record.finished, -1) for record in records]
    )
    running = most = 0
    for _, change in moments:
        running += change
        most = max(most, running)
    assert most == pool_worker.spec.concurrency


@pytest.mark.parametrize(
    ("work", "outcomes"),
    [
        (Work(task="faults.fail"), ["failed"]),
        (Work(task="faults.retry", args=(2,)), ["retried", "retried", "succeeded"]),
    ],
    ids=["failure", "retry"],
)
def test_the_outcome_of_each_attempt_is_recorded(
    shared: SharedSession, pool_worker: RunningWorker, work: Work, outcomes: list[str]
) -> None:
    records = run(shared, pool_worker, work, 1, attempts=len(outcomes))
    assert sorted(record.outcome for record in records) == outcomes


def test_a_hard_time_limit_is_recorded(shared: SharedSession) -> None:
    worker = shared.worker("prefork")
    name = str(uuid4())
    reader = RecordReader(shared.cluster.redis)
    task: Any = shared.app.tasks["io.sleep"]
    task.apply_async(
        (5,),
        queue="prefork",
        time_limit=0.2,
        headers={"poolwise": {"run": name}},
        connection=shared.connection,
        ignore_result=True,
    )
    outcomes = []
    for _ in range(ROUNDS):
        for batch in reader.read(BOUND_S / ROUNDS):
            outcomes += [record.outcome for record in batch.records if record.run == name]
        if outcomes:
            break
    assert outcomes == ["time-limit"], worker.child.log_tail()


@pytest.mark.parametrize(
    "header", [None, "theirs", {"run": uuid4()}, {"run": "r", "due": "soon"}, {"run": "r", "at": 1}]
)
def test_a_message_without_a_valid_header_is_recorded_without_a_run(
    shared: SharedSession, pool_worker: RunningWorker, header: Any
) -> None:
    reader = RecordReader(shared.cluster.redis)
    sent = shared.app.send_task(
        "cpu.burn",
        (10,),
        queue=pool_worker.spec.queues[0],
        headers={} if header is None else {"poolwise": header},
        connection=shared.connection,
        ignore_result=True,
    )
    found: list[Record] = []
    for _ in range(ROUNDS):
        for batch in reader.read(BOUND_S / ROUNDS):
            found += [record for record in batch.records if record.task_id == sent.id]
        if found:
            break
    assert [(r.run, r.due, r.outcome) for r in found] == [(None, None, "succeeded")]


def server_at(url: str, patience_s: float = probe.PATIENCE_S) -> probe.Server:
    """Return a records server at a fixed address."""
    return probe.Server(lambda: [probe.place_at(url)], patience_s)


@pytest.mark.parametrize("patch", ["pass", "from gevent import monkey; monkey.patch_all()"])
@pytest.mark.parametrize(
    ("hindrance", "rows"),
    [("client_kill_filter(_id=mine)", 0), ("client_pause(400)", 1), ("client_pause(400)", 3)],
    ids=["cut", "no-reply", "stuck"],
)
def test_remaining_rows_are_written_even_if_the_connection_broke(
    shared: SharedSession, patch: str, hindrance: str, rows: int
) -> None:
    node = str(uuid4())
    reader = RecordReader(shared.cluster.redis)
    program = f"""
{patch}
import time
import redis
from worker.probe import Recorder, Server, place_at

url = {shared.cluster.broker_url!r}
other = redis.Redis.from_url(url)
server = Server(lambda: [place_at(url + "?client_name={node}")])
recorder = Recorder(server, node={node!r}, pool=object(), slots=1)
recorder.start()
mine = None
while mine is None:
    named = [one for one in other.client_list() if one["name"] == {node!r}]
    mine = next((one["id"] for one in named if one["cmd"] == "xadd"), None)
other.{hindrance}
for number in range({rows}):
    recorder.notes.append(
        (None, None, str(number), "task", 1, 1, 1, None, 3, "succeeded", False, None)
    )
    while not number and recorder.notes:  # the first row is sent, but its reply does not arrive
        time.sleep(0.01)
recorder.stop()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    batches = [batch for batch in reader.read(0.5) if batch.node == node]
    assert [batch.kind for batch in batches][:: len(batches) - 1] == ["ready", "stopped"]
    task_ids = [record.task_id for batch in batches for record in batch.records]
    assert task_ids == [str(number) for number in range(rows)]
    assert reader.missed == 0


@pytest.mark.parametrize(
    ("start_seems_s", "started_s"), [(0, 0), (3_600, 10), (-3_600, -10)], ids=str
)
def test_a_start_is_within_its_attempt_even_if_the_system_clock_was_set(
    shared: SharedSession, start_seems_s: float, started_s: float
) -> None:
    node = str(uuid4())
    reader = RecordReader(shared.cluster.redis)
    server = server_at(shared.cluster.broker_url)
    recorder = probe.Recorder(server, node=node, pool=object(), slots=1)
    now_ns, start = time.monotonic_ns(), time.time() + start_seems_s
    received_ns, finished_ns = now_ns - 10**10, now_ns + 10**10
    recorder.notes.append(
        (None, None, node, "task", 7, 1, received_ns, start, finished_ns, "succeeded", False, None)
    )
    recorder.start()
    recorder.stop()
    batches = [batch for batch in reader.read(0.5) if batch.node == node]
    [record] = [record for batch in batches for record in batch.records]
    assert record.slot == "7"
    assert record.finished - record.received == pytest.approx(20)
    assert record.started == pytest.approx(record.received + 10 + started_s, abs=1)


def test_rows_are_read_once_even_if_the_server_was_too_busy_to_confirm_them(
    shared: SharedSession,
) -> None:
    node = str(uuid4())
    reader = RecordReader(shared.cluster.redis)
    server = server_at(shared.cluster.broker_url, patience_s=0.2)
    recorder = probe.Recorder(server, node=node, pool=object(), slots=1)
    recorder.start()
    wait_until(
        lambda: any(batch.node == node for batch in reader.read(0.05)),
        BOUND_S,
        lambda: AssertionError("no entry"),
    )
    sent, pid = 100, int(shared.cluster.redis.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        for number in range(sent):
            recorder.notes.append(note_of(number))
            time.sleep(0.01)  # so that an entry is sent meanwhile
    finally:
        os.kill(pid, signal.SIGCONT)
    recorder.stop()
    batches = [batch for batch in reader.read(0.5) if batch.node == node]
    seqs = [batch.seq for batch in batches]
    assert len(set(seqs)) < len(seqs), "no entry was sent twice, so the test proves nothing"
    task_ids = [record.task_id for batch in batches for record in batch.records]
    assert task_ids == [str(number) for number in range(sent)]
    assert reader.missed == 0


def test_the_newest_unwritten_rows_are_kept_and_the_dropped_ones_counted(
    shared: SharedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "ROWS_KEPT", 3)
    node = str(uuid4())
    reader = RecordReader(shared.cluster.redis)
    server = server_at(shared.cluster.broker_url, patience_s=0.2)
    recorder = probe.Recorder(server, node=node, pool=object(), slots=1)
    recorder.start()
    shared.cluster.redis.client_pause(1_000, all=False)  # delays only writes
    for number in range(5):
        recorder.notes.append(note_of(number))
    batches: list[Batch] = []
    for _ in range(ROUNDS):
        batches += [batch for batch in reader.read(BOUND_S / ROUNDS) if batch.node == node]
        if any(batch.records for batch in batches):
            break
    recorder.stop()
    batches += [batch for batch in reader.read(0.5) if batch.node == node]
    assert [record.task_id for batch in batches for record in batch.records] == ["2", "3", "4"]
    assert batches[-1].kind == "stopped"
    assert batches[-1].dropped == 2
    assert reader.missed == 0
