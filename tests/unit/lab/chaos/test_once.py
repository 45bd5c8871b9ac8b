"""What threads want to know at the same moment is asked once."""

from __future__ import annotations

import time

from lab.chaos.once import once
from tests.unit.lab.chaos.at_once import at_once


def test_threads_that_ask_at_once_get_the_first_answer() -> None:
    asked: list[str] = []

    @once
    def ask() -> str:
        asked.append("again")
        time.sleep(0.05)  # so that the others come meanwhile
        return f"asked {len(asked)} times"

    assert at_once(ask) == {"asked 1 times"}
    assert ask() == "asked 1 times"
