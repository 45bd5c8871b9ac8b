"""Lock files and package metadata are complete, consistent, and name no package registry."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.paths import ROOT

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
BUILD: list[str] = PYPROJECT["build-system"]["requires"]
WHEEL: list[str] = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
RUNTIME, DEV = "requirements.lock", "requirements-dev.lock"
LOCKS = (RUNTIME, DEV)

#: Not part of the wheel: an installed Poolwise does not need its tests.
NOT_IN_WHEEL = frozenset({"tests", "benchmarks"})

#: Package and image registries, in pieces so that this file does not name them itself.
REGISTRY_HOSTS = tuple(
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("crates", "io"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
    )
)


def pins(lock: str) -> dict[str, tuple[Version, list[str]]]:
    """Return the version and hashes of every package in a lock file, by name."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found: dict[str, tuple[Version, list[str]]] = {}
    for entry in re.split(r"\n(?=\S)", text.strip()):
        pin = re.match(r"([\w.-]+)==([^\s;]+)", entry)
        assert pin is not None, f"not a pin: {entry.splitlines()[0]}"
        found[canonicalize_name(pin[1])] = (
            Version(pin[2]),
            re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry),
        )
    return found


def project_files() -> list[Path]:
    """List the files that are committed, or would be."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs git and a clone; without them, file contents cannot be checked")
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    assert pins(lock)
    assert [name for name, (_, hashes) in pins(lock).items() if not hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_package_source(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert re.findall(r"^.*(?:://|index|find-links|trusted-host).*$", text, re.MULTILINE) == []


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        (RUNTIME, [*PROJECT["dependencies"], *BUILD]),
        (DEV, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"], *BUILD]),
    ],
    ids=LOCKS,
)
def test_lock_satisfies_pyproject(lock: str, wanted: list[str]) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{requirement} is not in {lock}; run make lock"
        assert pinned[name][0] in requirement.specifier, (
            f"{lock} does not satisfy {requirement}; run make lock"
        )


def test_both_locks_pin_the_same_versions() -> None:
    runtime, dev = pins(RUNTIME), pins(DEV)
    assert {name: dev.get(name) for name in runtime} == runtime


def test_no_file_names_a_registry() -> None:
    named = {
        f"{path.relative_to(ROOT)}: {host}"
        for path in project_files()
        for host in REGISTRY_HOSTS
        if host in path.read_text(encoding="utf-8", errors="replace").lower()
    }
    assert named == set()


def test_there_is_no_uv_lock() -> None:
    # uv.lock would name the index that each package came from.
    assert "uv.lock" not in {path.name for path in project_files()}


@pytest.mark.parametrize(
    "script", [".ci/run", *sorted(f"scripts/{p.name}" for p in ROOT.glob("scripts/*"))]
)
def test_script_is_executable(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert (ROOT / script).read_text(encoding="utf-8").startswith("#!")


def test_every_module_opens_with_a_docstring() -> None:
    without = [
        str(path.relative_to(ROOT))
        for path in project_files()
        if path.suffix == ".py"
        and (source := path.read_text(encoding="utf-8")).strip()
        and ast.get_docstring(ast.parse(source)) is None
    ]
    assert without == []


def test_wheel_contains_every_package() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_IN_WHEEL
    assert set(WHEEL) == packages
    assert {"tasks", "worker", "producer", "cluster", "monitor", "lab"} <= packages


def test_import_rules_and_type_checks_cover_every_package() -> None:
    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == set(WHEEL)
    assert set(PYPROJECT["tool"]["mypy"]["packages"]) == set(WHEEL) | NOT_IN_WHEEL
