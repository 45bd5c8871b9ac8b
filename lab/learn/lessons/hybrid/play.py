"""The scenes and trials of the lesson `hybrid`: each mix of jobs on each layout of workers.

It must not know what is concluded from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import SceneRun
from lab.learn.engine.trials import Trials, run_trials
from lab.learn.lessons.hybrid.jobs import BOTH, COMPUTING, DRAWN, WAITING, Mix
from lab.learn.lessons.hybrid.layouts import Layout, Layouts, start_layouts
from lab.measure.calibrate import calibrate
from lab.results.lesson import Bar, Lane, Scene

#: With more cores it would only take longer to show the same.
MOST_CORES: Final = 4
DRAWN_PER_CORE: Final = 4

CAPTIONS: Final = (
    "A process for each job: they compute and wait side by side.",
    "One GIL: threads that compute at the same time take turns; the others wait for their IO.",
    "One thread: the next greenlet computes as soon as this one waits.",
    "The same pattern on each core.",
    "Threads inside processes: a task takes several jobs and runs each in a thread of its own.",
    "As many processes as fit in the memory of all the gevent workers: too few, so jobs queue.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixRuns:
    """All that the lesson has measured."""

    layouts: Layouts
    mixes: Mapping[str, Mix]
    trials: Mapping[str, Mapping[str, Trials]]  # by mix, by layout


def play(context: Context) -> MixRuns:
    """Draw what each layout does, then run each mix on all of them in turn."""
    cores = min(context.machine.cores, MOST_CORES)
    speed = calibrate().burn_iterations_per_ms
    layouts = start_layouts(context, cores, context.count("slots"), speed)
    for layout, caption in zip(layouts.every, CAPTIONS, strict=True):
        ran = context.run_scene(layout.name, layout.calls(DRAWN_PER_CORE * cores, DRAWN))
        context.show(draw(layout, ran, caption))
    mixes = {mix.name: mix for mix in _mixes(context)}
    jobs = context.count("jobs")
    trials = {
        mix.name: run_trials(
            context, mix.name, {one.name: partial(one.calls, jobs, mix) for one in layouts.every}
        )
        for mix in mixes.values()
    }
    return MixRuns(layouts=layouts, mixes=mixes, trials=trials)


def _mixes(context: Context) -> tuple[Mix, ...]:
    return (
        Mix(name=WAITING, cpu_ms=2, io_ms=context.dial("io_ms")),
        Mix(name=BOTH, cpu_ms=8, io_ms=32),
        Mix(name=COMPUTING, cpu_ms=context.dial("cpu_ms"), io_ms=5),
    )


def draw(layout: Layout, ran: SceneRun, caption: str) -> Scene:
    """Draw a lane for each slot or, with threads inside the tasks, for each thread."""
    if not layout.threads:
        return ran.scene(caption)
    notes = [
        (Lane(node=task.node, slot=f"{task.pid} {note.what}"), f"one of {task.label}", note)
        for task in ran.tasks
        for note in task.notes
    ]
    lanes = sorted({lane for lane, _, _ in notes}, key=lambda lane: lane.slot)
    bars = tuple(
        Bar(
            lane=lanes.index(lane),
            doing=note.doing,
            what="",
            who=label,
            started_s=note.started_s,
            finished_s=note.finished_s,
        )
        for lane, label, note in notes
    )
    return Scene(title=ran.title, caption=caption, lanes=tuple(lanes), bars=bars)
