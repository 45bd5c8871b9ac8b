"""The lesson `free-threading` as its learner runs it, and every Python that will not do for it.

POOLWISE_PYTHON names a Python without the GIL, as it does for the lesson; see `make nogil`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.session.interpreter import environment, without_gil
from tasks.errors import UsageError
from tests.command import poolwise

VARIABLE = "POOLWISE_PYTHON"
NO_VARIABLE = {VARIABLE: ""}


@pytest.fixture
def python() -> str:
    """Return the Python without the GIL; a name that is no such Python fails where it is used."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"{VARIABLE} names no Python without the GIL: make nogil PYTHON=...")
    return named


def test_what_it_says_of_threads_without_the_gil_is_so(python: str, tmp_path: Path) -> None:
    done = poolwise(
        "learn", "free-threading", "--no-predict", "--json", "--python", python,
        cwd=tmp_path, timeout_s=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["findings"]["skipped"]
    claims = told["findings"]["claims"]
    assert all(claim["holds"] for claim in claims)
    assert len(claims) >= 5
    assert len(told["scenes"]) == 3
    # Nobody waits for a GIL that is off, whoever else uses the cores.
    without = told["scenes"][1]["bars"]
    assert {bar["what"] for bar in without} <= {"", "core"}


def test_only_our_own_packages_are_lent_to_another_python(python: str, tmp_path: Path) -> None:
    lent = environment(without_gil(Path(python)), tmp_path, gil=False)
    assert lent["PYTHON_GIL"] == "0"
    assert {path.name for path in Path(lent["PYTHONPATH"]).iterdir()} == {"tasks", "worker"}


def test_without_such_a_python_it_is_skipped_with_one_line(tmp_path: Path) -> None:
    done = poolwise("learn", "free-threading", "--no-predict", cwd=tmp_path, env=NO_VARIABLE)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if "skipped" in line]
    assert "--python PATH" in line


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("/no/such/python", "--python: there is no program /no/such/python"),
        (sys.executable, "with the GIL"),
        ("/bin/ls", "/bin/ls is not a working Python"),
    ],
)
def test_a_python_that_will_not_do_is_refused_in_one_line(
    named: str, says: str, tmp_path: Path
) -> None:
    done = poolwise("learn", "free-threading", "--no-predict", "--python", named, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


def test_a_python_without_celery_is_told_what_it_lacks(python: str, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([python, "-m", "venv", "--without-pip", str(bare)], check=True, timeout=60)
    with pytest.raises(UsageError, match=r"lacks celery and redis: .* -m pip install"):
        without_gil(bare / "bin" / "python")
