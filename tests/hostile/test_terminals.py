"""Hostile terminals: a command does its work and ends well, whatever it prints to."""

from __future__ import annotations

import fcntl
import os
import pty
import stat
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.results import files as result_files
from tests.command import POOLWISE
from tests.hostile import canned
from tests.hostile.trial import assert_clean_end
from tests.paths import ROOT

CANNED = (sys.executable, "-m", "tests.hostile.canned")
#: A command line, and its exit code if it can print.
COMMANDS = {
    "race": ((*CANNED, "race", "--out", "runs"), 0),
    "race --json": ((*CANNED, "race", "--out", "runs", "--json"), 0),
    "lesson": ((*CANNED, "learn", "gil", "--out", "runs"), 0),
    "workers": ((*CANNED, "workers"), 0),
    "learn": ((POOLWISE, "learn"), 0),
    "preflight": (
        (POOLWISE, "preflight", *["--", "celery", "worker", "-P", "threads", "--time-limit", "5"]),
        1,
    ),
    "error": ((POOLWISE, "rce"), 2),
}
Prepare = Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """Where a command prints to."""

    redirections: str = ""  # for the shell
    env: dict[str, str] = field(default_factory=dict)
    ascii_only: bool = False
    unprinted: bool = False  # stdout is there, and cannot be written


TERMINALS = {
    "stdout closed": Terminal(redirections=">&-"),
    "stderr closed": Terminal(redirections="2>&-"),
    "all closed": Terminal(redirections="<&- >&- 2>&-"),
    "broken pipe": Terminal(),
    "full": Terminal(redirections=">full", unprinted=True),
    "full stderr": Terminal(redirections="2>full"),
    "not for writing": Terminal(redirections="1<plain", unprinted=True),
    "ASCII": Terminal(env={"PYTHONIOENCODING": "ascii"}, ascii_only=True),
    "ASCII, strict": Terminal(env={"PYTHONIOENCODING": "ascii:strict"}, ascii_only=True),
    "C locale": Terminal(env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
    "COLUMNS=x": Terminal(env={"COLUMNS": "x", "LINES": "x"}),
    "COLUMNS=0": Terminal(env={"COLUMNS": "0", "LINES": "0"}),
    "COLUMNS=1": Terminal(env={"COLUMNS": "1", "LINES": "1"}),
    "COLUMNS=10000": Terminal(env={"COLUMNS": "10000", "LINES": "10000"}),
    "COLUMNS=²": Terminal(env={"COLUMNS": "²", "LINES": "²"}),
    "COLUMNS=9…": Terminal(env={"COLUMNS": "9" * 5_000, "LINES": "9" * 5_000}),
}
#: What every command is tried on; the others differ only in how tables are laid out.
FOR_ALL = ("stdout closed", "all closed", "broken pipe", "full", "ASCII")
TRIALS = [
    (command, terminal)
    for terminal in TERMINALS
    for command in (COMMANDS if terminal in FOR_ALL else ("race", "learn"))
]


def shell(
    command: Sequence[str], terminal: Terminal, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that redirects its streams."""
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {terminal.redirections}', "sh", *command],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **terminal.env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )


def full_device(path: Path) -> bool:
    """Make a device that is always full; False if only root may."""
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 7))
    except PermissionError:
        return False
    return True


def saved(folder: Path) -> object:
    """Return the result that a race or lesson has saved; its page must be there too."""
    [result] = folder.glob("runs/*/*.json")
    [page] = folder.glob("runs/*/*.html")
    assert page.read_text() == canned.PAGE
    return result_files.read_any(result)


@pytest.mark.parametrize(("command", "terminal"), TRIALS, ids=lambda name: name)
def test_a_command_does_its_work_wherever_it_prints(
    command: str, terminal: str, tmp_path: Path
) -> None:
    (tmp_path / "plain").write_text("")
    where = TERMINALS[terminal]
    if "full" in where.redirections and not full_device(tmp_path / "full"):
        (tmp_path / "full").write_text("")
        where = Terminal(
            redirections=where.redirections.replace(">full", "<full"), unprinted=where.unprinted
        )
    line, code = COMMANDS[command]
    if "broken" in where.redirections:
        done = into_broken_pipe(line, tmp_path)
    else:
        done = shell(line, where, tmp_path)
    expected = 5 if where.unprinted and code < 2 else code
    if "2>" in where.redirections:
        assert done.returncode == expected, done.stderr
    elif code == 1 and not where.unprinted:  # a finding, which is printed
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    else:
        assert_clean_end(done, codes={expected})
    if where.ascii_only and command != "error":
        assert done.stdout.isascii()
        assert done.stdout
    if command.startswith("race"):
        assert saved(tmp_path) == canned.RACE
    elif command == "lesson":
        assert saved(tmp_path) == canned.LESSON


def into_broken_pipe(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command whose output nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)


def test_a_full_pipe_that_does_not_block_gets_everything(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4_096)
    os.set_blocking(writing, False)
    command, _ = COMMANDS["race --json"]
    with (
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
        ) as process,
        open(reading, "rb") as pipe,  # noqa: PTH123 - a descriptor
    ):
        os.close(writing)
        printed = pipe.read()
        assert process.wait(60) == 0
    [result] = tmp_path.glob("runs/*/result.json")
    assert printed.strip() == result.read_bytes()


@pytest.mark.parametrize("columns", [1, 2, 10_000])
@pytest.mark.parametrize("command", ["race", "lesson", "workers", "learn"])
def test_a_terminal_of_any_width(command: str, columns: int, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, columns))
    line, code = COMMANDS[command]
    env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        line, cwd=tmp_path, env={**env, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=subprocess.DEVNULL, stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    with process:
        printed = b"".join(iter(lambda: _read(leader), b""))
        assert process.wait(60) == code
    os.close(leader)
    assert b"Traceback" not in printed
    assert printed


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:  # the last process has closed the terminal
        return b""


def test_a_name_that_is_not_utf8_is_written_and_shown(tmp_path: Path) -> None:
    result_files.write(canned.RACE, tmp_path / "r.json")
    name = b"p\xe4ge\xff.html"
    done = subprocess.run(
        [os.fsencode(POOLWISE), b"report", b"r.json", b"-o", name],
        cwd=tmp_path, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"p?ge?.html\n"
    assert (os.fsencode(tmp_path) + b"/" + name) in [
        e.path for e in os.scandir(os.fsencode(tmp_path))
    ]
