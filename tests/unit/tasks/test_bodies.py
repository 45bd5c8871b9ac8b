"""Task bodies work as plain functions and check their arguments."""

from __future__ import annotations

import hashlib

import pytest

from tasks.cpu import burn, digest
from tasks.io import sleep
from tasks.mixed import work
from tasks.settings import LONGEST_TASK_S


def test_the_result_of_burn_depends_on_every_loop() -> None:
    assert burn(0) == 0
    assert len({burn(n) for n in range(2, 50)}) == 48


def test_digest_is_pbkdf2() -> None:
    expected = hashlib.pbkdf2_hmac("sha256", b"poolwise", b"salt", 3).hex()
    assert digest(3) == expected


@pytest.mark.parametrize("seconds", [-1, LONGEST_TASK_S + 1])
def test_sleep_rejects_times_that_would_cause_redelivery(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be from 0 to"):
        sleep(seconds)


def test_burn_and_digest_reject_counts_that_are_too_small() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        burn(-1)
    with pytest.raises(ValueError, match=r"greater than 0|iteration"):
        digest(0)


def test_mixed_work_returns_the_sum_of_its_times() -> None:
    assert work(0.01, 1) == 1.01
