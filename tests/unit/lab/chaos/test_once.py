"""What threads want to know at the same moment is asked once."""

from __future__ import annotations

import threading
from contextlib import suppress

from lab.chaos.once import once
from tests.unit.lab.chaos.at_once import at_once


def test_threads_that_ask_at_once_get_the_first_answer() -> None:
    asked: list[str] = []
    together = threading.Barrier(2)

    @once
    def ask() -> str:
        asked.append("again")
        with suppress(threading.BrokenBarrierError):  # as long as no other thread is here, too
            together.wait(0.2)
        return f"asked {len(asked)} times"

    assert at_once(ask) == {"asked 1 times"}
    assert ask() == "asked 1 times"
