"""The tasks of the lessons, each lesson's in a module of its own."""

from __future__ import annotations

from typing import Final

#: The modules that hold tasks.
MODULES: Final = (
    "tasks.lessons.gil",
    "tasks.lessons.deadlock",
    "tasks.lessons.subtasks",
    "tasks.lessons.parallelism",
    "tasks.lessons.pools",
    "tasks.lessons.submit",
    "tasks.lessons.coroutines",
    "tasks.lessons.watch",
    "tasks.lessons.echo",
    "tasks.lessons.io_models",
    "tasks.lessons.hybrid",
    "tasks.lessons.free_threading",
)
