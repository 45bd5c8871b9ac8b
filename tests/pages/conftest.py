"""Opens a test module's HTML page in a browser, in each width."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.chromium import Visit
from tests.pages.checks import WIDTHS_PX, visiting


@pytest.fixture(scope="module", params=WIDTHS_PX, ids=[f"{width} px" for width in WIDTHS_PX])
def visit(
    request: pytest.FixtureRequest,
    page: Page,
    html: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Visit]:
    """Open the page of the module's fixture `html` in each width."""
    with visiting(page, html, tmp_path_factory.mktemp("page"), int(request.param)) as seen:
        yield seen
