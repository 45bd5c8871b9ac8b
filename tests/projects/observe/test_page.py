"""The Throughput page shows what `poolwise observe` finds, on sick and healthy clusters."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.local import LocalCluster
from cluster.ports import free_port
from cluster.wait import wait_until
from tests.command import poolwise
from tests.projects.observe.clusters import cluster_with

BOUND_S = 45.0


def page_of(cluster: LocalCluster) -> Callable[[], dict[str, Any]]:
    """Start Flower; return a function that requests the page's data."""
    _, url = cluster.start_flower(free_port())

    def data() -> dict[str, Any]:
        with urllib.request.urlopen(f"{url}/throughput/data", timeout=20) as reply:  # noqa: S310 - our own Flower
            found: dict[str, Any] = json.load(reply)
        return found

    return data


def told(answer: dict[str, Any]) -> str:
    return json.dumps({name: answer[name] for name in ("findings", "recent", "source")})


def found_on(page: Callable[[], dict[str, Any]]) -> list[dict[str, Any]]:
    """Wait until the page shows findings; return them."""
    found: list[dict[str, Any]] = wait_until(
        lambda: page()["findings"]["found"] or [],
        BOUND_S,
        lambda: AssertionError(told(page())),
    )
    return found


@pytest.mark.parametrize("probe", [True, False], ids=["probe", "events"])
def test_a_blocked_worker_is_named_first(probe: bool, tmp_path: Path) -> None:
    with cluster_with("blocked", tmp_path, probe=probe) as cluster:
        first = found_on(page_of(cluster))[0]
    assert (first["name"], first["worker"]) == ("gevent-blocked", "g@poolwise"), first
    assert "of shop.block, the worker" in first["evidence"]
    assert "--pool threads" in first["fix"]


def test_a_worker_limited_by_one_core_is_named_first(tmp_path: Path) -> None:
    with cluster_with("computing", tmp_path) as cluster:
        first = found_on(page_of(cluster))[0]
    assert (first["name"], first["worker"]) == ("one-core", "t@poolwise"), first
    assert "cores were busy while" in first["evidence"]
    assert "--pool prefork" in first["fix"]


def test_the_page_and_observe_name_the_same(tmp_path: Path) -> None:
    with cluster_with("hoarding", tmp_path) as cluster:
        page = page_of(cluster)
        words = ("--broker", cluster.broker_url, "--for", "8s", "--json")
        observed = json.loads(poolwise("observe", *words, cwd=tmp_path).stdout)["findings"]
        found = found_on(page)
        assert page()["recent"]["workers"][0]["source"] == "probe"
    assert found[0]["name"] == "prefetch-hoarding"
    assert "--prefetch-multiplier 1" in found[0]["fix"]
    same = ("name", "worker", "text", "fix")
    assert [[one[key] for key in same] for one in found] == [
        [one[key] for key in same] for one in observed[:3]
    ]


def test_nothing_is_found_on_a_healthy_cluster(tmp_path: Path) -> None:
    with cluster_with("healthy", tmp_path) as cluster:
        page = page_of(cluster)
        judged: list[list[Any]] = []

        def is_over() -> bool:
            answer = page()
            if answer["findings"]["found"] is not None:
                judged.append(answer["findings"]["found"])
            return bool(judged) and answer["finished"] >= 60

        wait_until(is_over, BOUND_S, lambda: AssertionError(told(page())))
    assert judged == [[]] * len(judged)
