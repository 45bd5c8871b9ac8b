"""Two waits, run one after the other and at the same time.

It must not know what is concluded from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import Call, SceneRun, TaskRun
from lab.results.lesson import Bar, Lane, Scene
from producer.plan import Work
from tasks.lessons.coroutines import waiting

#: Units of each wait.
WAITS: Final = {"long wait": 5, "short wait": 3}
#: The ways to run them.
IN_TURN, GREENLETS, TASKS = "one after the other", "two greenlets of one task", "two tasks"
CAPTIONS: Final = {
    IN_TURN: "One task, one greenlet: the short wait starts when the long one is over.",
    GREENLETS: "One task, two greenlets, one thread: both wait at the same time.",
    TASKS: "Two tasks of one gevent worker: it runs each of them in a greenlet of its own.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitTimes:
    """How long the waits took, in seconds."""

    alone_s: Mapping[str, float]  # each wait, while nothing else ran
    both_s: Mapping[str, float]  # both waits, by the way they were run

    @property
    def sum_s(self) -> float:
        """The two waits added up."""
        return sum(self.alone_s.values())

    @property
    def longer_s(self) -> float:
        """The longer of the two waits."""
        return max(self.alone_s.values())


def run_two_waits(context: Context, unit_s: float) -> WaitTimes:
    """Run the waits in each way and show the scenes."""
    waits = [(name, units * unit_s) for name, units in WAITS.items()]
    in_turn = _run(context, IN_TURN, [waits], together=False)
    [sequential] = in_turn.tasks
    context.show(in_turn.scene(CAPTIONS[IN_TURN]))
    [concurrent] = _run(context, GREENLETS, [waits], together=True).tasks
    context.show(_by_greenlet(concurrent))
    tasks = _run(context, TASKS, [[one] for one in waits], together=False)
    context.show(tasks.scene(CAPTIONS[TASKS]))
    return WaitTimes(
        alone_s={name: ended_s - began_s for name, _, began_s, ended_s in sequential.value},
        both_s={
            IN_TURN: _elapsed_s(sequential),
            GREENLETS: _elapsed_s(concurrent),
            TASKS: max(one.finished_s for one in tasks.tasks)
            - min(one.started_s for one in tasks.tasks),
        },
    )


def _run(
    context: Context, title: str, tasks: list[list[tuple[str, float]]], *, together: bool
) -> SceneRun:
    worker = context.worker("gevent")
    calls = [
        Call(
            work=Work(task=waiting.run_waits.name, args=(waits, together)),
            worker=worker,
            label=f"task {number}",
        )
        for number, waits in enumerate(tasks, start=1)
    ]
    return context.run_scene(title, calls)


def _elapsed_s(task: TaskRun) -> float:
    """Return the time from the first start to the last end of a task's waits, by its own clock."""
    began = [began_s for _, _, began_s, _ in task.value]
    ended = [ended_s for _, _, _, ended_s in task.value]
    return float(max(ended) - min(began))


def _by_greenlet(task: TaskRun) -> Scene:
    """Draw a lane for each greenlet that a task has spawned."""
    lanes = [Lane(node=task.node, slot=f"{task.pid}#{ident}") for _, ident, _, _ in task.value]
    bars = [
        Bar(
            lane=row,
            doing="waits",
            what=name,
            who=f"greenlet {row + 1}",
            started_s=task.started_s + began_s,
            finished_s=task.started_s + ended_s,
        )
        for row, (name, _, began_s, ended_s) in enumerate(task.value)
    ]
    return Scene(title=GREENLETS, caption=CAPTIONS[GREENLETS], lanes=tuple(lanes), bars=tuple(bars))
