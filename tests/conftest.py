"""What the rings share: one cluster for the session, made when a test first asks for it."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something of the machine and its other work, not of the code.
settings.register_profile("poolwise", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("poolwise")

pytest_plugins = ["tests.chromium", "tests.shared_session"]
# A helper that asserts says what was there, as a test does.
pytest.register_assert_rewrite("tests.integration.pages")


def pytest_configure() -> None:
    """Let signals mean what they mean at a terminal, however the tests were started.

    A shell starts what it puts into the background with SIGINT ignored, `nohup` with SIGHUP, and
    every command that a test starts would inherit that and never hear of the signal.
    """
    for number, usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
