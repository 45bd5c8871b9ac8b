"""What the lesson `io-models` concludes from the cost of each model; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lab.format import words
from lab.learn.lessons.io_models.model_cost import ModelCost
from lab.learn.lessons.io_models.play import ModelRuns
from lab.results.lesson import Cell, Claim, Column, Findings, Table
from tasks.lessons.io_models.models import MODELS
from tasks.lessons.io_models.tasks import IO_URING

#: The best model for waiting on all sockets at once: epoll, or kqueue on macOS.
BEST: Final = next(name for name in ("epoll", "kqueue", "select") if name in MODELS)
COST_COLUMNS: Final = (
    Column(heading="model"),
    Column(heading="wall time", unit="seconds"),
    Column(heading="CPU time", unit="seconds"),
    Column(heading="system calls", unit="count"),
    Column(heading="latency p50", unit="seconds"),
    Column(heading="p95", unit="seconds"),
)
CALL_COLUMNS: Final = (
    Column(heading="model"),
    Column(heading="system calls", unit="count"),
    Column(heading="most frequent"),
)


def judge(runs: ModelRuns) -> Findings:
    """Conclude from the cost of all models."""
    return Findings(
        tables=(_cost_table(runs), _call_table(runs.costs)),
        claims=tuple(_claims(runs)),
        verdict=_verdict(runs),
        remarks=tuple(_remarks(runs)),
    )


def _cost_table(runs: ModelRuns) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (model, one.wall_s, one.cpu_s, one.system_calls, one.late_p50_s, one.late_p95_s)
        for model, one in runs.costs.items()
    ]
    delays_ms = runs.delays_ms
    title = (
        f"{len(delays_ms)} sockets, answered after {min(delays_ms)} to {max(delays_ms)} ms "
        "(latency: from when an answer is due to when it is read)"
    )
    return Table(title=title, columns=COST_COLUMNS, rows=tuple(rows))


def _call_table(costs: Mapping[str, ModelCost]) -> Table:
    rows = []
    for model, one in costs.items():
        ranked = sorted(one.calls.items(), key=lambda item: -item[1])
        most = ", ".join(f"{name} {words.count(calls)}" for name, calls in ranked[:5])
        rows.append((model, sum(one.calls.values()), most))
    title = (
        "System calls by name, counted in a separate round (there, polling makes fewer recv "
        "calls, because counting slows it down)"
    )
    return Table(title=title, columns=CALL_COLUMNS, rows=tuple(rows))


def _claims(runs: ModelRuns) -> Iterator[Claim]:
    costs, delays_ms = runs.costs, runs.delays_ms
    blocking, polling, best = costs["blocking"], costs["polling"], costs[BEST]
    sum_s, longest_s = sum(delays_ms) / 1_000, max(delays_ms) / 1_000
    yield Claim(
        says=(
            f"blocking takes at least as long as all the delays added up, {BEST} less than half "
            "of that"
        ),
        holds=blocking.wall_s >= 0.98 * sum_s and best.wall_s < blocking.wall_s / 2,
        seen=f"{words.duration(blocking.wall_s)} for a sum of {words.duration(sum_s)}; "
        f"{words.duration(best.wall_s)}, the longest delay is {words.duration(longest_s)}",
    )
    yield Claim(
        says=f"polling uses several times as much CPU time as {BEST}",
        holds=polling.cpu_s >= 3 * best.cpu_s,
        seen=f"{words.duration(polling.cpu_s)} against {words.duration(best.cpu_s)}, "
        f"{words.times(polling.cpu_s / best.cpu_s)}",
    )
    yield Claim(
        says=f"polling makes far more system calls than {BEST}",
        holds=polling.system_calls >= 5 * best.system_calls,
        seen=f"{words.count(polling.system_calls)} against {words.count(best.system_calls)}",
    )
    yield from _kernel_claims(costs)


def _kernel_claims(costs: Mapping[str, ModelCost]) -> Iterator[Claim]:
    """Judge what only the kernel's own count of system calls can show."""
    asyncio = costs["asyncio"]
    if BEST == "epoll" and asyncio.counted_by == "ptrace":
        waits = [name for name in asyncio.calls if name.startswith(("epoll_wait", "epoll_pw"))]
        yield Claim(
            says="asyncio multiplexes, too, because its loop waits in epoll",
            holds=bool(waits),
            seen=", ".join(
                f"{name}: {words.counted(asyncio.calls[name], 'call')}" for name in waits
            )
            or "no such call",
        )
    if IO_URING in costs and costs[IO_URING].counted_by == "ptrace":
        calls, best = costs[IO_URING].system_calls, costs[BEST].system_calls
        yield Claim(
            says=f"io_uring needs fewer system calls than {BEST}",
            holds=calls < best / 2,
            seen=f"{words.count(calls)} against {words.count(best)}",
        )


def _remarks(runs: ModelRuns) -> Iterator[str]:
    if runs.costs[BEST].counted_by == "ptrace":
        yield (
            "The system calls were counted with ptrace in a separate round, because tracing takes "
            "time. Tracing also slows polling down, so its recv calls are taken from the "
            "timed rounds, in which the task counted them itself."
        )
    else:
        yield (
            "Only the system calls made by Python functions are counted, because "
            f"{runs.no_ptrace}; calls that the C library makes on its own are missing."
        )
    if runs.no_io_uring:
        yield f"io_uring was left out: {runs.no_io_uring}."


def _verdict(runs: ModelRuns) -> str:
    costs = runs.costs
    blocking, polling, best = costs["blocking"], costs["polling"], costs[BEST]
    threads = costs["threads"]
    return (
        f"To read the same {len(runs.delays_ms)} answers, polling used "
        f"{words.duration(polling.cpu_s)} of CPU and {words.count(polling.system_calls)} system "
        f"calls, {BEST} {words.duration(best.cpu_s)} and {words.count(best.system_calls)}; they "
        f"took {words.duration(polling.wall_s)} and {words.duration(best.wall_s)}. Blocking on one "
        f"socket after the other took {words.duration(blocking.wall_s)} (all delays add up to "
        f"{words.duration(sum(runs.delays_ms) / 1000)}), with "
        f"{words.duration(blocking.cpu_s)} of CPU; a thread for each socket took "
        f"{words.duration(threads.wall_s)}, with {words.duration(threads.cpu_s)} of CPU."
    )
