"""The system's Chromium, for browser tests. It must not know what they look at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Final

import pytest

#: Commands, or absolute paths on macOS, in the order they are tried.
BROWSERS: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

MISSING: Final = "no Chromium here: `make chromium` installs it, or says how"


def chromium_path(
    *, which: Callable[[str], str | None] = shutil.which, in_ci: bool | None = None
) -> str:
    """Find the browser's executable; without one, skip the test, or fail it in CI.

    A browser test that CI leaves out in silence would be a test nobody runs.
    """
    for name in BROWSERS:
        if found := which(name):
            return found
    if os.environ.get("CI") == "true" if in_ci is None else in_ci:
        pytest.fail(MISSING, pytrace=False)
    pytest.skip(MISSING)
