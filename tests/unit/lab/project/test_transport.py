"""A project is raced with its own transport, and with lease only if that can work there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import kombu_lease
from tasks.errors import UsageError
from tests.unit.lab.project.sample import project


@pytest.mark.parametrize(
    ("changed", "transport"),
    [
        ({}, "stock"),
        ({"urls": ("amqp://there//",)}, "stock"),
        ({"urls": ("lease://there/0", "redis://there/1")}, "lease"),
        ({"urls": ("leases://there/0",)}, "lease"),
        ({"settings": {"broker_transport": "kombu_lease.transport:Transport"}}, "lease"),
        ({"settings": {"broker_transport": None}}, "stock"),
    ],
)
def test_its_own_transport_is_the_default(
    changed: dict[str, Any], transport: str, tmp_path: Path
) -> None:
    assert project(tmp_path, **changed).transport == transport


def test_it_gets_our_package(tmp_path: Path) -> None:
    project(tmp_path).lend_lease()
    lent = (tmp_path / "fallback" / "kombu_lease").resolve()
    assert lent == Path(str(kombu_lease.__file__)).parent


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"python": "3.10.9"}, r"needs Python 3\.11 or newer in your project, which has 3\.10\.9"),
        ({"versions": {"kombu": "5.3.7"}}, r"needs kombu 5\.5 or newer"),
        ({"versions": {}}, r"needs kombu 5\.5 or newer in your project, which has none"),
    ],
)
def test_what_is_too_old_is_named(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        project(tmp_path, **changed).lend_lease()
    assert not (tmp_path / "fallback").exists()
