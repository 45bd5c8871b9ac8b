"""The Compose project under test, under its own name, removed completely at the end."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.ports import free_port
from tests.compose.flower import Flower
from tests.compose.load_run import LoadRun
from tests.compose.project import IMAGE, Project, run

MISSING = "no Docker engine with Compose; CONTRIBUTING.md lists what this suite needs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests a longer timeout: the first of them builds the image."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    """Require a Docker engine: without one, skip, or fail in CI. Remove the image at the end."""
    docker = shutil.which("docker") and "Server" in run(["docker", "version"], expect=None)
    if not docker or "Compose" not in run(["docker", "compose", "version"], expect=None):
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING, pytrace=False)
        pytest.skip(MISSING)
    # Treat SIGTERM like Ctrl-C, so that the fixtures still remove the containers.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)
    run(["docker", "image", "rm", "--force", IMAGE])


@pytest.fixture(scope="session")
def cluster(engine: None) -> Iterator[Project]:  # noqa: ARG001 - must run first
    """Run docker-compose.yml on free ports and without the light load."""
    cluster = Project(
        name=f"poolwise-ring-{os.getpid()}",
        files=("docker-compose.yml", "tests/compose/publish.yml"),
        variables={
            "FLOWER_PORT": str(free_port()),
            "RING_REDIS_PORT": str(free_port()),
            "LOAD_RATE": "0",
        },
    )
    try:
        cluster.compose("up", "--detach", "--build", "--wait", "--wait-timeout", "90")
        yield cluster
    finally:
        cluster.down()
    assert cluster.leftovers() == {}


@pytest.fixture
def load_run(cluster: Project) -> LoadRun:
    """Return a run against the cluster's Redis."""
    return LoadRun(cluster.redis_url)


@pytest.fixture
def flower(cluster: Project) -> Flower:
    """Return the cluster's Flower."""
    return Flower(int(cluster.variables["FLOWER_PORT"]))
