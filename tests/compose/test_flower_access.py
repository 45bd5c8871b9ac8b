"""Flower requires a credential from outside, and never shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.wait import wait_until
from tests.compose.flower import Flower
from tests.compose.project import Project, run

PAIR = "ada:correct-horse-battery"


def test_flower_does_not_start_on_a_public_address_without_a_credential(cluster: Project) -> None:
    public = {"FLOWER_HOST": "0.0.0.0"}  # noqa: S104 - rejected
    printed = cluster.compose("run", "--rm", "--no-deps", "flower", expect=2, env=public)
    errors = [line for line in printed.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "FLOWER_BASIC_AUTH=user:password" in errors[0]
    assert "Traceback" not in printed


@pytest.fixture
def protected(cluster: Project, tmp_path: Path) -> Iterator[None]:
    """Run Flower with a credential from a file."""
    users = tmp_path / "users"
    users.write_text(f"{PAIR}\n", encoding="utf-8")
    up = ("up", "--detach", "--no-deps", "--wait", "flower")
    cluster.compose(*up, env={"FLOWER_BASIC_AUTH_FILE": str(users)})
    yield
    cluster.compose(*up)


@pytest.mark.usefixtures("protected")
def test_credential_from_a_file_is_required_and_never_shown(
    cluster: Project, flower: Flower
) -> None:
    with_credential = Flower(int(cluster.variables["FLOWER_PORT"]), PAIR)
    wait_until(
        lambda: with_credential.get("/workers")[0] == 200,
        20,
        lambda: AssertionError("access denied"),
    )
    assert flower.get("/workers")[0] == 401
    assert Flower(int(cluster.variables["FLOWER_PORT"]), "ada:wrong").get("/workers")[0] == 401
    [container] = cluster.containers("flower")
    shown = cluster.log("flower") + run(["docker", "inspect", container])
    assert PAIR.partition(":")[2] not in shown + run(["docker", "top", container, "-ef"])
