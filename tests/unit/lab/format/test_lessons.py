"""Phrases that a lesson's terminal output and its page share."""

from __future__ import annotations

import pytest

from lab.format.lessons import expectation
from tests.unit.lab.learn.engine.sample import result


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (None, "How many? The answer is “few”."),
        (1, "You expected “few”: right."),
        (0, "You expected “all”; the answer is “few”."),
    ],
)
def test_the_learner_reads_whether_the_prediction_was_right(chosen: int | None, words: str) -> None:
    assert expectation(result(chosen=chosen)) == words
