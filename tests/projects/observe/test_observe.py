"""`poolwise observe` on sick and healthy clusters of real workers."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.discovery import RemoteControl
from cluster.local import LocalCluster
from lab.results import files as result_files
from lab.results.observation import ObservationResult
from tasks.celery import app
from tests.command import poolwise, running
from tests.projects.observe.clusters import cluster_with


def observed(cluster: LocalCluster, folder: Path) -> dict[str, Any]:
    """Observe a cluster; return the result, which the file holds too."""
    words = ("--broker", cluster.broker_url, "--for", "5s", "--json")
    done = poolwise("observe", *words, cwd=folder)
    assert done.stderr.startswith("observing for"), done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(result["findings"])
    [run] = (folder / "runs").iterdir()
    written = result_files.read(run / "result.json", ObservationResult)
    assert [one.name for one in written.findings] == [one["name"] for one in result["findings"]]
    return result


@pytest.mark.parametrize(
    ("load", "illness", "worker", "evidence", "fix"),
    [
        ("blocked", "gevent-blocked", "g@poolwise", "of shop.block, the worker", "--pool threads"),
        ("computing", "one-core", "t@poolwise", "cores were busy while", "--pool prefork"),
    ],
)
def test_an_illness_is_named_first(
    load: str, illness: str, worker: str, evidence: str, fix: str, tmp_path: Path
) -> None:
    with cluster_with(load, tmp_path) as cluster:
        result = observed(cluster, tmp_path)
    first = result["findings"][0]
    assert (first["name"], first["worker"]) == (illness, worker), result
    assert evidence in first["evidence"]
    assert fix in first["fix"]
    [task] = result["tasks"]
    assert task["run_p50_s"] >= 0.1


def test_task_events_are_enough_to_find_a_blocked_worker(tmp_path: Path) -> None:
    with cluster_with("blocked", tmp_path, probe=False) as cluster:
        result = observed(cluster, tmp_path)
    assert [one["source"] for one in result["workers"]] == ["events"]
    assert result["findings"][0]["name"] == "gevent-blocked"
    assert "task events. They do not show memory" in result["notes"][0]


def test_nothing_is_found_on_a_healthy_cluster(tmp_path: Path) -> None:
    with cluster_with("healthy", tmp_path) as cluster:
        words = ("observe", "--broker", cluster.broker_url, "--for", "5s")
        done = poolwise(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Nothing was found that slows the workers down or loses tasks.\n" in done.stdout
    assert "shop.pause" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


@pytest.fixture(scope="module")
def hoarding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with cluster_with("hoarding", tmp_path_factory.mktemp("hoarding")) as cluster:
        yield cluster


def keys(cluster: LocalCluster) -> set[bytes]:
    """Return the keys of the broker, without results of tasks."""
    return {key for key in cluster.redis.scan_iter() if not key.startswith(b"celery-task-meta-")}


def test_messages_held_behind_a_long_task_are_named_and_nothing_is_changed(
    hoarding: LocalCluster, tmp_path: Path
) -> None:
    before = keys(hoarding)
    result = observed(hoarding, tmp_path)
    first = result["findings"][0]
    assert first["name"] == "prefetch-hoarding"
    assert "ran shop.pause and reserved" in first["evidence"]
    assert "--prefetch-multiplier 1" in first["fix"]
    assert keys(hoarding) <= before
    with RemoteControl(app, hoarding.broker_url) as remote:
        replies = remote.ask("enable_events", ["a@poolwise", "b@poolwise"])
    assert {reply["ok"] for reply in replies.values()} == {"task events enabled"}  # they were off


def test_ctrl_c_ends_with_what_is_known_so_far(hoarding: LocalCluster, tmp_path: Path) -> None:
    words = ("observe", "--broker", hoarding.broker_url, "--for", "20s")
    with running(*words, folder=tmp_path) as command:
        command.until(lambda: " of the time" in command.output())
        command.signal(signal.SIGINT)
        assert command.ended() == 130
        assert "Stopped early" in command.output()
        assert "a@poolwise" in command.output()


MISTAKES = {
    "no duration": (("--for", "soon"), 2, "--for takes a duration"),
    "too long": (("--for", "48h"), 2, "--for must be from 5s"),
    "no broker": (("--broker", "redis://127.0.0.1:1/0"), 3, "no usable Redis"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_a_line_that_names_the_fix(name: str, tmp_path: Path) -> None:
    arguments, code, text = MISTAKES[name]
    done = poolwise("observe", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert text in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_without_workers_it_says_how_to_start_one(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as cluster:
        done = poolwise("observe", "--broker", cluster.broker_url, cwd=tmp_path)
    assert done.returncode == 4
    assert "no worker answers" in done.stderr
