"""The lesson `free-threading`, run as a learner runs it, and each kind of unsuitable Python.

POOLWISE_PYTHON names a Python without the GIL, as it does for the lesson; see `make nogil`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.session.interpreter import without_gil
from tasks.errors import UsageError
from tests.command import poolwise

VARIABLE = "POOLWISE_PYTHON"
NO_VARIABLE = {VARIABLE: ""}


@pytest.fixture
def python() -> str:
    """Return the Python without the GIL; any other program fails the tests that use it.

    Where nobody has built one, the tests are skipped; CI builds one.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"{VARIABLE} names no Python without the GIL: make nogil PYTHON=...")
    return named


def test_all_claims_about_threads_without_the_gil_hold(python: str, tmp_path: Path) -> None:
    done = poolwise(
        "learn", "free-threading", "--no-predict", "--json", "--python", python,
        cwd=tmp_path, timeout_s=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert not result["findings"]["skipped"]
    claims = result["findings"]["claims"]
    assert all(claim["holds"] for claim in claims)
    assert len(claims) >= 5
    assert len(result["scenes"]) == 3
    # No thread waits for a GIL that is off, whatever else uses the cores.
    without = result["scenes"][1]["bars"]
    assert {bar["what"] for bar in without} <= {"", "core"}


def test_without_such_a_python_the_lesson_is_skipped_with_one_line(tmp_path: Path) -> None:
    done = poolwise("learn", "free-threading", "--no-predict", cwd=tmp_path, env=NO_VARIABLE)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if "skipped" in line]
    assert "--python PATH" in line


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("/no/such/python", "--python: /no/such/python is not an executable program"),
        (sys.executable, "with the GIL"),
        ("/bin/ls", "/bin/ls is not a working Python"),
    ],
)
def test_an_unsuitable_python_is_rejected_in_one_line(
    named: str, says: str, tmp_path: Path
) -> None:
    done = poolwise("learn", "free-threading", "--no-predict", "--python", named, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


def test_a_python_without_celery_gets_the_command_to_install_it(
    python: str, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([python, "-m", "venv", "--without-pip", str(bare)], check=True, timeout=60)
    with pytest.raises(UsageError, match=r"lacks celery and redis: .* -m pip install"):
        without_gil(bare / "bin" / "python")
