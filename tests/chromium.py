"""The system's Chromium for browser tests. It must not know which pages they visit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

#: Commands, or absolute paths on macOS, in the order in which they are tried.
BROWSERS: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
)

MISSING: Final = "Chromium not found; `make chromium` installs it or explains how"


def chromium_path(
    *, which: Callable[[str], str | None] = shutil.which, in_ci: bool | None = None
) -> str:
    """Return the browser's executable. Without one, skip the test; in CI, fail it.

    A browser test that CI skipped silently would never run.
    """
    for name in BROWSERS:
        if found := which(name):
            return found
    if os.environ.get("CI") == "true" if in_ci is None else in_ci:
        pytest.fail(MISSING, pytrace=False)
    pytest.skip(MISSING)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    """Return one page for all visits, because its process keeps the plotting library compiled."""
    return browser.new_page()


@dataclass(slots=True)
class Visit:
    """The errors and messages that a page logs and the URLs it requests during a visit."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)


@contextmanager
def listening(visit: Visit) -> Iterator[None]:
    """Collect a page's messages and requests during a visit; leave a blank page behind."""
    page, heard = visit.page, visit.complaints
    listeners = {
        "console": lambda message: heard.append(message.text),
        "pageerror": lambda error: heard.append(str(error)),
        "request": lambda asked: visit.asked_for.append(asked.url),
    }
    for event, listener in listeners.items():
        page.on(event, listener)  # type: ignore[call-overload]
    try:
        yield
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
        page.goto("about:blank")
