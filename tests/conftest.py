"""Configures pytest and hypothesis for every test suite."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes depends on the machine and its other work, not on the code.
settings.register_profile("poolwise", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("poolwise")

pytest_plugins = ["tests.chromium", "tests.shared_session"]
# So that a failed assertion in this helper shows its values.
pytest.register_assert_rewrite("tests.pages.checks")


def pytest_configure() -> None:
    """Restore the usual handling of signals, however the tests were started.

    A shell ignores SIGINT in background jobs, and `nohup` ignores SIGHUP. The commands that the
    tests start would inherit that and never receive the signal.
    """
    for number, usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
