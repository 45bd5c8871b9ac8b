"""Every command that the documents show exists. Nothing here starts one."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from celery.bin.celery import celery

from lab.commands.cli import cli as poolwise
from tests.documented import (
    Shown,
    commands_shown,
    make_targets,
    recipe_commands,
    wrong_with_click,
    wrong_with_make,
)
from tests.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
PROGRAMS = frozenset({"poolwise", "make", "celery"})
SHOWN = [
    shown
    for document in DOCUMENTS
    if document.exists()
    for shown in commands_shown(document, programs=PROGRAMS)
]


def wrong_with(words: tuple[str, ...]) -> str | None:
    """Judge a command by the program it names."""
    match words[0]:
        case "make":
            return wrong_with_make(words, targets=make_targets(MAKEFILE), poolwise=poolwise)
        case "celery":
            return wrong_with_click(words, command=celery)
        case _:
            return wrong_with_click(words, command=poolwise)


def named(shown: Shown) -> str:
    """Name a test after the place and the command."""
    return f"{shown.document}:{shown.line}: {' '.join(shown.words)}"


@pytest.mark.parametrize("shown", SHOWN, ids=named)
def test_a_command_shown_in_the_documents_exists(shown: Shown) -> None:
    assert wrong_with(shown.words) is None


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_a_document_shows_commands(document: str) -> None:
    assert [shown for shown in SHOWN if shown.document == document]


@pytest.mark.parametrize("words", recipe_commands(MAKEFILE), ids=" ".join)
def test_a_command_in_a_recipe_of_the_makefile_exists(words: tuple[str, ...]) -> None:
    assert wrong_with(words) is None


def test_the_makefile_runs_the_main_job() -> None:
    assert ("poolwise", "race") in recipe_commands(MAKEFILE)


# The reader and the judge themselves.


@click.group()
@click.option("--url")
def example(url: str) -> None:
    """Stand in for a command line with one of everything."""


@example.command()
@click.option("--pool", "-p")
@click.option("--quick/--full")
@click.argument("node")
def switch(pool: str, quick: bool, node: str) -> None:
    """Stand in for a sub-command."""


@pytest.mark.parametrize(
    "line",
    [
        "example --help",
        "example --url there switch NODE",
        "example --url=there switch --pool threads --full NODE",
        "example switch -p threads NODE",
        "example switch -pthreads NODE -- --anything",
    ],
)
def test_a_declared_command_passes(line: str) -> None:
    assert wrong_with_click(tuple(line.split()), command=example) is None


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("example swich NODE", "`example` has no sub-command 'swich'"),
        ("example --pool threads switch", "`example` has no option --pool"),
        ("example switch --slow NODE", "`example switch` has no option --slow"),
        ("example switch --url=there NODE", "`example switch` has no option --url"),
        ("example switch -x NODE", "`example switch` has no option -x"),
    ],
)
def test_an_undeclared_command_is_named(line: str, wrong: str) -> None:
    assert wrong_with_click(tuple(line.split()), command=example) == wrong


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("make", "switch", "test", "PYTHON=python3.12", "-j2"), None),
        (("make", "swich"), "the Makefile has no target 'swich'"),
        (("make", "switch", "ARGS=--pool threads"), None),
        (("make", "switch", "ARGS=--slow"), "`poolwise switch` has no option --slow"),
    ],
)
def test_a_make_command_is_judged_with_what_it_passes_on(
    words: tuple[str, ...], wrong: str | None
) -> None:
    targets = make_targets("BIN := x\n.PHONY: swich\nswitch: dev ## words: more\ntest:\n\tls\n")
    assert wrong_with_make(words, targets=targets, poolwise=example) == wrong


def test_commands_are_read_from_shell_fences_only(tmp_path: Path) -> None:
    document = tmp_path / "GUIDE.md"
    document.write_text(
        "make inline\n"
        "```sh\n"
        "make race  # the main job\n"
        "cd there && PYTHON=python3.12 make test ARGS='-x -q' | tee log\n"
        ".venv/bin/poolwise load \\\n"
        "    --rate 20\n"
        "remake nothing\n"
        "```\n"
        "```python\n"
        "make = 1\n"
        "```\n"
        "```console\n"
        "$ poolwise race\n"
        "make: it's done\n"
        "```\n",
        encoding="utf-8",
    )
    assert [(shown.line, shown.words) for shown in commands_shown(document, programs=PROGRAMS)] == [
        (3, ("make", "race")),
        (4, ("make", "test", "ARGS=-x -q")),
        (5, ("poolwise", "load", "--rate", "20")),
        (13, ("poolwise", "race")),
    ]
