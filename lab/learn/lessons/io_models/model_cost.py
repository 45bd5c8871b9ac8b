"""What it cost one IO model to read all sockets; pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.learn.engine.scene_run import TaskRun
from producer.statistics import percentiles


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """The cost of one model; each figure is the median of its rounds."""

    wall_s: float
    cpu_s: float
    late_p50_s: float  # from the instant an answer was due until it was read
    late_p95_s: float
    calls: Mapping[str, int]  # counted system calls, by name
    counted_by: str  # "ptrace" or "profile"
    #: Calls of `recv` that the model counted itself in the timed rounds: tracing slows polling
    #: down, so it makes fewer calls in the round in which they are counted.
    recvs: int

    @property
    def system_calls(self) -> int:
        """All system calls, with the calls of `recv` as in an untraced round."""
        traced = max((self.calls.get(name, 0) for name in ("recvfrom", "recv")), default=0)
        return sum(self.calls.values()) + max(0, self.recvs - traced)


def model_cost(
    model: str, tasks: Sequence[TaskRun], delays_ms: Sequence[int], counted: Mapping[str, Any]
) -> ModelCost:
    """Sum up a model's rounds; `counted` is the value of its task that counted system calls."""
    rounds = [task.value for task in tasks if task.label == model]
    late = [percentiles(_late_s(one["read_s"], delays_ms), 50, 95) for one in rounds]
    return ModelCost(
        wall_s=statistics.median(one["wall_s"] for one in rounds),
        cpu_s=statistics.median(one["cpu_s"] for one in rounds),
        late_p50_s=statistics.median(p50_s for p50_s, _ in late),
        late_p95_s=statistics.median(p95_s for _, p95_s in late),
        calls=counted["calls"],
        counted_by=counted["way"],
        recvs=round(statistics.median(one["recvs"] for one in rounds)),
    )


def _late_s(read_s: Sequence[float], delays_ms: Sequence[int]) -> list[float]:
    return [at_s - ms / 1_000 for at_s, ms in zip(read_s, delays_ms, strict=True)]
