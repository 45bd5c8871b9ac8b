"""Who is told of a lesson as it goes."""

from __future__ import annotations

from typing import Protocol

from lab.learn.engine.lesson import Lesson
from lab.results.lesson import Scene


class LessonEvents(Protocol):
    """Told of a lesson as it goes."""

    def began(self, lesson: Lesson) -> None:
        """A lesson begins."""

    def starting(self, ready: int, of: int) -> None:
        """`ready` of the workers consume."""

    def playing(self, title: str, ended: int, of: int) -> None:
        """`ended` of the tasks of a scene have ended."""

    def shown(self, scene: Scene) -> None:
        """A scene is complete."""
