"""How many cores this process may use, within its affinity and its control group's CPU quota."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return the cores, at least 1; `os.cpu_count`, which Celery uses, ignores the quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota, _, period = _quota().partition(" ")
    granted = -(-int(quota) // int(period)) if quota.isdigit() else allowed
    return max(1, min(allowed or 1, granted or 1))


def _quota() -> str:
    try:
        return _QUOTA.read_text().strip()
    except OSError:
        return ""
