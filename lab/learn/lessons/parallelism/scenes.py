"""How the timings of the lesson `parallelism` are drawn on a time axis; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from lab.format import words
from lab.learn.lessons.parallelism.timing import Activity, Timing, core_count, length_s, spans
from lab.results.lesson import Scene
from tasks.lessons.notebook import Doing

#: Where a close look begins, as a share of the makespan: by then all tasks are running.
CLOSE_FROM: Final = 0.4


def overview(timings: Sequence[Timing], caption: str) -> Scene:
    """Draw the same work on the same cores for several pools: a bar for each task."""
    bars = [bar for one in timings for bar in _one_bar_per_task(one)]
    return _scene(f"{timings[0].kind} on {core_count(timings[0].cores)}", caption, bars)


def close_look(one: Timing, length_s: float, caption: str) -> Scene:
    """Draw which task had its turn when, for `length_s` seconds from the middle."""
    from_s = CLOSE_FROM * one.makespan_s
    parts = [
        replace(
            part,
            bar=replace(
                part.bar,
                started_s=max(0.0, part.bar.started_s - from_s),
                finished_s=min(length_s, part.bar.finished_s - from_s),
            ),
        )
        for part in one.activities
        if part.bar.finished_s > from_s and part.bar.started_s < from_s + length_s
    ]
    title = f"{one.kind} on {one.pool}, {core_count(one.cores)}: {length_s * 1_000:.0f} ms close-up"
    return _scene(title, caption, parts)


def _scene(title: str, caption: str, parts: Sequence[Activity]) -> Scene:
    lanes = list(dict.fromkeys(part.lane for part in parts))
    bars = tuple(replace(part.bar, lane=lanes.index(part.lane)) for part in parts)
    return Scene(title=title, caption=caption, lanes=tuple(lanes), bars=bars)


def _one_bar_per_task(one: Timing) -> Iterator[Activity]:
    """Join each task's activities into one bar that shows its share of a core."""
    for task in dict.fromkeys(part.bar.who for part in one.activities):
        own = [part for part in one.activities if part.bar.who == task]
        first, last = own[0], own[-1]
        elapsed_s = last.bar.finished_s - first.bar.started_s
        computed_s = length_s(spans(own, with_core=True))
        what = f"{words.percent(computed_s / elapsed_s)} of a core" if computed_s else "waits"
        doing: Doing = "computes" if computed_s else "waits"
        bar = replace(first.bar, doing=doing, what=what, finished_s=last.bar.finished_s)
        yield replace(first, bar=bar)
