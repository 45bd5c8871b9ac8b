"""The projects in `examples/` are foreign, each is loaded by its README's line, and some run."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.advise.mix.file import from_file
from lab.commands.advise import advise
from lab.project import calls
from lab.project.project import open_project
from tests.command import poolwise
from tests.documented import commands_shown
from tests.paths import ROOT

PYTHON = Path(sys.executable)
FOLDER = ROOT / "examples"
EXAMPLES = sorted(path.parent.name for path in FOLDER.glob("*/README.md"))
OURS = {"tasks", "worker", "producer", "cluster", "monitor", "lab", "tests", "benchmarks"}


def words_of(name: str) -> tuple[str, ...]:
    """Return the command in the README of an example, without `poolwise`."""
    shown = commands_shown(FOLDER / name / "README.md", programs=frozenset({"poolwise"}))
    [command] = [one.words for one in shown]
    return command[1:]


def test_the_readme_lists_every_example() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\)", text, re.MULTILINE)
    assert sorted(listed) == [(name, name) for name in EXAMPLES]
    assert len(EXAMPLES) >= 12
    assert sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_loaded_by_the_line_in_its_readme(name: str, tmp_path: Path) -> None:
    options = advise.make_context("advise", list(words_of(name)[1:])).params
    project = open_project(options["app"], FOLDER / name, PYTHON, tmp_path)
    if options["all_from"]:
        chosen = from_file(FOLDER / name / options["all_from"]).calls
    else:
        chosen = calls.from_options(options["task"], options["args"], options["kwargs"])
    assert all(project.description.task(call.task) for call in chosen)
    assert project.forbidden, "its broker must be one that nothing may reach"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_imports_nothing_of_poolwise(name: str) -> None:
    own = {path.stem for path in (FOLDER / name).iterdir()}
    for file in (FOLDER / name).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not ({one.partition(".")[0] for one in names} - own) & OURS, file


@contextmanager
def price_server() -> Iterator[str]:
    """Run the server of the example `fetch` on a free port; yield the URL of its prices."""
    command = [sys.executable, str(FOLDER / "fetch" / "server.py"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().rpartition(":")[2])
            yield f"http://127.0.0.1:{port}/prices/"
        finally:
            server.kill()


def test_the_line_of_fetch_runs(tmp_path: Path) -> None:
    with price_server() as url:
        done = poolwise(
            *words_of("fetch"),
            *("--python", sys.executable, "--yes", "--seed", "1", "--out", str(tmp_path)),
            *("--budget", "10s", "--pools", "threads"),
            cwd=FOLDER / "fetch",
            env={"PRICES_URL": url},
        )
    assert done.returncode == 0, done.stderr
    assert "celery -A shop worker --pool threads --concurrency" in done.stdout


def test_the_line_of_time_limits_names_what_threads_take_away(tmp_path: Path) -> None:
    done = poolwise(
        *words_of("time_limits"),
        *("--python", sys.executable, "--yes", "--seed", "1", "--out", str(tmp_path), "--json"),
        *("--budget", "10s", "--pools", "threads"),
        cwd=FOLDER / "time_limits",
    )
    assert done.returncode == 0, done.stderr
    lose = " ".join(json.loads(done.stdout)["answer"]["lose"])
    assert "soft" in lose
    assert "reports.report" in lose
