"""The command that repeats a lesson has the options with which it ran."""

from __future__ import annotations

import click
import pytest

from lab.commands.broker_options import Broker
from lab.commands.lesson_options import repeating
from lab.learn.registry import LESSONS


@pytest.mark.parametrize(
    ("no_predict", "options"),
    [(True, " --pause-ms 0 --no-predict"), (False, " --pause-ms 0")],
)
def test_a_lesson_that_did_not_ask_does_not_ask_when_repeated(
    no_predict: bool, options: str
) -> None:
    shared = {"no_predict": no_predict, "pools": None, "on_running": False, "python": None}
    broker = Broker(url=None, options={})
    with click.Context(click.Command("gil")):
        assert repeating([LESSONS["gil"]], {"pause_ms": 0.0}, shared, broker) == options
