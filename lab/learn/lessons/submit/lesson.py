"""The lesson `submit`: what is taught about waiting for results and about callbacks."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.submit.judge import judge
from lab.learn.lessons.submit.play import play
from lab.results.lesson import Findings
from tasks.lessons import submit as submit_tasks


def run(context: Context) -> Findings:
    """Submit the same tasks by each method, and judge what was observed."""
    return judge(play(context))


LESSON: Final = Lesson(
    name="submit",
    title="A callback runs in a worker, not in the client",
    setting=(
        "The client submits the same tasks (by default 8, of 200 ms each) in six ways: waiting for "
        "each result, collecting the results later, with link, with link_error while half of the "
        "tasks fail, as a group, and as a chord. One worker runs the tasks and a second one their "
        "callbacks; with only one pool (--pools), its worker runs both."
    ),
    question=Question(
        text="You send a task with link=callback. In which process does the callback run?",
        choices=(
            "in the client, in a thread",
            "in the slot that ran the task",
            "in any slot of the worker that serves its queue",
        ),
        right=2,
    ),
    workers={"prefork": 4, "threads": 4},
    tasks=frozenset(
        task.name
        for task in (
            submit_tasks.work,
            submit_tasks.callback,
            submit_tasks.chord_body,
            submit_tasks.errback_task,
            submit_tasks.errback_in_slot,
        )
    ),
    dials=(
        Dial(flag="--tasks", default=8, low=4, high=20, help="Tasks that each method submits."),
        Dial(
            flag="--pause-ms",
            default=200.0,
            low=50,
            high=500,
            help="How long each task takes, in ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture submits to a process pool in the same program. It calls that synchronous if "
        "you wait for the result immediately, and asynchronous if a callback delivers it. But "
        "those are two separate choices: you can also collect a result later without a callback, "
        "as the lecture's loop over futures does. The lecture's callback runs inside the process "
        "that submitted the work. Celery's link is a task of its own, sent by the worker that "
        "ran the first task, so it runs on any machine that serves its queue, even if the client "
        "has exited."
    ),
    turn_next=(
        "poolwise learn submit --tasks 16",
        "poolwise learn submit --pools prefork",
        "poolwise learn submit --pause-ms 50",
        "poolwise learn coroutines",
    ),
)
