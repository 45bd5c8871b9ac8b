"""A browser test finds the system's Chromium, or says in one line how to get it."""

from __future__ import annotations

import re

import pytest

from tests.chromium import BROWSERS, MISSING, chromium_path
from tests.paths import ROOT

INSTALLER = ROOT / "scripts" / "install-chromium"


def nothing(_name: str) -> None:
    """Stand in for a PATH without any browser."""


def test_the_first_browser_on_the_path_is_taken() -> None:
    installed = {"google-chrome": "/usr/bin/google-chrome", "chromium": "/usr/bin/chromium"}
    assert chromium_path(which=installed.get) == "/usr/bin/chromium"


def test_ci_fails_without_a_browser() -> None:
    with pytest.raises(pytest.fail.Exception, match=re.escape(MISSING)):
        chromium_path(which=nothing, in_ci=True)


def test_a_person_without_a_browser_is_told_how_to_get_one() -> None:
    with pytest.raises(pytest.skip.Exception, match="make chromium"):
        chromium_path(which=nothing, in_ci=False)


def test_the_installer_is_content_with_the_browsers_that_the_tests_find() -> None:
    looked_for = re.search(r"^for browser in (.+); do$", INSTALLER.read_text(), re.MULTILINE)
    assert looked_for is not None
    on_the_path = [name for name in BROWSERS if not name.startswith("/")]
    assert looked_for[1].split() == on_the_path
