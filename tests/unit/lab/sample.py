"""Results built by hand, for tests of analysis, terminal and report."""

from __future__ import annotations

from collections.abc import Sequence

from lab.analysis.score import summarise
from lab.results.common import Span
from lab.results.race import Account, PoolResult, Repeat


def account(submitted: int = 10, **ends: int) -> Account:
    rest = submitted - sum(ends.get(end, 0) for end in ("failed", "lost", "timed_out", "unserved"))
    return Account(
        submitted=submitted,
        finished=rest,
        failed=ends.get("failed", 0),
        lost=ends.get("lost", 0),
        timed_out=ends.get("timed_out", 0),
        unserved=ends.get("unserved", 0),
        duplicated=ends.get("duplicated", 0),
    )


def repeat(
    makespan_s: float = 2.0,
    *,
    ends: Account | None = None,
    submit_s: float = 0.01,
    cpu_s: float = 1.0,
    pss_bytes: int = 50_000_000,
    died: str = "",
    spans: tuple[Span, ...] = (),
    others_cpu: float | None = None,
    stolen_cpu: float | None = None,
    others: int = 0,
    others_slots: float = 0.0,
) -> Repeat:
    ends = ends or account()
    return Repeat(
        makespan_s=makespan_s,
        throughput_per_s=ends.finished / makespan_s,
        latencies_s=tuple(makespan_s * (n + 1) / ends.finished for n in range(ends.finished)),
        finished_at_s=tuple(makespan_s * (n + 1) / ends.finished for n in range(ends.finished)),
        service_s=(0.1,) * ends.finished,
        spans=spans or (Span(slot="1", started_s=0.0, finished_s=makespan_s),),
        cpu_s=cpu_s,
        peak_pss_bytes=pss_bytes,
        submit_s=submit_s,
        worst_slip_s=0.0,
        account=ends,
        worker_died=died,
        others=others,
        others_slot_share=others_slots,
        others_cpu_share=others_cpu,
        stolen_cpu_share=stolen_cpu,
    )


def pool(
    name: str, makespans_s: Sequence[float] = (2.0, 2.0, 2.0), *, pss_bytes: int = 50_000_000
) -> PoolResult:
    return of(name, tuple(repeat(m, pss_bytes=pss_bytes) for m in makespans_s))


def of(name: str, repeats: tuple[Repeat, ...], ideal_s: float = 1.9) -> PoolResult:
    return PoolResult(
        pool=name,
        concurrency=2,
        slot="process",
        ideal_makespan_s=ideal_s,
        start_up_s=1.0,
        repeats=repeats,
        summary=summarise(repeats, ideal_s),
    )
