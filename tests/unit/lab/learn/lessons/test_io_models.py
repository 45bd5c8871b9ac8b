"""What the models took is summed up, and judged, and drawn as if they had begun together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.learn.engine.scene_run import Note
from lab.learn.lessons.io_models.judge import (
    BEST,
    Seen,
    by_name,
    claims,
    figures,
    remarks,
    summed,
    verdict,
)
from lab.learn.lessons.io_models.lesson import delays, merged, scene
from tasks.lessons.io_models import IO_URING
from tests.unit.lab.learn.lessons.made import task

DELAYS_MS = [100, 200, 300]


def took(cpu_s: float, calls: dict[str, int], recvs: int = 3, wall_s: float = 0.302) -> Seen:
    return Seen(
        wall_s=wall_s, cpu_s=cpu_s, late_p50_s=0.001, late_p95_s=0.002, calls=calls, way="ptrace",
        recvs=recvs,
    )  # fmt: skip


def whole() -> dict[str, Seen]:
    return {
        "blocking": took(0.01, {"sendto": 3, "recvfrom": 3}, wall_s=0.61),
        "threads": took(0.02, {"futex": 90}),
        "polling": took(0.3, {"recvfrom": 40}, recvs=4_000),
        BEST: took(0.01, {"epoll_wait": 3, "recvfrom": 3}),
        "asyncio": took(0.01, {"epoll_wait": 4}),
        IO_URING: took(0.01, {"io_uring_enter": 2}, recvs=0),
    }


def test_most_delays_are_short_few_long_and_always_the_same() -> None:
    made = delays(100, 30.0)
    assert made == delays(100, 30.0) != sorted(made)
    assert sum(made) / len(made) == pytest.approx(30, abs=1)
    assert max(made) > 4 * 30 > 30 > sorted(made)[50]
    assert min(delays(20, 5.0)) >= 1


def test_what_polling_asked_unwatched_counts() -> None:
    assert took(0.1, {"recvfrom": 40, "sendto": 3}, recvs=4_000).system_calls == 4_003
    assert took(0.1, {"recvfrom": 40, "sendto": 3}, recvs=40).system_calls == 43


def test_rounds_are_summed_up_by_their_medians() -> None:
    def read(cpu_s: float, late_s: float) -> Any:
        read_s = [ms / 1_000 + late_s for ms in DELAYS_MS]
        return task(BEST, 0, 1, {"wall_s": 0.3, "cpu_s": cpu_s, "read_s": read_s, "recvs": 3})

    tasks = [read(0.1, 0.01), read(0.5, 0.03), read(0.2, 0.02), task("another", 0, 1, {})]
    seen = summed(BEST, tasks, DELAYS_MS, {"calls": {"recvfrom": 3}, "way": "ptrace"})
    assert seen.cpu_s == 0.2
    assert seen.late_p50_s == pytest.approx(0.02)


def test_what_was_to_be_shown_is_borne_out() -> None:
    assert all(claim.holds for claim in claims(whole(), DELAYS_MS))
    assert "30 ms" not in verdict(whole(), DELAYS_MS)
    assert "4,000 system calls" in verdict(whole(), DELAYS_MS)
    assert [row[0] for row in figures(whole(), DELAYS_MS).rows] == list(whole())
    assert by_name(whole()).rows[0][1:] == (6, "sendto 3, recvfrom 3")


@pytest.mark.parametrize(
    ("model", "otherwise", "said"),
    [
        ("blocking", took(0.01, {}, wall_s=0.4), "blocking takes"),
        ("polling", took(0.02, {"recvfrom": 40}, recvs=4_000), "polling takes"),
        ("polling", took(0.3, {"recvfrom": 3}), "polling makes"),
        ("asyncio", took(0.01, {"select": 4}), "asyncio is"),
        (IO_URING, took(0.01, {"io_uring_enter": 5}, recvs=0), "io_uring needs"),
    ],
)
def test_what_was_not_so_is_said(model: str, otherwise: Seen, said: str) -> None:
    seen = {**whole(), model: otherwise}
    [failed] = [claim for claim in claims(seen, DELAYS_MS) if not claim.holds]
    assert failed.says.startswith(said)


def test_a_model_that_is_not_there_and_a_count_that_is_not_the_kernels_are_told() -> None:
    assert len(list(remarks(whole(), "", ""))) == 1
    called = {**whole(), BEST: replace(whole()[BEST], way="profile")}
    how, left_out = remarks(called, "the kernel refuses it", "ptrace is not permitted here")
    assert "since ptrace is not permitted here" in how
    assert left_out == "io_uring is left out: the kernel refuses it."


def test_readings_are_drawn_from_their_own_beginnings() -> None:
    drawn = scene([task("blocking", 1.0, 3.0), task("polling", 5.0, 5.5)], "a title", "a caption")
    assert [bar.started_s for bar in drawn.bars] == [0.0, 0.0]
    assert [lane.slot for lane in drawn.lanes] == ["blocking", "polling"]
    assert drawn.end_s == 2.0


def test_one_note_may_stand_for_all() -> None:
    notes = (
        Note(doing="computes", what="ask", started_s=0.0, finished_s=0.1),
        Note(doing="waits", what="epoll_wait", started_s=0.1, finished_s=0.9),
        Note(doing="computes", what="read", started_s=0.9, finished_s=1.0),
    )
    [note] = merged(task("epoll", 0.0, 1.0, notes=notes)).notes
    assert (note.doing, note.started_s, note.finished_s) == ("waits", 0.0, 1.0)
