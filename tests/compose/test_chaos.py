"""`poolwise chaos --on-compose` hurts the running workers, brings them back, and loses no task."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.results import files as result_files
from lab.results.chaos import ChaosResult
from tests.command import POOLWISE
from tests.compose.project import IMAGE, Project, run

BOUND_S = 280.0


def chaos(cluster: Project, folder: Path, *words: str, expect: int = 0) -> str:
    """Run the command as a user does, in the folder of docker-compose.yml."""
    env = {"COMPOSE_PROJECT_NAME": cluster.name, "POOLWISE_IMAGE": IMAGE, **cluster.variables}
    command = [POOLWISE, "chaos", "--on-compose", "--kills", "1", "--seed", "1"]
    return run([*command, "--out", str(folder), *words], expect=expect, env=env, timeout_s=BOUND_S)


def lives(cluster: Project, service: str) -> tuple[str, int, str]:
    """Return the state of a service's container, its process and when that started."""
    state = cluster.inspect(service)["State"]
    return state["Status"], state["Pid"], state["StartedAt"]


@pytest.mark.parametrize(
    ("fault", "pool"),
    [
        ("container-stop", "prefork"),
        ("container-pause", "threads"),
        ("container-disconnect", "gevent"),
    ],
)
def test_a_hurt_container_comes_back_and_every_task_is_accounted_for(
    cluster: Project, tmp_path: Path, fault: str, pool: str
) -> None:
    before = cluster.inspect(f"worker-{pool}")["Id"]
    chaos(cluster, tmp_path, "--fault", fault, "--pool", pool, "--yes")
    [written] = tmp_path.glob("*/result.json")
    [cell] = result_files.read(written, ChaosResult).cells
    assert (cell.fault, cell.pool, cell.hits, cell.resumed) == (fault, pool, 1, 1)
    assert cell.account.accounted == cell.account.submitted > 0
    assert cell.account.lost == 0
    after = cluster.inspect(f"worker-{pool}")
    assert (after["Id"], after["State"]["Status"]) == (before, "running")


def test_without_a_terminal_it_asks_for_yes_and_touches_nothing(
    cluster: Project, tmp_path: Path
) -> None:
    before = lives(cluster, "worker-threads")
    printed = chaos(cluster, tmp_path, "--pool", "threads", expect=2)
    assert "add --yes" in printed
    assert lives(cluster, "worker-threads") == before


def test_workers_that_do_not_run_are_a_usage_error(cluster: Project, tmp_path: Path) -> None:
    stranger = Project(name=f"{cluster.name}-none", variables=cluster.variables)
    printed = chaos(stranger, tmp_path, "--yes", expect=2)
    assert "docker compose up" in printed
