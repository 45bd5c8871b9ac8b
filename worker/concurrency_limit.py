"""The highest concurrency that a pool may have here, from the limits on processes and threads."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

from tasks.errors import UsageError
from worker.pools import Pool

#: A higher concurrency is taken for a typing mistake.
MAX_SLOTS: Final = 10_000

_CGROUP: Final = Path("/sys/fs/cgroup")


def checked_concurrency(pool: Pool, concurrency: int) -> int:
    """Return `concurrency`; raise UsageError if `pool` cannot have it here."""
    if not 1 <= concurrency <= MAX_SLOTS:
        raise UsageError(f"concurrency must be between 1 and {MAX_SLOTS:,}, not {concurrency:,}")
    fixed = pool.fixed_concurrency
    if fixed is not None and concurrency != fixed:
        raise UsageError(f"{pool.name} runs {fixed} task at a time: leave out --concurrency")
    started = max(pool.processes(concurrency), pool.threads(concurrency))
    limit = process_limit()
    if started > limit:
        raise UsageError(
            f"{pool.name} with concurrency {concurrency:,} needs {started:,} processes and "
            f"threads, but this worker may only have {limit:,}; choose a lower --concurrency"
        )
    return concurrency


def process_limit() -> int:
    """Return the limit on processes and threads for this user and control group."""
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
