"""What the documents show of Docker Compose: no line undoes another, and nothing is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documented import FENCE, SHELLS
from tests.paths import ROOT

DOCUMENTS = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
UP = re.compile(r"^(?P<set>(?:[A-Z_]+=\S+ +)*)docker compose (?P<words>.*\bup\b.*)$")


def blocks(path: Path) -> list[list[str]]:
    """Return the lines of each shell block that calls Docker Compose."""
    bodies = [
        fence["body"]
        for fence in FENCE.finditer(path.read_text(encoding="utf-8"))
        if fence["language"] in SHELLS
    ]
    return [
        [line.partition("#")[0].strip() for line in body.splitlines()]
        for body in bodies
        if "docker compose" in body
    ]


BLOCKS = [(path.name, block) for path in DOCUMENTS for block in blocks(path)]
every_block = pytest.mark.parametrize(
    ("document", "block"), BLOCKS, ids=[f"{name}: {block[0]}" for name, block in BLOCKS]
)


@every_block
def test_no_line_undoes_the_variable_of_a_line_before(document: str, block: list[str]) -> None:
    assert document
    so_far: set[str] = set()
    for up in filter(None, map(UP.match, block)):
        variables = set(re.findall(r"([A-Z_]+)=", up["set"]))
        assert variables >= so_far, f"{up[0]} starts without {so_far - variables}"
        so_far |= variables


@every_block
def test_a_recipe_for_one_service_does_not_remove_the_others(
    document: str, block: list[str]
) -> None:
    assert document
    one_service = any(" --profile " in line for line in block)
    assert not (one_service and any(" down" in line for line in block))


def test_the_settings_shown_for_env_exist() -> None:
    header = (ROOT / "docker-compose.yml").read_text(encoding="utf-8").partition("\nname: ")[0]
    machines = (ROOT / "compose.machines.yml").read_text(encoding="utf-8")
    shown = {
        variable
        for path in DOCUMENTS
        for fence in FENCE.finditer(path.read_text(encoding="utf-8"))
        if fence["language"] == "ini"
        for variable in re.findall(r"^([A-Z_]+)=", fence["body"], re.MULTILINE)
    }
    assert "PREFORK_CONCURRENCY" in shown
    assert shown - {"COMPOSE_FILE"} <= set(re.findall(r"\b[A-Z_]+\b", header + machines))


@pytest.mark.parametrize("variable", ["FLOWER_PORT", "COMPOSE_PROJECT_NAME"])
def test_the_readme_names_what_a_second_cluster_needs(variable: str) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{variable}`" in section
