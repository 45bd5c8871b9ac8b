"""Flower lets nobody in from outside without a credential, and keeps the credential to itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.wait import wait_until
from tests.compose.project import Project, run
from tests.compose.watch import Flower

PAIR = "ada:correct-horse-battery"


def test_flower_published_to_the_network_without_a_credential_does_not_start(ring: Project) -> None:
    everywhere = {"FLOWER_HOST": "0.0.0.0"}  # noqa: S104 - refused
    said = ring.compose("run", "--rm", "--no-deps", "flower", expect=2, env=everywhere)
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "FLOWER_BASIC_AUTH=user:password" in errors[0]
    assert "Traceback" not in said


@pytest.fixture
def guarded(ring: Project, tmp_path: Path) -> Iterator[None]:
    """Flower with a credential from a file."""
    users = tmp_path / "users"
    users.write_text(f"{PAIR}\n", encoding="utf-8")
    up = ("up", "--detach", "--no-deps", "--wait", "flower")
    ring.compose(*up, env={"FLOWER_BASIC_AUTH_FILE": str(users)})
    yield
    ring.compose(*up)


@pytest.mark.usefixtures("guarded")
def test_a_credential_from_a_file_is_asked_for_and_shown_nowhere(
    ring: Project, flower: Flower
) -> None:
    known = Flower(int(ring.variables["FLOWER_PORT"]), PAIR)
    wait_until(lambda: known.get("/workers")[0] == 200, 20, lambda: AssertionError("not let in"))
    assert flower.get("/workers")[0] == 401
    assert Flower(int(ring.variables["FLOWER_PORT"]), "ada:wrong").get("/workers")[0] == 401
    [container] = ring.containers("flower")
    shown = ring.log("flower") + run(["docker", "inspect", container])
    assert PAIR.partition(":")[2] not in shown + run(["docker", "top", container, "-ef"])
