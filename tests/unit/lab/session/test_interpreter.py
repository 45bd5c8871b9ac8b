"""Tests for lab.session.interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.session import interpreter
from lab.session.interpreter import OURS, Interpreter, environment
from tasks.errors import UsageError

#: Loads the app with all its tasks, and the probe, as a worker does; prints what that imported.
LOAD = """
import sys
from tasks.celery import app
app.loader.import_default_modules()
import worker.probe
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_another_python_gets_every_package_of_ours_that_a_worker_imports() -> None:
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    imported = {name for name in done.stdout.split() if (root / name / "__init__.py").exists()}
    assert imported == {package.__name__ for package in OURS}


def test_another_python_gets_our_packages_and_nothing_else_of_this_one(tmp_path: Path) -> None:
    python = Interpreter(path="python3.14t", version="3.14.0", stays_off=True)
    variables = environment(python, tmp_path, gil=False)
    names = {one.name for one in Path(variables["PYTHONPATH"]).iterdir()}
    assert names == {package.__name__ for package in OURS}
    assert variables["PYTHON_GIL"] == "0"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("exec sleep 60", "did not import Celery within 0.2 s; try again when the machine is less"),
        ("echo nothing", "is not a working Python; use a Python build without the GIL"),
        ("echo broken >&2; exit 1", "is not a working Python (broken); use a Python build"),
    ],
)
def test_a_python_that_gives_no_answer_is_refused_with_the_reason(
    does: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "ANSWER_S", 0.2 if "sleep" in does else 10.0)
    program = tmp_path / "python3.14t"
    program.write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
    program.chmod(0o755)
    with pytest.raises(UsageError) as caught:
        interpreter.without_gil(program)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
