"""`poolwise advise` on a foreign project: the answer, the traps, and every mistake on one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.results import files as result_files
from lab.results.advice import AdviceResult
from tests.command import poolwise, running
from tests.projects.advise.projects import write_shop

#: No one listens there, and nothing must try.
BROKER = "redis://127.0.0.1:1/0"
SHOP = ("advise", "-A", "shop", "--python", sys.executable, "--yes", "--seed", "3")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path, BROKER)
    return tmp_path


def test_a_waiting_task_gets_a_command_line_to_paste(shop: Path) -> None:
    done = poolwise(*SHOP, "shop.pause", "--args", "[50]", "--budget", "40s", cwd=shop)
    assert done.returncode == 0, done.stderr
    assert "← recommended" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    [run] = (shop / "runs").iterdir()
    result = result_files.read(run / "result.json", AdviceResult)
    assert {one.pool for one in result.candidates} == {"prefork", "threads", "gevent"}
    assert result.answer is not None
    assert result.answer.command.startswith(f"celery -A shop worker --pool {result.answer.pool} ")
    assert result.answer.command in done.stdout
    assert "kind: Deployment" in (run / "deploy.txt").read_text()
    assert result.answer.command in (run / "report.html").read_text()


def test_workers_use_the_transport_that_the_app_names(tmp_path: Path) -> None:
    write_shop(tmp_path, BROKER.replace("redis://", "lease://"))
    words = ("shop.pause", "--args", "[50]", "--pools", "threads", "--budget", "20s")
    done = poolwise(*SHOP, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    logs = list(tmp_path.glob("runs/*/worker-*.log"))
    assert logs
    assert all("kombu_lease.transport" in log.read_text() for log in logs)


#: A task that fails unless it runs in a pool process.
FORKED = """
app.conf.worker_pool = "threads"

@app.task(name="shop.forked")
def forked():
    import time
    from billiard import current_process
    if current_process().name == "MainProcess":
        raise RuntimeError("not in a pool process")
    time.sleep(0.02)
"""


def test_prefork_is_measured_and_printed_although_the_app_sets_another_pool(shop: Path) -> None:
    with (shop / "shop.py").open("a") as file:
        file.write(FORKED)
    words = ("shop.forked", "--pools", "prefork", "--budget", "12s", "--json")
    done = poolwise(*SHOP, *words, cwd=shop)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (
        {one["pool"] for one in result["candidates"]} == {result["answer"]["pool"]} == {"prefork"}
    )
    assert not any(trial["failed"] for one in result["candidates"] for trial in one["trials"])
    assert result["answer"]["command"].startswith("celery -A shop worker --pool processes ")
    assert "worker_pool overrides --pool prefork" in " ".join(result["answer"]["lose"])


#: A task that notes the command line of a worker with the flag of `--check`.
NOTES = """
app.conf.worker_concurrency = 3

@app.task(name="shop.notes")
def notes():
    import os, time
    with open("/proc/%d/cmdline" % os.getppid()) as file:
        words = file.read().split("\\0")
    if "--max-tasks-per-child" in words:
        with open("noted", "w") as file:
            file.write(" ".join(words))
    time.sleep(0.02)
"""


def test_check_measures_what_the_user_runs_with_the_settings_of_the_app(shop: Path) -> None:
    with (shop / "shop.py").open("a") as file:
        file.write(NOTES)
    line = "celery -A shop worker -l INFO --max-tasks-per-child 1"
    # Of solo there is only one candidate, so that there is time for the one of --check.
    words = ("shop.notes", "--pools", "solo", "--budget", "30s", "--check", line, "--json")
    done = poolwise(*SHOP, *words, cwd=shop)
    assert done.returncode in {0, 1}, done.stderr
    today = json.loads(done.stdout)["deployed"]
    flags = ["--max-tasks-per-child", "1"]
    assert (today["pool"], today["concurrency"], today["flags"]) == ("prefork", 3, flags)
    assert "Your current prefork ×3 --max-tasks-per-child 1: " in today["sentence"]
    assert "--concurrency 3 " in (shop / "noted").read_text()


def test_check_says_what_it_cannot_measure_once_it_knows_the_app(shop: Path) -> None:
    with (shop / "shop.py").open("a") as file:
        file.write('\napp.conf.worker_pool = "eventlet"\n')
    done = poolwise(*SHOP, "shop.pause", "--check", "celery -A shop worker", cwd=shop)
    assert done.returncode == 2
    assert "--check runs the pool 'eventlet'" in done.stderr
    assert "for real" not in done.stderr


@pytest.mark.parametrize(
    ("task", "args", "name", "evidence"),
    [
        ("shop.unsafe", '["a"]', "unsafe-in-threads", "'mixed up' instead of 'a'"),
        ("shop.unsafe", '["a"]', "unsafe-in-greenlets", "'mixed up' instead of 'a'"),
        ("shop.block", "[60]", "blocks-gevent", "plain.py:"),
    ],
)
def test_a_trap_is_named_with_its_evidence(
    task: str, args: str, name: str, evidence: str, shop: Path
) -> None:
    pool = "threads" if name == "unsafe-in-threads" else "gevent"
    words = ("--pools", pool, "--budget", "20s", "--json")
    done = poolwise(*SHOP, task, "--args", args, *words, cwd=shop)
    assert done.returncode == (1 if "unsafe" in name else 0), done.stderr
    found = {one["name"]: one["text"] for one in json.loads(done.stdout)["warnings"]}
    assert evidence in found[name]


def test_other_programs_that_use_the_cores_are_named(shop: Path) -> None:
    words = ("--args", "[20]", "--pools", "threads", "--budget", "12s", "--json")
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            done = poolwise(*SHOP, "shop.pause", *words, cwd=shop)
        finally:
            busy.kill()
    assert done.returncode == 0, done.stderr
    found = {one["name"]: one["text"] for one in json.loads(done.stdout)["warnings"]}
    assert "of this machine's CPU" in found["other-load"]


def test_a_task_that_fails_is_shown_with_its_traceback_and_nothing_more_is_tried(
    shop: Path,
) -> None:
    done = poolwise(*SHOP, "shop.fail", "--args", '["fetch"]', cwd=shop)
    assert done.returncode == 1
    assert "ValueError: cannot fetch" in done.stderr
    assert "prefork ×" not in done.stderr


def test_a_task_that_retries_now_and_then_gets_an_answer(shop: Path) -> None:
    words = ("--args", "[5]", "--pools", "threads", "--budget", "12s", "--json")
    done = poolwise(*SHOP, "shop.busy", *words, cwd=shop)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["profile"]["failed"] > 0
    assert any(trial["failed"] for one in result["candidates"] for trial in one["trials"])


def test_a_task_that_always_retries_is_shown_with_the_reason(shop: Path) -> None:
    done = poolwise(*SHOP, "shop.busy", "--args", "[1]", cwd=shop)
    assert done.returncode == 1
    assert "asked for a retry" in done.stderr
    assert "ValueError('busy')" in done.stderr


Prepare = Callable[[Path], None]


def app_with(text: str) -> Prepare:
    def prepare(folder: Path) -> None:
        (folder / "shop.py").write_text(text)

    return prepare


MISTAKES: dict[str, tuple[tuple[str, ...], Prepare, int, str]] = {
    "no such app": (("-A", "shp", "shop.pause"), lambda _: None, 2, "no module named shp in /"),
    "no app in the module": (("-A", "plain", "x"), lambda _: None, 2, "there is no Celery app"),
    "no such task": (("-A", "shop", "shop.paus"), lambda _: None, 2, "did you mean shop.pause?"),
    "no task": (("-A", "shop"), lambda _: None, 2, "name the task"),
    "not JSON": (("-A", "shop", "shop.pause", "--args", "SKU-1"), lambda _: None, 2, "--args"),
    "no such file": (("-A", "shop", "--calls", "none"), lambda _: None, 2, "cannot be read"),
    "budget": (("-A", "shop", "x", "--budget", "2 years"), lambda _: None, 2, "--budget"),
    "memory": (("-A", "shop", "x", "--memory", "much"), lambda _: None, 2, "--memory"),
    "slo": (("-A", "shop", "x", "--slo", "fast"), lambda _: None, 2, "--slo"),
    "check": (("-A", "shop", "x", "--check", "celery worker -P x"), lambda _: None, 2, "--check"),
    "python": (("-A", "shop", "x", "--python", "none"), lambda _: None, 2, "--python"),
    "exits at import": (
        ("-A", "shop", "x"),
        app_with("import sys; sys.exit(7)"),
        2,
        "exits with code 7",
    ),
    "dies at import": (
        ("-A", "shop", "x"),
        app_with("import os; os._exit(7)"),
        2,
        "exits with code 7",
    ),
    "raises at import": (("-A", "shop", "x"), app_with("1 / 0"), 2, "ZeroDivisionError"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_a_line_that_names_the_fix(name: str, shop: Path) -> None:
    arguments, prepare, code, text = MISTAKES[name]
    prepare(shop)
    python = () if "--python" in arguments else ("--python", sys.executable)
    done = poolwise("advise", "--yes", *arguments, *python, cwd=shop)
    assert done.returncode == code
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_a_terminal_it_asks_for_yes_and_runs_nothing(shop: Path) -> None:
    done = poolwise("advise", "-A", "shop", "shop.pause", "--python", sys.executable, cwd=shop)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert "shop.pause, for real" in done.stderr


def test_an_app_that_prints_does_not_disturb_the_json(shop: Path) -> None:
    text = (shop / "shop.py").read_text()
    (shop / "shop.py").write_text(f"print('hello')\n{text}")
    done = poolwise(*SHOP, "shop.pause", "--args", "[20]", "--budget", "12s", "--json", cwd=shop)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kind"] == "advice"


def test_ctrl_c_ends_with_what_is_known_so_far(shop: Path) -> None:
    words = (*SHOP, "shop.pause", "--args", "[50]", "--budget", "5m")
    with running(*words, folder=shop, env=dict(os.environ)) as command:
        command.until(lambda: "of the time used" in command.output())
        command.signal(signal.SIGINT)
        assert command.ended() == 130
        assert "Stopped early" in command.output()
        assert "celery -A shop worker" in command.output()
        command.wait_for_descendants()
