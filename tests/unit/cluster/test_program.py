"""A printed command line works where it is read, on the host or in a container."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.program import celery_program, program

HERE = Path(sys.executable).with_name("poolwise")
ASK = "from cluster.program import celery_program, program; print(program(), celery_program())"


def started_as(typed: str, **variables: str) -> str:
    """Return the words for Poolwise and for Celery in a process that was started as `typed`."""
    code = f"import sys; sys.argv[0] = {typed!r}; {ASK}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_program_on_the_path_is_called_by_its_name() -> None:
    assert started_as(str(HERE), PATH=f"{HERE.parent}:/usr/bin:/bin") == "poolwise celery"


@pytest.mark.parametrize("typed", [str(HERE), "a folder/poolwise"])
def test_another_is_called_as_it_was_typed(typed: str) -> None:
    beside = typed.replace("/poolwise", "/celery")
    said = started_as(typed, PATH="/usr/bin:/bin")
    assert said == (f"'{typed}' '{beside}'" if " " in typed else f"{typed} {beside}")


def test_a_container_says_how_it_was_started() -> None:
    words = "docker compose run --rm poolwise"
    said = started_as(str(HERE), PATH=f"{HERE.parent}:/usr/bin:/bin", POOLWISE_COMMAND=words)
    assert said == f"{words} celery"


def test_what_is_not_the_program_itself_gets_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POOLWISE_COMMAND", raising=False)
    assert (program(), celery_program()) == ("poolwise", "celery")
