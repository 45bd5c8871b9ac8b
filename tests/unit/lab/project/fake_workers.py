"""Workers that need no process and no time: they end each task as a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from producer.records import Batch, Record
from tests.unit.producer.sample import record


class Watch:
    """Stands in for what measures the memory of a worker."""

    peak_bytes = 1

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class FakeWorkers:
    """Stands in for sender, reader, group and session; reading records takes virtual time.

    `fate` returns the outcome of a task, given how many were sent before it; None: it never ends.
    """

    node = "w@here"
    queue = "queue"
    queues = ("queue",)
    pids = (7,)
    alive = True
    slots = 2
    held = 4

    def __init__(self, fate: Callable[[int], str | None]) -> None:
        self.fate = fate
        self.now = 1_000.0
        self.run_s = 0.0  # of each run, as its record says
        self.moved_s = 0.0  # of the clock of the records' server
        self.sent: list[str] = []
        self.drained: list[str] = []
        self.children = [SimpleNamespace(pid=7, log_tail=lambda: "the log")]
        self.session: Any = SimpleNamespace(
            run="run",
            records={},
            connection=None,
            clock=SimpleNamespace(offset_s=0.0),
            server_clock=SimpleNamespace(settled=lambda: None, moved_s=lambda _since: self.moved_s),
            cluster=SimpleNamespace(check=lambda: None),
        )
        self._new: list[Record] = []

    def replace_in(self, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have a module read the records and the clock of these workers."""
        clock = SimpleNamespace(monotonic=lambda: self.now)
        for name, value in {
            "time": clock,
            "RecordReader": lambda _server: self,
            "MemoryWatch": lambda _pid: Watch(),
            "pss_bytes": lambda _pid: 1,
            "children_bytes": lambda _pid: None,
            "runnable_s": lambda _pid: None,
            "Strays": lambda _session: SimpleNamespace(remove=lambda: 0),
            "cpu_s": lambda _pid: self.now,
            "drain": lambda _connection, _queue: self.drained,
        }.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)

    def send(self, count: int, *, run: str, queue: str) -> tuple[str, ...]:  # noqa: ARG002
        return tuple(self._start(run) for _ in range(count))

    def send_one(self, _call: object, *, run: str, queue: str) -> str:  # noqa: ARG002
        return self._start(run)

    def again(self, task_id: str, run: str, outcome: str = "succeeded") -> None:
        """End a run of a task, as a retry that comes due does."""
        ended = record(task_id, outcome, run, at=self.now)
        self._new.append(replace(ended, started=self.now - self.run_s))

    def read(self, timeout_s: float) -> list[Batch]:
        self.now += timeout_s
        ended, self._new = self._new, []
        return [
            Batch(
                kind="rows",
                node=self.node,
                pool="threads",
                slots=self.slots,
                pid=7,
                seq=0,
                dropped=0,
                error_s=0.0,
                records=tuple(ended),
            )
        ]

    def how_it_ended(self) -> str:
        return "killed"

    def _start(self, run: str) -> str:
        outcome, task_id = self.fate(len(self.sent)), str(len(self.sent))
        self.sent.append(task_id)
        if outcome is not None:
            self.again(task_id, run, outcome)
        return task_id


class SlowWorkers(FakeWorkers):
    """Workers whose slots run one task after the other, each for `run_s`; all sent are fetched."""

    def __init__(self, run_s: float, *, slots: int, held: int) -> None:
        super().__init__(lambda _number: None)
        self.run_s, self.slots, self.held = run_s, slots, held
        self._free = [self.now] * slots  # when each slot has ended its tasks
        self._ends: list[tuple[float, str, str]] = []

    def read(self, timeout_s: float) -> list[Batch]:
        now = self.now + timeout_s
        for end, task_id, run in [one for one in self._ends if one[0] <= now]:
            self._ends.remove((end, task_id, run))
            self.now = end
            self.again(task_id, run)
        self.now = now - timeout_s
        return super().read(timeout_s)

    def _start(self, run: str) -> str:
        task_id = super()._start(run)
        slot = self._free.index(min(self._free))
        self._free[slot] = max(self.now, self._free[slot]) + self.run_s
        self._ends.append((self._free[slot], task_id, run))
        return task_id
