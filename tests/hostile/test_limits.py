"""A command under a limit that is too low says which one, and exits with 6."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.command import POOLWISE
from tests.hostile.in_process import run
from tests.hostile.trial import assert_clean_end

STARTING = (
    ("race", "--quick", "--pools", "threads"),
    ("learn", "gil", "--no-predict"),
    ("up", "--port", "0", "--flower-port", "0"),
)


@pytest.mark.parametrize("files", [20, 255])
@pytest.mark.parametrize("command", STARTING, ids=lambda command: command[0])
def test_too_few_open_files(command: tuple[str, ...], files: int, tmp_path: Path) -> None:
    limited = f'ulimit -n {files}; exec "$0" "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", limited, POOLWISE, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"only {files} files" in assert_clean_end(done, codes={6})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--port", "65536"), "65536"),
        (("--port", "-1"), "-1"),
        (("--flower-port", "99999"), "99999"),
        (("--flower-port", "x"), "x"),
        (("--port", "7001", "--flower-port", "7001"), "cannot share port 7001"),
        (("--pools", ""), "name at least one pool"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_impossible_ports_are_rejected(
    options: tuple[str, ...], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("up", *options)
    assert line in assert_clean_end(done, codes={2})
    assert not list(tmp_path.iterdir())
