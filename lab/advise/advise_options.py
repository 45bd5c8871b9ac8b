"""What the user asks of `poolwise advise`, as plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lab.advise.hooks import Hooks
from lab.advise.task_mix import Mix
from lab.advise.trial.cost import Cost
from lab.format.durations import seconds
from lab.project.candidates import Candidate
from lab.project.endpoints import Endpoint
from producer.plan import Work
from tasks.errors import UsageError
from worker.pools import Pool

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG]?)i?B?", re.IGNORECASE)
_BYTES = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_SLO = re.compile(r"p(\d{1,2}(?:\.\d+)?)\s*<\s*(\S+)")
#: The shortest and the longest budget, in seconds.
SHORTEST_S, LONGEST_S = 10.0, 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """An objective: this percentile of the run times must be below this many seconds."""

    percentile: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviseOptions:
    """A project, the calls to measure, and the bounds of the search."""

    app: str
    folder: Path
    python: Path
    calls: tuple[Work, ...]
    mix: Mix | None  # the same calls with their weights, if several tasks share the machine
    pools: tuple[Pool, ...]  # to try
    budget_s: float
    memory_bytes: int | None
    slo: Slo | None
    cost: Cost | None  # None: the throughput alone counts
    deployed: Candidate | None  # what the user runs today, once the project is open
    margin: float  # a share: by how much that may fall short
    allowed: frozenset[Endpoint]
    hooks: Hooks
    seed: int
    command: str  # that repeats it

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(sorted({call.task for call in self.calls}))


def budget(text: str) -> float:
    """Read the budget; raise UsageError if it is too short or too long."""
    value = seconds(text, "--budget")
    if not SHORTEST_S <= value <= LONGEST_S:
        raise UsageError(f"--budget must be from {SHORTEST_S:.0f}s to 24h, not {text[:60]!r}")
    return value


def memory(text: str | None) -> int | None:
    """Read a size such as `512M` or `2G`; raise UsageError otherwise."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None or not (value := int(float(found[1]) * _BYTES[found[2].lower()])):
        raise UsageError(f"--memory takes a size such as 512M or 2G, not {text[:60]!r}")
    return value


def slo(text: str | None) -> Slo | None:
    """Read an objective such as `p95<200ms`; raise UsageError otherwise."""
    if text is None:
        return None
    found = _SLO.fullmatch(text.strip())
    if found is None or not 0 < float(found[1]) < 100:
        raise UsageError(f'--slo takes an objective such as "p95<200ms", not {text[:60]!r}')
    return Slo(percentile=float(found[1]), seconds=seconds(found[2], "--slo"))
