"""Scenes of Celery's own deadlock: tasks that wait in every slot for tasks that need a slot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lab.learn.engine.context import Context
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.scene_run import Call
from lab.learn.lessons.deadlock.subtask_run import (
    CHAIN,
    OTHER_QUEUE,
    SAME_QUEUE,
    SubtaskRun,
    SubtaskRuns,
)
from producer.plan import Work
from tasks.lessons.deadlock import subtasks as subtask_tasks

#: The worker that runs the parents, and another that can run their children.
PARENTS, OTHERS = "prefork", "threads"
#: Seconds that a parent waits for its child's result; Celery checks the time once a second.
RESULT_TIMEOUT_S: Final = 1.0
#: What to look at, by method, and if not every slot held a parent in the first.
NOT_FULL: Final = "Parents wait for children on the same worker, but not in every slot at once."
CAPTIONS: Final = {
    SAME_QUEUE: "A parent in every slot waits for a child that needs one of these slots.",
    CHAIN: ("Each parent ends and frees its slot; Celery starts the rest when the child finishes."),
    OTHER_QUEUE: "Children run on another worker, but the parents' slots are still blocked.",
}
#: Sends the parents of a scene that uses a key of Redis.
Send = Callable[[Context, OpenScene, str], None]


def run_subtasks(context: Context) -> SubtaskRuns:
    """Fill a worker with parents that wait, then with some that end, then use another queue."""
    return SubtaskRuns(
        same_queue=_run(context, SAME_QUEUE, _waiting_for_children_on(PARENTS)),
        chain=_run(context, CHAIN, _continued_by_chain),
        other_queue=_run(context, OTHER_QUEUE, _waiting_for_children_on(OTHERS)),
    )


def _run(context: Context, method: str, send: Send) -> SubtaskRun:
    key = context.traces.key(f"subtasks.{method}")
    for counted in ("begun", "sent:begun"):
        context.traces.key(f"subtasks.{method}:{counted}")
    opened = context.open_scene(f"{PARENTS}: {method}")
    send(context, opened, key)
    ran = context.follow(opened)
    run = SubtaskRun(method=method, slots=context.slots(PARENTS), ran=ran)
    waits = run.deadlock if method == SAME_QUEUE else ()
    caption = CAPTIONS[method] if waits or method != SAME_QUEUE else NOT_FULL
    context.show(ran.scene(caption, waits))
    return run


def _waiting_for_children_on(pool: str) -> Send:
    """Return a function that sends parents whose children run on the worker of `pool`."""

    def send(context: Context, opened: OpenScene, key: str) -> None:
        slots, worker = context.slots(PARENTS), context.worker(pool)
        calls = []
        for number in range(1, slots + 1):
            child = context.send_options(opened, worker, f"child {number}", by_task=True)
            arguments = (child, RESULT_TIMEOUT_S, key, slots)
            calls.append(_parent(context, number, subtask_tasks.parent.name, *arguments))
        context.send(opened, calls)

    return send


def _continued_by_chain(context: Context, opened: OpenScene, _key: str) -> None:
    """Send parents that send the rest of their work as a chain, and end."""
    worker = context.worker(PARENTS)
    calls = []
    for number in range(1, context.slots(PARENTS) + 1):
        child = context.send_options(opened, worker, f"child {number}", by_task=True)
        rest = context.send_options(opened, worker, f"rest {number}", by_task=True)
        calls.append(_parent(context, number, subtask_tasks.first_half.name, child, rest))
    context.send(opened, calls)


def _parent(context: Context, number: int, task: str, *arguments: Any) -> Call:
    work = Work(task=task, args=arguments)
    return Call(work=work, worker=context.worker(PARENTS), label=f"parent {number}")
