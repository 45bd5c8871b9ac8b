"""Browser tests find the system's Chromium, or explain in one line how to install it."""

from __future__ import annotations

import re

import pytest

from tests.chromium import BROWSERS, MISSING, chromium_path
from tests.paths import ROOT

INSTALLER = ROOT / "scripts" / "install-chromium"


def nothing(_name: str) -> None:
    """Act as a PATH without a browser."""


def test_first_browser_in_the_list_is_used() -> None:
    installed = {"google-chrome": "/usr/bin/google-chrome", "chromium": "/usr/bin/chromium"}
    assert chromium_path(which=installed.get) == "/usr/bin/chromium"


def test_missing_browser_fails_in_ci() -> None:
    with pytest.raises(pytest.fail.Exception, match=re.escape(MISSING)):
        chromium_path(which=nothing, in_ci=True)


def test_missing_browser_skips_outside_ci_and_explains_how_to_install_it() -> None:
    with pytest.raises(pytest.skip.Exception, match="make chromium"):
        chromium_path(which=nothing, in_ci=False)


def test_installer_accepts_the_same_browsers_as_the_tests() -> None:
    looked_for = re.search(r"^for browser in (.+); do$", INSTALLER.read_text(), re.MULTILINE)
    assert looked_for is not None
    on_the_path = [name for name in BROWSERS if not name.startswith("/")]
    assert looked_for[1].split() == on_the_path
