"""What a lesson reports while it runs."""

from __future__ import annotations

from typing import Protocol

from lab.results.lesson import Scene


class LessonEvents(Protocol):
    """Receives the events of a lesson."""

    def began(self, title: str, setting: str) -> None:
        """A lesson begins; `setting` says what is going to run."""

    def starting(self, ready: int, of: int) -> None:
        """`ready` of `of` workers consume."""

    def playing(self, title: str, ended: int, of: int) -> None:
        """`ended` of `of` tasks of a scene have ended."""

    def shown(self, scene: Scene) -> None:
        """A scene is complete."""
