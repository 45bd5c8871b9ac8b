"""A mistyped command gets a one-line error that names the fix, before any process starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.commands.cli import cli


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("rce", 2, "did you mean race?"),
        ("race --quik", 2, "--quick"),
        ("race --pools prefork,gevnt", 2, "did you mean gevent?"),
        ("race --pools ,", 2, "name at least one pool"),
        ("race --workloads brun", 2, "did you mean burn?"),
        ("race --workloads ,", 2, "name at least one workload"),
        ("race --concurrency prefork=0", 2, "at least 1 slot"),
        ("race --concurrency prefork=-1", 2, "at least 1 slot"),
        ("race --concurrency prefork=1000000", 6, "lower it with --concurrency"),
        ("race --concurrency threads=1000000", 6, "lower it with --concurrency"),
        ("race --transport leas", 2, "did you mean lease?"),
        ("race --transport stock,leas", 2, "did you mean lease?"),
        ("race --transport ,", 2, "--transport is empty"),
        ("race --on-running --transport stock,lease", 2, "leave out --transport"),
        ("race --on-running --transport lease", 2, "leave out --transport"),
        ("race --nope", 2, "race --help"),
        ("chaos --kills 0", 2, "1<=x<=100000"),
        ("switch", 2, "NODE"),
        ("dead delete", 2, "dead --help"),
        ("race --out /proc/nowhere", 5, "--out"),
        (f"race --out {'long' * 100}", 5, "--out"),
        ("learn gil --pools solo", 2, "gil does not use solo"),
        ("learn gil --pause-ms -1", 2, "--pause-ms"),
        ("learn gli", 2, "did you mean gil?"),
        ("learn --all gil", 2, "--all runs every lesson"),
        ("learn gil --out /proc/nowhere", 5, "--out"),
    ],
)
def test_a_mistake_gets_a_one_line_error_that_names_the_fix(
    typed: str, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, typed.split())
    assert done.exception is None
    assert done.return_value == code
    assert not done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("typed", ["", "dead"])
def test_without_arguments_the_whole_help_is_shown(typed: str) -> None:
    done = CliRunner().invoke(cli, typed.split())
    asked = CliRunner().invoke(cli, [*typed.split(), "--help"])
    assert done.return_value == 2
    assert done.stderr == asked.stdout
    assert len(done.stderr.splitlines()) > 5
