"""How many slots a pool may be given here, before so many processes or threads cannot be had."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

from tasks.errors import UsageError
from worker.pools import Pool

#: Slots beyond which a number is taken for a slip of the finger.
MAX_SLOTS: Final = 10_000

_CGROUP: Final = Path("/sys/fs/cgroup")


def checked_concurrency(pool: Pool, concurrency: int) -> int:
    """Return `concurrency`; raise UsageError, with one line, where `pool` cannot have it here."""
    if not 1 <= concurrency <= MAX_SLOTS:
        raise UsageError(f"concurrency must be within 1 and {MAX_SLOTS:,}, not {concurrency:,}")
    fixed = pool.fixed_concurrency
    if fixed is not None and concurrency != fixed:
        raise UsageError(f"{pool.name} runs {fixed} task at a time: leave --concurrency out")
    started = max(pool.processes(concurrency), pool.threads(concurrency))
    limit = process_limit()
    if started > limit:
        raise UsageError(
            f"{pool.name} with concurrency {concurrency:,} needs {started:,} processes and "
            f"threads, and this worker may have {limit:,}; ask for less with --concurrency"
        )
    return concurrency


def process_limit() -> int:
    """Return how many processes and threads this process and its kin may be, all together."""
    own = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    limits = [own] if own != resource.RLIM_INFINITY else []
    group = _text(_CGROUP / "pids.max")
    limits += [int(group)] if group.isdigit() else []
    return min(limits, default=MAX_SLOTS * 2)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
