"""All lessons, in the recommended order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lab.learn.engine.lesson import Lesson
from lab.learn.lessons.coroutines import lesson as coroutines
from lab.learn.lessons.deadlock import lesson as deadlock
from lab.learn.lessons.echo import lesson as echo
from lab.learn.lessons.free_threading import lesson as free_threading
from lab.learn.lessons.gil import lesson as gil
from lab.learn.lessons.hybrid import lesson as hybrid
from lab.learn.lessons.io_models import lesson as io_models
from lab.learn.lessons.parallelism import lesson as parallelism
from lab.learn.lessons.pools import lesson as pools
from lab.learn.lessons.submit import lesson as submit
from tasks.errors import UsageError

#: The lessons by name.
LESSONS: Final[Mapping[str, Lesson]] = {
    module.LESSON.name: module.LESSON
    for module in (
        gil,
        deadlock,
        parallelism,
        pools,
        submit,
        coroutines,
        echo,
        io_models,
        hybrid,
        free_threading,
    )
}


def lesson_named(name: str) -> Lesson:
    """Return a lesson; raise UsageError, with the closest known name, if there is none."""
    if name in LESSONS:
        return LESSONS[name]
    raise UsageError.unknown("lesson", name, LESSONS)
