"""Tasks that end their process, or raise MemoryError, the first time that they run.

The next run, if there is one, ends as usual. Which run is the first can be seen in the ledger.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from pathlib import Path
from typing import Any, Final

from celery import shared_task

from tasks.chaos import ledger

#: The bytes that are allocated in one step.
STEP: Final = 4 * 1_048_576


@shared_task(name="chaos.exit", bind=True, ignore_result=True)
def leave(self: Any) -> None:
    """End the process at once, without any clean-up."""
    if _first_run(self.request):
        os._exit(1)
    ledger.note_of("ended", self.request)


@shared_task(name="chaos.segfault", bind=True, ignore_result=True)
def segfault(self: Any) -> None:
    """Read an address that does not exist, without leaving a core file."""
    if _first_run(self.request):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.string_at(0)
    ledger.note_of("ended", self.request)


@shared_task(name="chaos.memory_error", bind=True, ignore_result=True)
def memory_error(self: Any) -> None:
    """Ask for more memory than any machine can have."""
    if _first_run(self.request):
        bytearray(sys.maxsize - 1)
    ledger.note_of("ended", self.request)


@shared_task(name="chaos.out_of_memory", bind=True, ignore_result=True)
def out_of_memory(self: Any, group: str, most_bytes: int) -> None:
    """Join a control group, and fill memory until the kernel kills this process for it.

    Stop at `most_bytes`, more than the group allows, so that the machine never runs out of memory.
    """
    if _first_run(self.request):
        (Path(group) / "cgroup.procs").write_text(f"{os.getpid()}\n")
        filled = [b"x" * STEP for _ in range(most_bytes // STEP)]
        raise RuntimeError(f"{len(filled) * STEP:,} bytes did not end this process")
    ledger.note_of("ended", self.request)


def _first_run(request: Any) -> bool:
    path = Path(os.environ.get(ledger.VARIABLE, os.devnull))
    earlier = any(
        one.event == "started" and one.task_id == request.id for one in ledger.Reader(path).new()
    )
    ledger.note_of("started", request)
    return not earlier
