"""Counts the system calls that a function makes; it must not know what the function does.

The kernel counts if it can: the function runs in a forked process that stops at each system call
and lets this one look (ptrace; Linux only, and a container may forbid it). Otherwise Python's own
calls are counted.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from tasks.lessons.io_models.syscall_names import NAMES

#: Requests and options of ptrace(2).
TRACEME, SYSCALL = 0, 24
SETOPTIONS, GET_SYSCALL_INFO = 0x4200, 0x420E
SYSGOOD, CLONE, EXITKILL = 0x1, 0x8, 0x100000
#: Wait for threads as well as for processes.
WALL: Final = 0x40000000
#: The signal of a stop at a system call, as SYSGOOD marks it.
AT_CALL: Final = signal.SIGTRAP | 0x80
ENTRY: Final = 1
#: The system call by which the child signals that its work is done.
MARK: Final = "kill"

#: Python functions that make exactly one system call.
CALLS: Final = frozenset(
    {
        "recv", "send", "sendall", "poll", "select", "control",
        "register", "unregister", "modify", "setblocking",
    }
)  # fmt: skip


class _Info(ctypes.Structure):
    """The head of `struct ptrace_syscall_info`, with room for the rest."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 8),
    )


def traced(work: Callable[[], None], bound_s: float) -> Counter[str]:
    """Run `work` in a forked process and count the system calls of all its threads, by name.

    The process is killed after `bound_s` seconds. Raises OSError if tracing is not available,
    RuntimeError if the work failed or was killed.
    """
    if sys.platform != "linux" or platform.machine() not in NAMES:
        raise OSError("system calls cannot be traced on this system")
    child = os.fork()
    if child == 0:
        _traced_child(work, bound_s)
    try:
        numbers = _follow(child)
    finally:
        _end(child)
    names = NAMES[platform.machine()]
    return Counter({names.get(n, f"number {n}"): count for n, count in numbers.items()})


def called(work: Callable[[], None]) -> Counter[str]:
    """Run `work` in this process and count its calls of the functions in CALLS, by name."""
    counted: Counter[str] = Counter()

    def profile(_frame: FrameType, event: str, call: Any) -> None:
        if event == "c_call" and call.__name__ in CALLS:
            counted[call.__name__] += 1

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return counted


def _traced_child(work: Callable[[], None], bound_s: float) -> None:
    """Stop, do the work, call `kill` as a mark, and exit."""
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, bound_s)
        own = os.getpid()
        _ptrace(TRACEME, 0)
        os.kill(own, signal.SIGSTOP)
        work()
        os.kill(own, 0)  # has no effect; it is the mark
    finally:
        os._exit(1)


def _follow(child: int) -> Counter[int]:
    """Count the calls of all threads from the child's first stop to its mark."""
    counted: Counter[int] = Counter()
    _, status = os.waitpid(child, WALL)
    if not os.WIFSTOPPED(status):
        raise PermissionError("ptrace is not permitted here")
    _ptrace(SETOPTIONS, child, data=SYSGOOD | CLONE | EXITKILL)
    _ptrace(SYSCALL, child)
    info = _Info()
    while True:
        thread, status = os.waitpid(-child, WALL)
        if not os.WIFSTOPPED(status):
            if thread == child:
                raise RuntimeError("the traced work failed, or took too long")
            continue
        stop, passed_on = os.WSTOPSIG(status), 0
        if stop == AT_CALL:
            _ptrace(GET_SYSCALL_INFO, thread, ctypes.sizeof(info), ctypes.addressof(info))
            if info.op == ENTRY:
                if NAMES[platform.machine()].get(info.number) == MARK:
                    return counted
                counted[info.number] += 1
        elif stop not in {
            signal.SIGSTOP,
            signal.SIGTRAP,
        }:  # neither a thread's first stop nor an event
            passed_on = stop
        _ptrace(SYSCALL, thread, data=passed_on)


def _end(child: int) -> None:
    """Kill the child, then reap it and all of its threads."""
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-child, WALL)


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> int:
    """Call ptrace(2); raise OSError if it fails."""
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    call.restype = ctypes.c_long
    result: int = call(request, pid, address, data)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
