"""A timeline fits the terminal, and shows who waited for what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.learn.engine.timeline import MOST_LANES, circle, drawn, legend
from lab.results.lesson import Lane, Wait
from tests.unit.lab.learn.engine.sample import CYCLE, bar, scene


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("lanes", [1, 3, MOST_LANES + 5])
def test_no_line_is_wider_than_the_terminal(width: int, lanes: int) -> None:
    lines = drawn(scene(lanes), width)
    assert all(line.cell_len <= width for line in lines)
    assert len(lines) == min(lanes, MOST_LANES) + 1 + (lanes > MOST_LANES)


def test_what_is_waited_for_is_written_where_it_fits() -> None:
    plain = [line.plain for line in drawn(scene(), 80)]
    assert " pause " in plain[0]
    assert plain[-1].endswith("2.00 s")


def test_a_bar_without_a_task_shows_only_what_is_done() -> None:
    anonymous = replace(scene(1), bars=(replace(bar(0, 0.0, 1.0), who="", what="pause"),))
    line = drawn(anonymous, 80)[0].plain
    assert " pause " in line
    assert ": pause" not in line


def test_lanes_left_out_are_counted() -> None:
    assert drawn(scene(MOST_LANES + 5), 80)[-1].plain.strip() == "and 5 more like these"


def test_a_bar_starts_where_its_time_does() -> None:
    late = replace(scene(1), bars=(bar(0, 5.0, 10.0),))
    line, axis = (line.plain for line in drawn(late, 104)[:2])
    zero = axis.index("0")
    assert (line.index("▏") - zero) / (len(line) - zero) == pytest.approx(0.5, abs=0.02)


def test_the_legend_explains_only_what_is_there() -> None:
    assert [line.plain for line in legend(scene()).values()] == [
        "─── waits for a timer, a reply or a barrier",
        "threads 11/0: worker process/thread",
    ]


def test_the_legend_explains_each_form_of_name_once_and_no_lane_without_a_worker() -> None:
    slots = ("11", "11#3", "12", "13 thread 1")
    lanes = [Lane(node="pool@here", slot=slot) for slot in slots]
    mixed = replace(scene(), bars=(), lanes=(Lane(node="client", slot="7"), *lanes))
    assert [line.plain for line in legend(mixed).values()] == [
        "pool 11: worker process",
        "pool 11#3: worker process#greenlet",
    ]


def test_a_circle_leads_back_to_where_it_began() -> None:
    top, ends, back = (line.plain for line in circle(CYCLE, 80))
    assert top.strip() == "first ── waits for lock b ──▶ second"
    assert "waits for lock a" in back
    assert ends.index("▲") == back.index("╰") == top.index("first") + 1
    assert ends.index("│") == back.index("╯") == top.index("second") + 1


def test_a_circle_of_many_is_drawn_narrower() -> None:
    waits = [
        Wait(who=f"task {n}", what=f"lock {(n + 1) % 4}", holder=f"task {(n + 1) % 4}")
        for n in range(4)
    ]
    assert "waits for" in circle(waits, 120)[0].plain
    narrow = circle(waits, 80)
    assert "waits for" not in narrow[0].plain
    assert all(line.cell_len <= 80 for line in narrow)


def test_without_a_circle_there_is_nothing_to_draw() -> None:
    assert circle((), 80) == []


def test_a_bar_says_who_does_it_where_there_is_room() -> None:
    assert " take 0: pause " in drawn(scene(), 120)[0].plain
