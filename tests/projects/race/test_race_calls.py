"""`poolwise race -A` races the tasks of a foreign project, on its own workers, with all figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import poolwise
from tests.projects.advise.projects import BROKERS, Listener, listening, write_shop
from tests.projects.advise.test_environments import environment_without

QUICK = ("--quick", "--pools", "prefork,threads", "--python", sys.executable, "--seed", "3")
CALLS = [
    {"task": "shop.pause", "args": [200]},
    {"task": "shop.pause", "args": [300]},
    {"task": "shop.chain"},
]


@pytest.fixture
def broker() -> Iterator[Listener]:
    """Run a listener in the place of the project's broker; nothing may connect to it."""
    with listening() as listener:
        yield listener
        assert listener.count == 0


@pytest.fixture
def shop(tmp_path: Path, broker: Listener) -> Path:
    write_shop(tmp_path, f"redis://127.0.0.1:{broker.port}/0", BROKERS["with TLS and options"])
    lines = [json.dumps(call) for call in CALLS]
    (tmp_path / "calls.jsonl").write_text("\n".join(lines))
    return tmp_path


def raced(shop: Path, *words: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    line = ("race", "-A", "shop", *words, *QUICK, "--yes", "--json")
    done = poolwise(*line, cwd=shop, env=env, timeout_s=100)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_task_of_a_file_is_a_workload_with_the_whole_report(shop: Path) -> None:
    result = raced(shop, "--calls", "calls.jsonl")
    assert [work["name"] for work in result["workloads"]] == ["shop.chain", "shop.pause"]
    for work in result["workloads"]:
        for pool in work["pools"]:
            account = pool["summary"]["account"]
            assert account["finished"] == account["submitted"] == work["tasks_per_repeat"] > 0
            assert pool["summary"]["peak_pss_bytes"] > 0
    pause = result["workloads"][1]
    assert pause["task_label"].endswith("tasks with 2 sets of arguments")
    assert 0.25 < pause["bare_wall_s"] < 0.35  # the mean of both calls
    assert result["settings"]["app"] == "shop"
    assert (
        f"race -A shop --calls calls.jsonl --python {sys.executable}"
        in (result["settings"]["command"])
    )
    [report] = shop.glob("runs/*/report.html")
    assert "shop.pause, mostly waits" in report.read_text()


def test_the_mix_runs_the_calls_of_all_tasks_together(shop: Path) -> None:
    words = ("--calls", "calls.jsonl", "--workloads", "mix", "--concurrency", "threads=5")
    # Settings for the workers of a cluster, which the private broker must not have.
    env = {
        "POOLWISE_TRANSPORT": "lease",
        "POOLWISE_BROKER_OPTIONS": '{"global_keyprefix": "mine:", "sep": ":"}',
    }
    [mix] = raced(shop, *words, env=env)["workloads"]
    assert (mix["name"], mix["task"]) == ("mix", "shop.chain, shop.pause")
    slots = {pool["pool"]: pool["concurrency"] for pool in mix["pools"]}
    assert slots["threads"] == 5


def test_two_transports_are_compared_on_workers_of_a_project_that_lacks_one(shop: Path) -> None:
    python = environment_without(shop / "env")
    words = ("-A", "shop", "shop.pause", "--args", "[50]", "--transport", "stock,lease")
    more = ("--quick", "--repeat", "2", "--pools", "threads", "--python", str(python), "--yes")
    done = poolwise("race", *words, *more, "--json", cwd=shop, timeout_s=100)
    assert done.returncode == 0, done.stderr
    assert "with stock and lease" in done.stderr
    result = json.loads(done.stdout)
    [work] = result["workloads"]
    assert [pool["transport"] for pool in work["pools"]] == ["stock", "lease"]
    for pool in work["pools"]:
        account = pool["summary"]["account"]
        assert account["finished"] == account["submitted"] == 2 * work["tasks_per_repeat"]
    [effect] = work["effects"]
    assert (effect["pool"], effect["transport"], effect["baseline"]) == (
        "threads",
        "lease",
        "stock",
    )
    assert "--transport stock,lease" in result["settings"]["command"]
    logs = {path.stem: path.read_text() for path in shop.glob("runs/*/worker-threads-*.log")}
    assert {name: "kombu_lease.transport" in text for name, text in logs.items()} == {
        name: name.endswith("-lease") for name in logs
    }
    assert any(name.endswith("-lease") for name in logs)


def test_a_table_shows_the_tasks_and_what_one_takes_alone(shop: Path) -> None:
    words = ("shop.pause", "--args", "[200]", "--yes")
    done = poolwise("race", "-A", "shop", *words, *QUICK, cwd=shop)
    assert done.returncode == 0, done.stderr
    assert "shop.pause, mostly waits: " in done.stdout
    assert "tasks with the same arguments" in done.stdout
    assert "runs in total" in done.stderr


def test_a_task_that_fails_is_shown_with_its_traceback_and_nothing_more_is_tried(
    shop: Path,
) -> None:
    words = ("shop.fail", "--args", '["fetch"]', "--yes")
    done = poolwise("race", "-A", "shop", *words, *QUICK, cwd=shop)
    assert done.returncode == 1
    assert "ValueError: cannot fetch" in done.stderr
    assert "repeat 1" not in done.stderr


APP = ("-A", "shop")
PAUSE = (*APP, "shop.pause", "--args", "[20]")
MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "no app": (("shop.pause",), "name its app with -A"),
    "no task": ((*APP, "--args", "[1]"), "name the task"),
    "no such task": ((*APP, "shop.paus", "--yes"), "did you mean shop.pause?"),
    "no such workload": ((*PAUSE, "--workloads", "shop.mail"), "shop.mail"),
    "empty list": ((*PAUSE, "--workloads", ","), "--workloads is empty"),
    "not JSON": ((*APP, "shop.pause", "--args", "SKU-1"), "--args is not JSON"),
    "running workers": ((*PAUSE, "--on-running"), "--on-running races Poolwise's own tasks"),
    "a broker": ((*PAUSE, "--broker", "redis://127.0.0.1:1/0"), "leave out --broker"),
    "nobody agrees": (PAUSE, "add --yes"),
    "allow": ((*PAUSE, "--allow", "here"), "--allow takes HOST:PORT"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_a_line_that_names_the_fix(name: str, shop: Path) -> None:
    words, text = MISTAKES[name]
    done = poolwise("race", *words, "--python", sys.executable, cwd=shop)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


#: An app with a task that fails if another runs at the same time.
ALONE = """
import os, time
from celery import Celery

app = Celery("alone", broker="redis://127.0.0.1:1/0")

@app.task(name="alone.only")
def only():
    os.close(os.open("lock", os.O_CREAT | os.O_EXCL))
    try:
        time.sleep(0.05)
    finally:
        os.unlink("lock")
"""


def test_a_race_in_which_no_pool_completes_says_why_and_fails(tmp_path: Path) -> None:
    (tmp_path / "alone.py").write_text(ALONE)
    quick = ("--quick", "--pools", "threads", "--python", sys.executable, "--yes")
    done = poolwise("race", "-A", "alone", "alone.only", *quick, cwd=tmp_path, timeout_s=100)
    assert done.returncode == 1, done.stderr
    assert "threads: repeat 1 is not ranked, because" in done.stdout
    assert " failed." in done.stdout
