"""At a terminal a lesson asks its question first; one key answers it, any other key skips it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests.command import POOLWISE

WORDS = ("learn", "gil", "--pools", "threads", "--tasks", "20")
BOUND_S = 40.0


def hears_keys(terminal: int) -> bool:
    """Return whether the process that reads from a terminal gets each key immediately."""
    local_modes: int = termios.tcgetattr(terminal)[3]
    return not local_modes & termios.ICANON


def at_a_terminal(key: str, folder: Path) -> str:
    """Press `key` when the question appears, and return everything that the terminal showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [POOLWISE, *WORDS], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder
    )
    os.close(theirs)
    shown, pressed, deadline = b"", False, time.monotonic() + BOUND_S
    try:
        while time.monotonic() < deadline:
            # Keys pressed before the terminal reads single keys are discarded.
            if not pressed and b"just show me" in shown and hears_keys(ours):
                pressed = os.write(ours, key.encode()) == 1
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                shown += os.read(ours, 4_096)
            except OSError:  # the other end is closed: the process has ended
                break
        assert process.wait(BOUND_S) == 0, shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return shown.decode()


@pytest.mark.parametrize(
    ("key", "answer"),
    [("c", ": right."), ("a", "; the answer is “only a few”."), (" ", None)],
    ids=["right", "wrong", "skipped"],
)
def test_a_key_answers_the_question(key: str, answer: str | None, tmp_path: Path) -> None:
    shown = at_a_terminal(key, tmp_path)
    assert "How many updates" in shown
    if answer is None:
        assert "You expected" not in shown
    else:
        assert answer in shown.split("You expected")[1]
