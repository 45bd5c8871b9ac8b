"""The lessons, in the order in which they are best taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lab.lessons import (
    coroutines,
    deadlock,
    echo,
    free_threading,
    gil,
    hybrid,
    io_models,
    parallelism,
    pools,
    submit,
)
from lab.teaching.lesson import Lesson
from tasks.errors import UsageError

#: Every lesson by name.
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
    """Return a lesson; raise UsageError with the nearest known name."""
    if name in LESSONS:
        return LESSONS[name]
    raise UsageError.unknown("lesson", name, LESSONS)
