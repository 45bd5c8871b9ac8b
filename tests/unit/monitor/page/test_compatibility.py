"""The installed Flower is compatible; the error for any other says what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import flower.app
import flower.command
import flower.urls
import pytest

from lab.report.plots.series import STYLES
from monitor.page import assets, compatibility, template_loader
from monitor.page.suggestions import suggestions


def test_the_installed_flower_is_compatible() -> None:
    compatibility.check()


@pytest.mark.parametrize(
    ("owner", "name", "missing"),
    [
        (flower.urls, "handlers", "flower.urls.handlers"),
        (flower.command, "settings", "flower.urls.settings"),
        (flower.command, "Flower", "flower.command.Flower, a subclass"),
        (flower.app.Flower, "update_workers", "update_workers"),
    ],
)
def test_the_error_names_the_missing_object(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, missing: str
) -> None:
    monkeypatch.delattr(owner, name)
    with pytest.raises(compatibility.IncompatibleFlowerError, match=re.escape(missing)):
        compatibility.check()


@pytest.mark.parametrize(
    ("file", "was", "missing"),
    [
        ("navbar.html", "reverse_url('broker')", "the Broker tab in navbar.html"),
        ("base.html", "{% block container %}", "the blocks in base.html"),
    ],
)
def test_the_error_names_the_changed_template(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, was: str, missing: str
) -> None:
    for name in ("navbar.html", "base.html"):
        text = (compatibility.template_folder() / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(was, "") if name == file else text)
    monkeypatch.setitem(flower.urls.settings, "template_path", str(tmp_path))
    with pytest.raises(compatibility.IncompatibleFlowerError, match=re.escape(missing)):
        compatibility.check()


def test_the_tab_is_added_after_the_last_one_in_the_same_style() -> None:
    navbar = template_loader.add_tab(
        (compatibility.template_folder() / "navbar.html").read_text(encoding="utf-8")
    )
    tabs = re.findall(r">(Workers|Tasks|Broker|Throughput)</a>", navbar)
    assert tabs == ["Workers", "Tasks", "Broker", "Throughput"]
    assert "active_tab == 'throughput'" in navbar
    assert "reverse_url('throughput')" in navbar


def test_plotly_comes_from_its_package_and_no_file_loads_from_the_internet() -> None:
    assert assets.load(assets.PLOTLY).plain.startswith(b"/**\n* plotly.js")
    for path in [*assets.FOLDER.iterdir(), *template_loader.FOLDER.iterdir()]:
        assert not re.search(r"https?://", path.read_text(encoding="utf-8")), path


def test_pools_have_the_colours_and_dashes_of_the_reports() -> None:
    script = (assets.FOLDER / "words.js").read_text(encoding="utf-8")
    found = re.findall(r'colour: "(#\w+)", dash: "(\w+)"', script)
    assert found == [(style.colour, style.dash) for style in STYLES]


def test_suggested_commands_match_the_broker_location() -> None:
    assert "poolwise race" in suggestions("redis://127.0.0.1:6379/0", {}, [])[0].command
    assert "docker compose up" in suggestions("redis://redis:6379/0", {}, [])[0].command


@pytest.mark.parametrize(
    ("registered", "any_suggested"),
    [
        ([], True),
        ([["shop.price"]], False),
        ([["shop.price"], ["cpu.burn", "io.sleep"]], True),
        ([["io.sleep [rate_limit=1/s]"]], True),
    ],
    ids=["none known", "another project", "ours too", "rate limit"],
)
def test_commands_are_suggested_only_if_a_worker_may_know_their_tasks(
    registered: list[list[str]], any_suggested: bool
) -> None:
    assert bool(suggestions("redis://127.0.0.1:6379/0", {}, registered)) is any_suggested


def test_suggested_commands_name_the_key_prefix() -> None:
    race, call = suggestions("redis://127.0.0.1:6379/0", {"global_keyprefix": "shop:"}, [])
    assert race.command.endswith("""--transport-options '{"global_keyprefix": "shop:"}'""")
    assert """ POOLWISE_BROKER_OPTIONS='{"global_keyprefix": "shop:"}' celery""" in call.command
