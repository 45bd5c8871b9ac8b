"""In the container, results go where its user may write: to ./runs, or else to a volume."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lab.commands.cli import cli
from tests.paths import ROOT

#: A user who owns nothing here; only root can become that user.
STRANGER = 4242 if os.geteuid() == 0 else None
#: Stands in for the command: prints where it would write.
SHOW_OUT = "#!/bin/sh\necho ${POOLWISE_OUT:-runs}\n"


def writing() -> list[str]:
    """Return the commands that write files, to a folder or to a path that the user chooses."""
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return [
        name
        for name, command in commands.items()
        if command and {"out", "output"} & {one.name for one in command.params}
    ]


@pytest.fixture
def app_folder() -> Iterator[Path]:
    """Make a folder like the container's /app, which every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part, mode in (("runs", 0o555), ("results", 0o777)):
            (folder / part).mkdir()
            (folder / part).chmod(mode)
        text = (ROOT / "docker" / "entrypoint").read_text(encoding="utf-8")
        for program, lines in (
            ("entrypoint", text.replace(" /results ]", f" {folder}/results ]")),
            ("poolwise", SHOW_OUT),
        ):
            (folder / program).write_text(lines, encoding="utf-8")
            (folder / program).chmod(0o755)
        yield folder


def started(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Start a command as the container does, as a user who owns nothing in the folder."""
    return subprocess.run(
        [str(folder / "entrypoint"), str(folder / "poolwise"), command],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        user=STRANGER,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )


@pytest.mark.parametrize("command", writing())
def test_results_go_to_the_volume_if_runs_is_not_writable(app_folder: Path, command: str) -> None:
    done = started(app_folder, command)
    assert done.stdout == "/results\n"
    assert "results go to /results, a volume" in done.stderr
    assert "POOLWISE_UID=" in done.stderr


def test_results_stay_in_runs_if_it_is_writable(app_folder: Path) -> None:
    (app_folder / "runs").chmod(0o777)
    done = started(app_folder, "race")
    assert (done.stdout, done.stderr) == ("runs\n", "")


def test_a_command_that_writes_nothing_gets_no_note(app_folder: Path) -> None:
    assert started(app_folder, "workers").stderr == ""
