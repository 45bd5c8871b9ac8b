"""docs/architecture.md describes the tree as it is."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.paths import ROOT
from worker.probe import HEADER, HEADER_KEYS, ROW, STREAM, VERSION

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = {one["name"]: one for one in PYPROJECT["tool"]["importlinter"]["contracts"]}
#: A path in backticks or in a code block; NAME stands for what the reader chooses.
PATHS = sorted(
    {
        path
        for path in re.findall(
            r"\b((?:tasks|worker|producer|cluster|monitor|lab|tests|docs)/[\w./-]*)", PAGE
        )
        if "NAME" not in path
    }
)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists(), f"docs/architecture.md names {path}"


def first_cells(section: str, header: str) -> list[str]:
    """Return the first cell of each row of the table under `header` in a section."""
    body = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    table = body.partition(header)[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def layers_of(contract: str) -> list[str]:
    """Return the layers of an import-linter contract, the topmost first."""
    found: list[str] = CONTRACTS[contract]["layers"]
    return found


def test_the_packages_are_in_the_order_of_their_imports() -> None:
    layers = CONTRACTS["each package imports only from those above it in docs/architecture.md"][
        "layers"
    ]
    documented = first_cells("Packages", "| package | question | contents |")
    assert [one.rstrip("/") for one in documented if one != "monitor/"] == layers[::-1]
    assert {one.rstrip("/") for one in documented} == set(
        PYPROJECT["tool"]["importlinter"]["root_packages"]
    )


def test_the_folders_of_the_lab_are_in_the_order_of_their_imports() -> None:
    layers = CONTRACTS[
        "each folder of the lab imports only from those above it in docs/architecture.md"
    ]["layers"]
    enforced = [set(layer.split(" | ")) for layer in layers[::-1]]
    documented = [
        one.removeprefix("lab/").rstrip("/") for one in first_cells("Packages", "| folder |")
    ]
    for layer in enforced:
        assert {documented.pop(0) for _ in layer} == layer
    assert documented == []


def test_the_folders_of_the_monitor_are_in_the_order_of_their_imports() -> None:
    layers = layers_of(
        "each folder of the monitor imports only from those above it in docs/architecture.md"
    )
    enforced = [set(layer.split(" | ")) for layer in layers[::-1]]
    rooms = [layer for layer in enforced if all((ROOT / "monitor" / one).is_dir() for one in layer)]
    documented = first_cells("Packages", "| folder | question | contents |")
    for layer in rooms:
        assert {documented.pop(0) for _ in layer} == {f"monitor/{one}/" for one in layer}
    assert documented == []


@pytest.mark.parametrize("package", ["lab", "monitor"])
def test_every_folder_is_listed(package: str) -> None:
    folders = {f"{package}/{one.parent.name}/" for one in (ROOT / package).glob("*/__init__.py")}
    documented = {
        cell
        for header in ("| folder |", "| folder | question | contents |")
        for cell in first_cells("Packages", header)
    }
    assert folders <= documented


def test_the_wire_contract_is_that_of_the_probe() -> None:
    assert first_cells("Wire contract", "| key | meaning |") == list(HEADER_KEYS)
    assert tuple(first_cells("Wire contract", "| field | meaning |")) == ROW
    assert f"one header, `{HEADER}`" in PAGE
    assert f"stream\n`{STREAM}`" in PAGE or f"stream `{STREAM}`" in PAGE
    assert f"| `v` | version of this format: {VERSION} |" in PAGE


def test_a_path_that_does_not_exist_is_noticed() -> None:
    assert not (ROOT / "lab/nowhere/").exists()
    assert "lab/session/session.py" in PATHS
