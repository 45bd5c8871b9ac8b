"""Fixtures of the lease suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lease.farm import Farm


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
