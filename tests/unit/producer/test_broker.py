"""Broker addresses are checked, and never shown with their password."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.address import redacted
from producer.broker import connect
from tasks.errors import UsageError

SAFE = string.ascii_letters + string.digits + "-_.~"


@given(st.text(SAFE, min_size=8), st.sampled_from(["", "user"]))
def test_a_password_is_never_shown(password: str, user: str) -> None:
    shown = redacted(f"redis://{user}:{password}@db.example:6380/3")
    assert shown == f"redis://{user}:***@db.example:6380/3"


def test_an_address_without_a_password_stays_as_it_is() -> None:
    assert redacted("redis://localhost:6379/0") == "redis://localhost:6379/0"


@pytest.mark.parametrize("url", ["amqp://guest@db//", "localhost", "http://db", ""])
def test_the_error_for_an_address_that_is_not_redis_names_all_schemes(url: str) -> None:
    with pytest.raises(UsageError, match="redis://, rediss://, lease:// or leases://"):
        connect(url)


def test_the_error_for_an_invalid_address_hides_its_password() -> None:
    with pytest.raises(UsageError) as refused:
        connect("amqp://guest:secret@db//")
    assert "secret" not in str(refused.value)
