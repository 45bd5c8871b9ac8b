"""What the tests of pages share: each page in turn, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.chromium import Visit
from tests.integration.pages import WIDTHS_PX, visiting


@pytest.fixture(scope="module", params=WIDTHS_PX, ids=[f"{width} px" for width in WIDTHS_PX])
def visit(
    request: pytest.FixtureRequest,
    page: Page,
    html: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Visit]:
    """Open what the module's fixture `html` has, in each width."""
    with visiting(page, html, tmp_path_factory.mktemp("page"), int(request.param)) as seen:
        yield seen
