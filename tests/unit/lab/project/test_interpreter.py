"""The project's interpreter is the one nearest to the project."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.project.interpreter import find_python
from tasks.errors import UsageError


def program(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch(mode=0o700)
    return folder / "bin" / "python"


def test_the_nearest_one_is_used(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    active = program(tmp_path / "active")
    variables = {"VIRTUAL_ENV": str(tmp_path / "active")}
    assert find_python("", project, {}) == Path(sys.executable)
    assert find_python("", project, variables) == active
    near = program(project / "env")
    assert find_python("", project, variables) == near
    nearer = program(project / ".venv")
    assert find_python("", project, variables) == nearer
    assert find_python(str(tmp_path / "active"), project, variables) == active
    assert find_python(str(active), project, variables) == active


def test_one_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "python").touch(mode=0o600)
    with pytest.raises(UsageError, match=r"--python .* is not an executable file"):
        find_python(str(tmp_path / "python"), tmp_path, {})
