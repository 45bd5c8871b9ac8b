"""How the lesson `io-models` sums up the cost of a model, draws it, and what it concludes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.learn.engine.scene_run import Note
from lab.learn.lessons.io_models.judge import BEST, judge
from lab.learn.lessons.io_models.model_cost import ModelCost, model_cost
from lab.learn.lessons.io_models.play import ModelRuns, delays
from lab.learn.lessons.io_models.readings import draw, merged
from tasks.lessons.io_models.tasks import IO_URING
from tests.unit.lab.learn.lessons.made import task

DELAYS_MS = [100, 200, 300]


def cost(cpu_s: float, calls: dict[str, int], recvs: int = 3, wall_s: float = 0.302) -> ModelCost:
    return ModelCost(
        wall_s=wall_s,
        cpu_s=cpu_s,
        late_p50_s=0.001,
        late_p95_s=0.002,
        calls=calls,
        counted_by="ptrace",
        recvs=recvs,
    )


def usual() -> dict[str, ModelCost]:
    return {
        "blocking": cost(0.01, {"sendto": 3, "recvfrom": 3}, wall_s=0.61),
        "threads": cost(0.02, {"futex": 90}),
        "polling": cost(0.3, {"recvfrom": 40}, recvs=4_000),
        BEST: cost(0.01, {"epoll_wait": 3, "recvfrom": 3}),
        "asyncio": cost(0.01, {"epoll_wait": 4}),
        IO_URING: cost(0.01, {"io_uring_enter": 2}, recvs=0),
    }


def runs(costs: dict[str, ModelCost], no_ptrace: str = "", no_io_uring: str = "") -> ModelRuns:
    return ModelRuns(costs=costs, delays_ms=DELAYS_MS, no_ptrace=no_ptrace, no_io_uring=no_io_uring)


def test_delays_are_mostly_short_shuffled_and_always_the_same() -> None:
    made = delays(100, 30.0)
    assert made == delays(100, 30.0) != sorted(made)
    assert sum(made) / len(made) == pytest.approx(30, abs=1)
    assert max(made) > 4 * 30 > 30 > sorted(made)[50]
    assert min(delays(20, 5.0)) >= 1


def test_calls_of_recv_count_as_in_the_untraced_rounds() -> None:
    assert cost(0.1, {"recvfrom": 40, "sendto": 3}, recvs=4_000).system_calls == 4_003
    assert cost(0.1, {"recvfrom": 40, "sendto": 3}, recvs=40).system_calls == 43


def test_each_figure_is_the_median_of_the_rounds() -> None:
    def read(cpu_s: float, late_s: float) -> Any:
        read_s = [ms / 1_000 + late_s for ms in DELAYS_MS]
        return task(BEST, 0, 1, {"wall_s": 0.3, "cpu_s": cpu_s, "read_s": read_s, "recvs": 3})

    tasks = [read(0.1, 0.01), read(0.5, 0.03), read(0.2, 0.02), task("another", 0, 1, {})]
    summed = model_cost(BEST, tasks, DELAYS_MS, {"calls": {"recvfrom": 3}, "way": "ptrace"})
    assert summed.cpu_s == 0.2
    assert summed.late_p50_s == pytest.approx(0.02)


def test_all_claims_hold_for_the_usual_costs() -> None:
    findings = judge(runs(usual()))
    costs, calls = findings.tables
    assert all(claim.holds for claim in findings.claims)
    assert "30 ms" not in findings.verdict
    assert "4,000 system calls" in findings.verdict
    assert [row[0] for row in costs.rows] == list(usual())
    assert calls.rows[0][1:] == (6, "sendto 3, recvfrom 3")


@pytest.mark.parametrize(
    ("model", "unexpected", "says"),
    [
        ("blocking", cost(0.01, {}, wall_s=0.4), "blocking takes"),
        ("polling", cost(0.02, {"recvfrom": 40}, recvs=4_000), "polling uses"),
        ("polling", cost(0.3, {"recvfrom": 3}), "polling makes"),
        ("asyncio", cost(0.01, {"select": 4}), "asyncio multiplexes"),
        (IO_URING, cost(0.01, {"io_uring_enter": 5}, recvs=0), "io_uring needs"),
    ],
)
def test_an_unexpected_cost_fails_its_claim(model: str, unexpected: ModelCost, says: str) -> None:
    findings = judge(runs({**usual(), model: unexpected}))
    [failed] = [claim for claim in findings.claims if not claim.holds]
    assert failed.says.startswith(says)


def test_remarks_explain_a_missing_model_and_a_count_without_ptrace() -> None:
    assert len(judge(runs(usual())).remarks) == 1
    profiled = {**usual(), BEST: replace(usual()[BEST], counted_by="profile")}
    reasons = runs(profiled, "ptrace is not permitted here", "the kernel does not allow it")
    counting, left_out = judge(reasons).remarks
    assert "because ptrace is not permitted here" in counting
    assert left_out == "io_uring was left out: the kernel does not allow it."


def test_readings_are_drawn_as_if_they_started_together() -> None:
    drawn = draw([task("blocking", 1.0, 3.0), task("polling", 5.0, 5.5)], "a title", "a caption")
    assert [bar.started_s for bar in drawn.bars] == [0.0, 0.0]
    assert [lane.slot for lane in drawn.lanes] == ["blocking", "polling"]
    assert drawn.end_s == 2.0


def test_notes_are_merged_into_what_took_most_of_the_time() -> None:
    notes = (
        Note(doing="computes", what="ask", started_s=0.0, finished_s=0.1),
        Note(doing="waits", what="epoll_wait", started_s=0.1, finished_s=0.9),
        Note(doing="computes", what="read", started_s=0.9, finished_s=1.0),
    )
    [note] = merged(task("epoll", 0.0, 1.0, notes=notes)).notes
    assert (note.doing, note.started_s, note.finished_s) == ("waits", 0.0, 1.0)
