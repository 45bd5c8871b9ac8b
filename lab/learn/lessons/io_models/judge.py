"""What each IO model took to read the same sockets, summed up and judged; data in, data out."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.format import words
from lab.learn.engine.scene_run import TaskRun
from lab.results.lesson import Cell, Claim, Column, Table
from producer.statistics import percentiles
from tasks.lessons.io_models import IO_URING
from tasks.lessons.reading import MODELS

#: What one wait for all sockets is called here: epoll, on macOS kqueue.
BEST: Final = next(name for name in ("epoll", "kqueue", "select") if name in MODELS)
FIGURES: Final = (
    Column(heading="model"),
    Column(heading="wall time", unit="seconds"),
    Column(heading="CPU time", unit="seconds"),
    Column(heading="system calls", unit="count"),
    Column(heading="latency p50", unit="seconds"),
    Column(heading="p95", unit="seconds"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one model took; each figure the median of its rounds."""

    wall_s: float
    cpu_s: float
    late_p50_s: float  # from the instant an answer was due until it was read
    late_p95_s: float
    calls: Mapping[str, int]  # system calls by name
    way: str  # how these were counted: "ptrace" or "profile"
    #: Calls of `recv` as the model counted them itself; tracing slows polling down, so that these
    #: are what it makes when nobody looks.
    recvs: int

    @property
    def system_calls(self) -> int:
        """How many system calls there were."""
        recv = max((self.calls.get(name, 0) for name in ("recvfrom", "recv")), default=0)
        return sum(self.calls.values()) + max(0, self.recvs - recv)


def summed(
    model: str, tasks: Sequence[TaskRun], delays_ms: Sequence[int], counted: Mapping[str, Any]
) -> Seen:
    """Sum a model's rounds up."""
    rounds = [task.value for task in tasks if task.label == model]
    late = [percentiles(_late_s(one["read_s"], delays_ms), 50, 95) for one in rounds]
    return Seen(
        wall_s=statistics.median(one["wall_s"] for one in rounds),
        cpu_s=statistics.median(one["cpu_s"] for one in rounds),
        late_p50_s=statistics.median(p50_s for p50_s, _ in late),
        late_p95_s=statistics.median(p95_s for _, p95_s in late),
        calls=counted["calls"],
        way=counted["way"],
        recvs=round(statistics.median(one["recvs"] for one in rounds)),
    )


def _late_s(read_s: Sequence[float], delays_ms: Sequence[int]) -> list[float]:
    return [at_s - ms / 1_000 for at_s, ms in zip(read_s, delays_ms, strict=True)]


def claims(seen: Mapping[str, Seen], delays_ms: Sequence[int]) -> Iterator[Claim]:
    """Say what should be so, and whether it is."""
    blocking, polling, best = seen["blocking"], seen["polling"], seen[BEST]
    sum_s, longest_s = sum(delays_ms) / 1_000, max(delays_ms) / 1_000
    yield Claim(
        says=f"blocking takes the sum of the delays, {BEST} about the longest of them",
        holds=blocking.wall_s >= 0.98 * sum_s and best.wall_s < blocking.wall_s / 2,
        seen=f"{words.duration(blocking.wall_s)} for a sum of {words.duration(sum_s)}, "
        f"{words.duration(best.wall_s)} for {words.duration(longest_s)}",
    )
    yield Claim(
        says=f"polling takes several times the CPU time of {BEST}",
        holds=polling.cpu_s >= 3 * best.cpu_s,
        seen=f"{words.duration(polling.cpu_s)} against {words.duration(best.cpu_s)}, "
        f"{words.times(polling.cpu_s / best.cpu_s)}",
    )
    yield Claim(
        says=f"polling makes many times the system calls of {BEST}",
        holds=polling.system_calls >= 5 * best.system_calls,
        seen=f"{words.count(polling.system_calls)} against {words.count(best.system_calls)}",
    )
    waits = [name for name in seen["asyncio"].calls if name.startswith(("epoll_wait", "epoll_pw"))]
    if BEST == "epoll" and seen["asyncio"].way == "ptrace":
        yield Claim(
            says="asyncio is multiplexing underneath: it waits in epoll",
            holds=bool(waits),
            seen=", ".join(
                f"{n} {words.count(seen['asyncio'].calls[n])} {words.TIMES}" for n in waits
            )
            or "no such call",
        )
    if IO_URING in seen and seen[IO_URING].way == "ptrace":
        ours = seen[IO_URING].system_calls
        yield Claim(
            says=f"io_uring needs fewer system calls than {BEST}",
            holds=ours < best.system_calls / 2,
            seen=f"{words.count(ours)} against {words.count(best.system_calls)}",
        )


def figures(seen: Mapping[str, Seen], delays_ms: Sequence[int]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (model, one.wall_s, one.cpu_s, one.system_calls, one.late_p50_s, one.late_p95_s)
        for model, one in seen.items()
    ]
    title = (
        f"{len(delays_ms)} sockets, answered after {min(delays_ms)} to {max(delays_ms)} ms "
        "(latency: from then until read)"
    )
    return Table(title=title, columns=FIGURES, rows=tuple(rows))


def by_name(seen: Mapping[str, Seen]) -> Table:
    rows = []
    for model, one in seen.items():
        ranked = sorted(one.calls.items(), key=lambda item: -item[1])
        most = ", ".join(f"{name} {words.count(calls)}" for name, calls in ranked[:5])
        rows.append((model, sum(one.calls.values()), most))
    columns = (
        Column(heading="model"),
        Column(heading="traced", unit="count"),
        Column(heading="most of them"),
    )
    return Table(title="System calls by name", columns=columns, rows=tuple(rows))


def remarks(seen: Mapping[str, Seen], refusal: str, why: str) -> Iterator[str]:
    if seen[BEST].way == "ptrace":
        yield (
            "System calls were counted by the kernel's word (ptrace), in a pass of its own: being "
            "watched takes time. It makes polling ask less often, so what polling asks unwatched "
            "is its own count of the timed pass."
        )
    else:
        yield (
            f"System calls were counted as Python's calls that make one, since {why}; what the C "
            "library calls beside them is not in it."
        )
    if refusal:
        yield f"io_uring is left out: {refusal}."


def verdict(seen: Mapping[str, Seen], delays_ms: Sequence[int]) -> str:
    blocking, polling, best = seen["blocking"], seen["polling"], seen[BEST]
    return (
        f"To read the same {len(delays_ms)} answers polling used "
        f"{words.duration(polling.cpu_s)} of CPU and {words.count(polling.system_calls)} system "
        f"calls, {BEST} {words.duration(best.cpu_s)} and {words.count(best.system_calls)}, and "
        f"both were done in about {words.duration(best.wall_s)}. Blocking on one socket after the "
        f"other took {words.duration(blocking.wall_s)}, the sum of all delays, with "
        f"{words.duration(blocking.cpu_s)} of CPU; a thread for each of them "
        f"{words.duration(seen['threads'].wall_s)} with {words.duration(seen['threads'].cpu_s)}."
    )
