"""Two plays of one length each, acted one after the other and at the same time.

It must not know what is concluded from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import Call, SceneRun, TaskRun
from lab.results.lesson import Bar, Lane, Scene
from producer.plan import Work

#: Units of each play.
PLAYS: Final = {"long play": 5, "short play": 3}
#: The ways to act them.
IN_TURN, GREENLETS, TASKS = "one after the other", "two greenlets of a task", "two tasks"
CAPTIONS: Final = {
    IN_TURN: "One task, one greenlet: the short play begins when the long one has ended.",
    GREENLETS: "One task, two greenlets, one thread: both wait at the same time.",
    TASKS: "Two tasks of one gevent worker: it makes a greenlet for each by itself.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """How long the plays took, in seconds."""

    alone_s: dict[str, float]  # each play, when nothing else ran
    took_s: dict[str, float]  # both, by way

    @property
    def sum_s(self) -> float:
        """Both one after the other."""
        return sum(self.alone_s.values())

    @property
    def maximum_s(self) -> float:
        """The longer one."""
        return max(self.alone_s.values())


def acted(context: Context, unit_s: float) -> Acted:
    """Act the plays in each way, and show it."""
    lengths = [(name, units * unit_s) for name, units in PLAYS.items()]
    run_trials = _act(context, IN_TURN, [lengths], together=False)
    [alone] = run_trials.tasks
    context.show(run_trials.scene(CAPTIONS[IN_TURN]))
    greenlets = _act(context, GREENLETS, [lengths], together=True)
    [both] = greenlets.tasks
    context.show(_by_greenlet(both))
    tasks = _act(context, TASKS, [[one] for one in lengths], together=False)
    context.show(tasks.scene(CAPTIONS[TASKS]))
    return Acted(
        alone_s={name: ended_s - began_s for name, _, began_s, ended_s in alone.value},
        took_s={
            IN_TURN: _took_s(alone),
            GREENLETS: _took_s(both),
            TASKS: max(one.finished_s for one in tasks.tasks)
            - min(one.started_s for one in tasks.tasks),
        },
    )


def _act(
    context: Context, title: str, tasks: list[list[tuple[str, float]]], *, together: bool
) -> SceneRun:
    worker = context.worker("gevent")
    calls = [
        Call(
            work=Work(task="lessons.coroutines.act", args=(plays, together)),
            worker=worker,
            label=f"task {number}",
        )
        for number, plays in enumerate(tasks, start=1)
    ]
    return context.run_scene(title, calls)


def _took_s(task: TaskRun) -> float:
    """Return the time from the first play's begin to the last one's end, by the task's clock."""
    began = [began_s for _, _, began_s, _ in task.value]
    ended = [ended_s for _, _, _, ended_s in task.value]
    return float(max(ended) - min(began))


def _by_greenlet(task: TaskRun) -> Scene:
    """Give each greenlet that a task has spawned a lane of its own."""
    lanes = [Lane(node=task.node, slot=f"{task.pid}#{ident}") for _, ident, _, _ in task.value]
    bars = [
        Bar(
            lane=row, doing="waits", what=name, who=f"greenlet {row + 1}",
            started_s=task.started_s + began_s, finished_s=task.started_s + ended_s,
        )
        for row, (name, _, began_s, ended_s) in enumerate(task.value)
    ]  # fmt: skip
    return Scene(title=GREENLETS, caption=CAPTIONS[GREENLETS], lanes=tuple(lanes), bars=tuple(bars))
