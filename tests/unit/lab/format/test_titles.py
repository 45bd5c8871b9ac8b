"""A race has a title that people recognise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.format.titles import race_title
from lab.report import render
from tests.unit.lab.report import sample
from tests.unit.lab.report.reading import read


@pytest.mark.parametrize(
    ("host", "name", "workers", "title"),
    [
        ("bench-1", "", (), "Race on bench-1"),
        ("bench-1", "", ("t@poolwise",), "Race of running workers on bench-1"),
        ("0f5da2ce1b7c", "", (), "Race in a container"),
        ("0f5da2ce1b7c", "", ("t@4c5d6e7f8a9b",), "Race of running workers in a container"),
        ("0f5da2ce1b7c", "after the upgrade", (), "after the upgrade"),
        ("deadbeef", "", (), "Race on deadbeef"),
    ],
)
def test_a_race_is_titled_by_its_name_or_its_machine(
    host: str, name: str, workers: tuple[str, ...], title: str
) -> None:
    result = sample.race(host=host)
    result = replace(result, settings=replace(result.settings, name=name, workers=workers))
    assert race_title(result) == title
    page = read(render([result]))
    assert title in page.plain()
    assert "0f5da2ce1b7c" not in page.plain()
