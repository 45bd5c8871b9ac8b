"""Task bodies are plain functions: right when called as such, and strict about their arguments."""

from __future__ import annotations

import hashlib

import pytest

from tasks.cpu import burn, digest
from tasks.io import sleep
from tasks.mixed import work
from tasks.settings import LONGEST_TASK_S


def test_burn_depends_on_every_turn() -> None:
    assert burn(0) == 0
    assert len({burn(n) for n in range(2, 50)}) == 48


def test_digest_is_pbkdf2() -> None:
    expected = hashlib.pbkdf2_hmac("sha256", b"poolwise", b"salt", 3).hex()
    assert digest(3) == expected


@pytest.mark.parametrize("seconds", [-1, LONGEST_TASK_S + 1])
def test_sleep_refuses_what_would_be_delivered_twice(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be within"):
        sleep(seconds)


def test_burn_and_digest_refuse_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        burn(-1)
    with pytest.raises(ValueError, match=r"greater than 0|iteration"):
        digest(0)


def test_mixed_work_returns_what_it_was_asked_for() -> None:
    assert work(0.01, 1) == 1.01
