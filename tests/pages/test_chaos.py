"""The page of a run of faults in a real browser, wide and narrow: it logs no error and fits."""

from __future__ import annotations

import pytest

from lab.report.chaos import render
from tests.chromium import Visit
from tests.pages.checks import check_whole
from tests.unit.lab.chaos import sample

BAD = "<img src=http://127.0.0.1:9/x onerror=console.error(1)>" + "w" * 200
RESULTS = {"faults": sample.result(), "hostile": sample.result(name=BAD)}


@pytest.fixture(scope="module", params=RESULTS)
def html(request: pytest.FixtureRequest) -> str:
    return render(RESULTS[str(request.param)])


def test_the_page_logs_no_error_loads_nothing_and_fits(visit: Visit) -> None:
    visit.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    check_whole(visit)
