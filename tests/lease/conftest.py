"""Fixtures of the lease suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.reaper import Reaper
from tests.lease.farm import Farm, Server


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A broker of the test's own, without workers."""
    farm = Farm(tmp_path)
    try:
        yield farm
    finally:
        farm.close()


@pytest.fixture
def lasting_farm(tmp_path: Path) -> Iterator[Farm]:
    """A broker that writes each command to disk before it answers."""
    farm = Farm(tmp_path, appendonly="yes", appendfsync="always")
    try:
        yield farm
    finally:
        farm.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the tests of a module share."""
    reaper = Reaper()
    server = Server(tmp_path_factory.mktemp("server"), reaper)
    yield server
    server.client.close()
    server.kill()
    reaper.close()


@pytest.fixture(params=["", "shop."], ids=["plain", "prefixed"])
def prefix(request: pytest.FixtureRequest) -> str:
    """The keys' global prefix."""
    return str(request.param)
