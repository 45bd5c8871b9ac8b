"""The probe's gauge measures slots, queues, CPU and memory, even if some sources are missing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from worker import probe


class Pool:
    """The parts of a pool that the gauge reads."""

    limit = 4

    def __init__(self, processes: list[int] | None = None, slots: int | None = None) -> None:
        self.num_processes = slots
        self.info: dict[str, Any] = {} if processes is None else {"processes": processes}


def gauge(pool: object, **consumer: Any) -> dict[str, Any]:
    return gauge_of(pool, **consumer).read()


def gauge_of(pool: object, **consumer: Any) -> probe.Gauge:
    queues = SimpleNamespace(consume_from={"io": None, "cpu": None})
    app = SimpleNamespace(amqp=SimpleNamespace(queues=queues))
    return probe.Gauge(SimpleNamespace(pool=pool, app=app, **consumer))


#: Holds 60 MB, much more than a process's share of common pages can change by, and computes until
#: the kernel's account shows it: short bursts may fall between two clock ticks.
CHILD = """
import sys, resource
data = bytearray(60_000_000)
while sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) < 0.1:
    pass
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child() -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_slots_are_the_current_number_or_else_the_limit() -> None:
    assert gauge(Pool(slots=7))["slots"] == 7
    assert gauge(Pool())["slots"] == 4


def test_queue_names_are_sorted() -> None:
    assert gauge(Pool())["queues"] == ["cpu", "io"]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")  # noqa: PTH110
def test_cpu_and_memory_include_the_pools_processes(child: int) -> None:
    alone, together = gauge(Pool()), gauge(Pool([child]))
    assert together["memory_bytes"] > alone["memory_bytes"] + 25_000_000
    assert together["cpu_s"] > alone["cpu_s"]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")  # noqa: PTH110
def test_a_solo_pool_which_lists_the_worker_itself_counts_once() -> None:
    alone, solo = gauge(Pool()), gauge(Pool([os.getpid()]))
    assert solo["memory_bytes"] < 1.5 * alone["memory_bytes"]
    assert solo["cpu_s"] < 1.5 * alone["cpu_s"]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")  # noqa: PTH110
def test_memory_is_rss_if_the_kernel_does_not_report_pss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_pss_bytes", lambda _pid: 0)
    found = gauge(Pool())
    assert found["memory"] == "rss"
    assert found["memory_bytes"] > 5_000_000


def test_exited_processes_and_a_stopped_pool_count_as_zero() -> None:
    class Down(Pool):
        @property
        def info(self) -> dict[str, Any]:
            raise AttributeError("'NoneType' object has no attribute '_pool'")

        @info.setter
        def info(self, _value: dict[str, Any]) -> None: ...

    assert gauge(Down())["busy"] == 0
    assert gauge(Pool([2**22 + 1]))["cpu_s"] > 0


def test_without_proc_cpu_and_memory_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_read", lambda _path: "")
    monkeypatch.setattr(os.path, "exists", lambda _path: False)
    found = gauge(Pool([1]))
    assert (found["cpu_s"], found["memory_bytes"], found["memory"]) == (None, None, None)


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="needs /proc")  # noqa: PTH110
def test_the_main_process_and_the_machine_are_measured_alone(child: int) -> None:
    measured = gauge_of(Pool([child]))
    before = measured.read()
    started_s = time.process_time()
    while time.process_time() < started_s + 0.1:  # the kernel counts in steps of 10 ms
        pass
    after = measured.read()
    assert after["main_cpu_s"] >= before["main_cpu_s"] + 0.09  # both are rounded
    assert after["main_cpu_s"] < after["cpu_s"]
    assert 0 < after["machine_percent"] <= 100


@pytest.mark.parametrize("room", [True, False])
def test_whether_the_worker_fetches_is_what_its_channel_says(room: bool) -> None:
    channel = SimpleNamespace(qos=SimpleNamespace(can_consume=lambda: room))
    assert gauge(Pool(), task_consumer=SimpleNamespace(channel=channel))["fetching"] is room


def test_without_a_channel_or_proc_the_rest_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_read", lambda _path: "")
    found = gauge(Pool(), task_consumer=None)
    assert (found["fetching"], found["machine_percent"]) == (None, None)
