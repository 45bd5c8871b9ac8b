"""What we hold on to in Flower is there, and where it is not, the message says what has moved."""

from __future__ import annotations

import re
from pathlib import Path

import flower.app
import flower.command
import flower.urls
import pytest

from lab.report.series import LOOKS
from monitor import assets, holds, pages
from monitor.suggestions import suggestions


def test_this_flower_has_all_that_we_hold_on_to() -> None:
    holds.check()


@pytest.mark.parametrize(
    ("owner", "name", "said"),
    [
        (flower.urls, "handlers", "flower.urls.handlers"),
        (flower.command, "settings", "flower.urls.settings"),
        (flower.command, "Flower", "flower.command.Flower, a subclass"),
        (flower.app.Flower, "update_workers", "update_workers"),
    ],
)
def test_a_flower_that_moved_something_is_told_by_name(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, said: str
) -> None:
    monkeypatch.delattr(owner, name)
    with pytest.raises(holds.FlowerMovedError, match=re.escape(said)):
        holds.check()


@pytest.mark.parametrize(
    ("file", "was", "said"),
    [
        ("navbar.html", "reverse_url('broker')", "the Broker tab in navbar.html"),
        ("base.html", "{% block container %}", "the blocks in base.html"),
    ],
)
def test_a_template_that_changed_is_told_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, was: str, said: str
) -> None:
    for name in ("navbar.html", "base.html"):
        text = (holds.templates() / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(was, "") if name == file else text)
    monkeypatch.setitem(flower.urls.settings, "template_path", str(tmp_path))
    with pytest.raises(holds.FlowerMovedError, match=re.escape(said)):
        holds.check()


def test_our_tab_stands_behind_the_last_and_like_it() -> None:
    navbar = pages.with_tab((holds.templates() / "navbar.html").read_text(encoding="utf-8"))
    tabs = re.findall(r">(Workers|Tasks|Broker|Throughput)</a>", navbar)
    assert tabs == ["Workers", "Tasks", "Broker", "Throughput"]
    assert "active_tab == 'throughput'" in navbar
    assert "reverse_url('throughput')" in navbar


def test_plotly_comes_from_its_package_and_nothing_from_elsewhere() -> None:
    assert assets.load(assets.PLOTLY).plain.startswith(b"/**\n* plotly.js")
    for path in [*assets.FOLDER.iterdir(), *pages.FOLDER.iterdir()]:
        assert not re.search(r"https?://", path.read_text(encoding="utf-8")), path


def test_a_pool_looks_as_in_the_reports() -> None:
    script = (assets.FOLDER / "words.js").read_text(encoding="utf-8")
    found = re.findall(r'colour: "(#\w+)", dash: "(\w+)"', script)
    assert found == [(look.colour, look.dash) for look in LOOKS]


def test_suggestions_fit_where_the_broker_is() -> None:
    assert "poolwise race" in suggestions("redis://127.0.0.1:6379/0")[0].command
    assert "docker compose up" in suggestions("redis://redis:6379/0")[0].command
