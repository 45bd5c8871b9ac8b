"""The lesson `deadlock`: what is taught about tasks that wait for each other."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.deadlock.judge import judge
from lab.learn.lessons.deadlock.play import play
from lab.results.lesson import Findings
from tasks.lessons.deadlock import subtasks as subtask_tasks
from tasks.lessons.deadlock import two_locks as lock_tasks


def run(context: Context) -> Findings:
    """Run into deadlocks, cure them, and check that all workers still work."""
    return judge(play(context))


LESSON: Final = Lesson(
    name="deadlock",
    title="Who waits for whom: deadlocks over locks, and in Celery itself",
    setting=(
        "By default, two tasks need locks a and b but take them in opposite order; another task "
        "needs two locks that no other task uses. One more task, the watcher, looks for cycles. "
        "First the locks are in one worker's memory, then in Redis, shared by two workers. "
        "Finally, tasks fill every slot of a worker and wait for other tasks that need one of "
        "those slots."
    ),
    question=Question(
        text="Each of the two tasks holds one lock and wants the other's. What ends this?",
        choices=(
            "Python, Redis or Celery detects the cycle and stops a task",
            "only a timeout on the wait",
            "the scheduler: each task gets its turn",
        ),
        right=1,
    ),
    workers={"threads": 8, "prefork": 3},
    needs=frozenset({"threads", "prefork"}),
    tasks=frozenset(
        task.name
        for task in (
            lock_tasks.work,
            lock_tasks.watch,
            lock_tasks.gather,
            subtask_tasks.parent,
            subtask_tasks.child,
            subtask_tasks.first_half,
            subtask_tasks.second_half,
        )
    ),
    dials=(
        Dial(
            flag="--ring",
            default=2,
            low=2,
            high=4,
            help="Number of tasks in the cycle.",
        ),
        Dial(
            flag="--pause-ms",
            default=200.0,
            low=0,
            high=500,
            help="Pause between a task's first lock and its second, in ms.",
        ),
        Dial(
            flag="--timeout-ms",
            default=1_000.0,
            low=10,
            high=2_000,
            help="How long a task waits for a lock before it gives up, in ms.",
        ),
    ),
    run=run,
    lecture=(
        "In the lecture, ten threads take lock a and then b, and afterwards b and then a, "
        "without a timeout, and the program hangs forever: nothing in Python looks for such a "
        "cycle. Neither do Redis and Celery, and on a cluster no stack trace shows both "
        "machines. So put a timeout on every wait, make locks expire, and record in each lock "
        "who holds it. Celery does refuse to wait for a result inside a task (the tasks here "
        "pass disable_sync_subtasks=False); a chain, a chord or a callback needs no slot while "
        "it waits."
    ),
    turn_next=(
        "poolwise learn deadlock --ring 4",
        "poolwise learn deadlock --timeout-ms 300",
        "poolwise learn deadlock --pause-ms 0",
    ),
)
