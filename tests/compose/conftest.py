"""The projects of the ring, each of a name of its own, and gone without a trace at the end."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.ports import free_port
from tests.compose.project import IMAGE, Project, run
from tests.compose.ride import Ride
from tests.compose.watch import Flower

MISSING = "no Docker engine with compose here; CONTRIBUTING.md says what this ring needs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the ring's tests longer than others get: the first of them builds the image."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    """Build the image anew, and remove it at the end; without an engine skip, or fail in CI."""
    there = shutil.which("docker") and "Server" in run(["docker", "version"], expect=None)
    if not there or "Compose" not in run(["docker", "compose", "version"], expect=None):
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING, pytrace=False)
        pytest.skip(MISSING)
    # As Ctrl-C does, SIGTERM ends the tests by way of the fixtures, which remove the containers.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)
    run(["docker", "image", "rm", "--force", IMAGE])


@pytest.fixture(scope="session")
def ring(engine: None) -> Iterator[Project]:  # noqa: ARG001 - it has to be there
    """The cluster of docker-compose.yml, up, on ports of its own and with no light load."""
    ring = Project(
        name=f"poolwise-ring-{os.getpid()}",
        files=("docker-compose.yml", "tests/compose/publish.yml"),
        variables={
            "FLOWER_PORT": str(free_port()),
            "RING_REDIS_PORT": str(free_port()),
            "LOAD_RATE": "0",
        },
    )
    try:
        ring.compose("up", "--detach", "--build", "--wait", "--wait-timeout", "90")
        yield ring
    finally:
        ring.down()
    assert ring.leftovers() == {}


@pytest.fixture
def ride(ring: Project) -> Ride:
    """A run against the ring's Redis."""
    return Ride(ring.redis_url)


@pytest.fixture
def flower(ring: Project) -> Flower:
    """The ring's Flower."""
    return Flower(int(ring.variables["FLOWER_PORT"]))
