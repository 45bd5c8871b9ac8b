"""No value of FLOWER_BASIC_AUTH makes a real Flower admit a login that nobody has chosen."""

from __future__ import annotations

import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.local import LocalCluster
from cluster.ports import free_port
from monitor.access import VARIABLE
from tasks.errors import WorkerError
from tests.hostile.real_server import real

#: What `Authorization: Basic` has for an empty login.
EMPTY = "="


@contextmanager
def flower(folder: Path, value: str) -> Iterator[str]:
    """Run a Flower with this value of the variable, and yield its URL."""
    with real(folder) as port, LocalCluster(folder, f"redis://127.0.0.1:{port}/0") as cluster:
        _, url = cluster.start_flower(free_port(), env={VARIABLE: value})
        yield url


def status(url: str, credentials: str | None) -> int:
    """Return the status of a page for a login, which is already encoded."""
    request = urllib.request.Request(f"{url}/workers")  # noqa: S310 - our own Flower
    if credentials is not None:
        request.add_header("Authorization", f"Basic {credentials}")
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - our own Flower
            return int(reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    "value",
    ["ada:hunter2,", ",ada:hunter2", "ada:hunter2,word", "hunter2", ",", "ada:hunter2\u00e9"],
    ids=ascii,
)
def test_a_part_that_is_no_login_starts_no_flower(value: str, tmp_path: Path) -> None:
    with (
        pytest.raises(WorkerError, match="every entry must be user:password") as refused,
        flower(tmp_path, value) as url,
    ):
        assert status(url, EMPTY) == 401
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in (tmp_path / "flower.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", ["ada:hunter2", "bob:two, ada:hunter2"])
def test_every_login_is_admitted_and_an_empty_one_is_not(value: str, tmp_path: Path) -> None:
    with flower(tmp_path, value) as url:
        assert status(url, b64encode(b"ada:hunter2").decode()) == 200
        assert [status(url, other) for other in (None, "", EMPTY)] == [401, 401, 401]


def test_an_empty_variable_leaves_flower_without_a_login(tmp_path: Path) -> None:
    with flower(tmp_path, "") as url:
        assert status(url, None) == 200
