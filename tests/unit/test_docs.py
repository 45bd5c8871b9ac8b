"""Every command shown in the documents exists. These tests do not run any of them."""

from __future__ import annotations

import re
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
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("examples/**/*.md")),
]
PROGRAMS = frozenset({"poolwise", "make", "celery"})
SHOWN = [
    shown
    for document in DOCUMENTS
    if document.exists()
    for shown in commands_shown(document, programs=PROGRAMS)
]


def wrong_with(words: tuple[str, ...]) -> str | None:
    """Check a command against the program that it names."""
    match words[0]:
        case "make":
            return wrong_with_make(words, targets=make_targets(MAKEFILE), poolwise=poolwise)
        case "celery":
            return wrong_with_click(words, command=celery)
        case _:
            return wrong_with_click(words, command=poolwise)


def named(shown: Shown) -> str:
    """Build a test id from the place and the command."""
    return f"{shown.document}:{shown.line}: {' '.join(shown.words)}"


@pytest.mark.parametrize("shown", SHOWN, ids=named)
def test_documented_command_exists(shown: Shown) -> None:
    assert wrong_with(shown.words) is None


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_document_contains_commands(document: str) -> None:
    assert [shown for shown in SHOWN if shown.document == document]


#: What a page must answer, and the words of its answer.
ANSWERS = [
    ("troubleshooting.md", "## Results do not appear in ./runs", "POOLWISE_UID=$(id -u)"),
    ("troubleshooting.md", "## Port 5555 or 6379 is already in use", "FLOWER_PORT"),
    ("troubleshooting.md", "## A second cluster on one machine", "COMPOSE_PROJECT_NAME"),
    ("troubleshooting.md", "## The throughput is lower than expected", "LOAD_RATE"),
    ("troubleshooting.md", "## RabbitMQ and other brokers", "celery --broker amqp://"),
    ("troubleshooting.md", "## macOS and Windows", "tested on Linux only"),
    ("troubleshooting.md", "## Podman and Kubernetes", "Neither has been tested"),
    ("measuring.md", "## The probe", "Redis 6.2 or newer"),
]


@pytest.mark.parametrize(("page", "heading", "answer"), ANSWERS, ids=[a for _, a, _ in ANSWERS])
def test_a_page_answers_what_its_readers_ask(page: str, heading: str, answer: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = re.split(r"^## ", text.partition(f"\n{heading}\n")[2], flags=re.MULTILINE)[0]
    assert answer in " ".join(section.split())


@pytest.mark.parametrize(
    "command", ["preflight", "workers", "flower", "switch", "advise", "race -A"]
)
def test_the_page_for_other_projects_names_the_commands_that_they_can_use(command: str) -> None:
    text = (ROOT / "docs" / "your-project.md").read_text(encoding="utf-8")
    assert f"poolwise {command}" in text


@pytest.mark.parametrize("words", recipe_commands(MAKEFILE), ids=" ".join)
def test_command_in_makefile_recipe_exists(words: tuple[str, ...]) -> None:
    assert wrong_with(words) is None


def test_makefile_runs_a_race() -> None:
    assert ("poolwise", "race") in recipe_commands(MAKEFILE)


# Tests of the functions in tests/documented.py.


@click.group()
@click.option("--url")
def example(url: str) -> None:
    """Stand in for a command-line program with an option and a subcommand."""


@example.command()
@click.option("--pool", "-p")
@click.option("--quick/--full")
@click.argument("node")
def switch(pool: str, quick: bool, node: str) -> None:
    """Stand in for a subcommand with every kind of parameter."""


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
def test_existing_command_passes(line: str) -> None:
    assert wrong_with_click(tuple(line.split()), command=example) is None


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("example swich NODE", "`example` has no subcommand 'swich'"),
        ("example --pool threads switch", "`example` has no option --pool"),
        ("example switch --slow NODE", "`example switch` has no option --slow"),
        ("example switch --url=there NODE", "`example switch` has no option --url"),
        ("example switch -x NODE", "`example switch` has no option -x"),
    ],
)
def test_unknown_subcommand_or_option_is_reported(line: str, wrong: str) -> None:
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
def test_make_command_is_checked_with_its_args(words: tuple[str, ...], wrong: str | None) -> None:
    targets = make_targets("BIN := x\n.PHONY: swich\nswitch: dev ## words: more\ntest:\n\tls\n")
    assert wrong_with_make(words, targets=targets, poolwise=example) == wrong


def test_only_shell_blocks_are_searched_for_commands(tmp_path: Path) -> None:
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
