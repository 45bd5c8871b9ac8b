"""The lesson `io-models`, and its two ways to count system calls."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tasks.lessons.io_models import syscalls
from tests.lessons.taught import take

BOUND_S = 10.0
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this ptrace")


def test_polling_costs_several_times_the_cpu_of_epoll(tmp_path: Path) -> None:
    result = take("io-models", folder=tmp_path)
    costs, calls_by_name = result.findings.tables
    rows = {str(row[0]): [float(cell or 0) for cell in row[1:]] for row in costs.rows}
    wall_s, cpu_s, calls = ({model: row[n] for model, row in rows.items()} for n in range(3))
    assert wall_s["blocking"] > 2.9
    assert wall_s["epoll"] > 0.15
    assert cpu_s["polling"] > 3 * cpu_s["epoll"]
    assert calls["polling"] > 5 * calls["epoll"]
    named = {str(row[0]): str(row[2]) for row in calls_by_name.rows}
    assert named["blocking"] == "sendto 100, recvfrom 100"
    assert "epoll_ctl 200" in named["epoll"]


def exchange() -> None:
    left, right = socket.socketpair()
    with left, right:
        for _ in range(5):
            left.send(b"x")
            right.recv(1)


@linux_only
def test_tracing_counts_system_calls_by_name() -> None:
    counted = syscalls.traced(exchange, BOUND_S)
    assert counted["sendto"] == counted["recvfrom"] == 5
    assert counted["socketpair"] == 1
    assert counted["kill"] == 0


@linux_only
def test_tracing_counts_the_calls_of_all_threads() -> None:
    def work() -> None:
        threads = [threading.Thread(target=exchange) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for _ in range(5):
        assert syscalls.traced(work, BOUND_S)["recvfrom"] == 20


def fail() -> None:
    raise OSError("on purpose")


def never_end() -> None:
    threading.Event().wait()


@linux_only
@pytest.mark.parametrize("work", [fail, never_end])
def test_traced_work_that_fails_or_takes_too_long_is_killed(work: Callable[[], None]) -> None:
    before = psutil.Process().children()
    with pytest.raises(RuntimeError, match="failed, or took too long"):
        syscalls.traced(work, 0.5)
    assert psutil.Process().children() == before


def test_without_tracing_the_calls_of_python_functions_are_counted() -> None:
    counted = syscalls.called(exchange)
    assert counted == {"send": 5, "recv": 5}
