"""The probe's gauge tells slots, queues, CPU and memory, and survives what is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from worker import probe


class Pool:
    """As much of a pool as the gauge looks at."""

    limit = 4

    def __init__(self, processes: list[int] | None = None, slots: int | None = None) -> None:
        self.num_processes = slots
        self.info: dict[str, Any] = {} if processes is None else {"processes": processes}


def gauge(pool: object) -> dict[str, Any]:
    queues = SimpleNamespace(consume_from={"io": None, "cpu": None})
    app = SimpleNamespace(amqp=SimpleNamespace(queues=queues))
    return probe.Gauge(SimpleNamespace(pool=pool, app=app)).read()


@pytest.fixture
def child() -> Iterator[int]:
    program = "import sys; data = bytearray(30_000_000); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_slots_are_those_of_now_or_else_the_limit() -> None:
    assert gauge(Pool(slots=7))["slots"] == 7
    assert gauge(Pool())["slots"] == 4


def test_queues_are_named_in_order() -> None:
    assert gauge(Pool())["queues"] == ["cpu", "io"]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")  # noqa: PTH110
def test_the_pools_processes_are_added(child: int) -> None:
    alone, together = gauge(Pool()), gauge(Pool([child]))
    assert together["memory_bytes"] > alone["memory_bytes"] + 25_000_000
    assert together["cpu_s"] > alone["cpu_s"]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")  # noqa: PTH110
def test_without_the_kernels_sum_it_is_the_resident_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_pss_bytes", lambda _pid: 0)
    found = gauge(Pool())
    assert found["memory"] == "rss"
    assert found["memory_bytes"] > 5_000_000


def test_a_process_that_is_gone_and_a_pool_taken_down_cost_nothing() -> None:
    class Down(Pool):
        @property
        def info(self) -> dict[str, Any]:
            raise AttributeError("'NoneType' object has no attribute '_pool'")

        @info.setter
        def info(self, _value: dict[str, Any]) -> None: ...

    assert gauge(Down())["busy"] == 0
    assert gauge(Pool([2**22 + 1]))["cpu_s"] > 0


def test_without_proc_nothing_is_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_read", lambda _path: "")
    monkeypatch.setattr(os.path, "exists", lambda _path: False)
    found = gauge(Pool([1]))
    assert (found["cpu_s"], found["memory_bytes"], found["memory"]) == (None, None, None)
