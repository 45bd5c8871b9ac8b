"""Phrases that a lesson's terminal output and its HTML page share."""

from __future__ import annotations

from typing import Final

from lab.results.lesson import LessonResult
from tasks.lessons.notebook import Doing

#: The letters of a question's choices, in order.
LETTERS: Final = "abcdefgh"

#: What each kind of bar in a timeline means.
MEANINGS: Final[dict[Doing, str]] = {
    "computes": "computes",
    "waits": "waits for a timer, a reply or a barrier",
    "blocked": "blocked by another task",
}


#: Ends the names of workers that a lesson starts for itself; it is not shown.
OWN: Final = ".own"

#: Introduces the paragraph about the lecture.
LECTURE: Final = "Compared with the lecture on Python concurrency that these lessons follow"


def short_name(node: str) -> str:
    """Return the part of a worker's name that is unique within a lesson."""
    return node.partition("@")[0].removesuffix(OWN)


def expectation(result: LessonResult) -> str:
    """Say whether the learner was right; if nothing was predicted, give the answer."""
    asked = result.expectation
    answer = asked.choices[asked.right]
    if asked.chosen is None:
        return f"{asked.question} The answer is “{answer}”."
    expected = asked.choices[asked.chosen]
    if expected == answer:
        return f"You expected “{expected}”: right."
    return f"You expected “{expected}”; the answer is “{answer}”."
