"""`--setup` and `--teardown` frame everything that `advise` does, however it ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import RunningCommand, poolwise, running
from tests.projects.advise.projects import write_shop

BASE = ("advise", "-A", "shop", "--python", sys.executable, "--yes", "--pools", "threads")
#: Notes in the project's folder when it runs.
SETUP = "echo setup >> order; printf ready > prepared; echo 'a line of setup'"
TEARDOWN = "echo teardown >> order; rm prepared"
NEEDS = """
@app.task(name="shop.needs")
def needs():
    with open("prepared") as file:
        return file.read()
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path, "redis://127.0.0.1:1/0")
    with (tmp_path / "shop.py").open("a") as file:
        file.write(NEEDS)
    return tmp_path


def order(shop: Path) -> list[str]:
    file = shop / "order"
    return file.read_text().split() if file.exists() else []


def test_the_task_finds_what_setup_has_prepared_and_teardown_removes_it(shop: Path) -> None:
    hooks = ("--setup", SETUP, "--teardown", TEARDOWN)
    done = poolwise(*BASE, "shop.needs", "--budget", "10s", *hooks, cwd=shop)
    assert done.returncode == 0, done.stderr
    assert order(shop) == ["setup", "teardown"]
    assert not (shop / "prepared").exists()
    [log] = (shop / "runs").glob("*/setup.log")
    assert log.read_text() == "a line of setup\n"
    assert f"setup    {SETUP}" in done.stderr


def test_a_failing_setup_is_one_line_and_nothing_more_is_tried(shop: Path) -> None:
    hooks = ("--setup", "echo no database >&2; exit 3", "--teardown", TEARDOWN)
    done = poolwise(*BASE, "shop.needs", *hooks, cwd=shop)
    assert done.returncode == 1
    assert "the command of --setup failed (exit code 3)" in done.stderr
    assert "no database" in done.stderr
    assert "trying" not in done.stderr
    assert order(shop) == ["teardown"]
    assert "Traceback" not in done.stderr


def test_teardown_runs_after_a_task_that_fails(shop: Path) -> None:
    done = poolwise(*BASE, "shop.needs", "--teardown", "echo teardown >> order", cwd=shop)
    assert done.returncode == 1
    assert "No such file" in done.stderr
    assert order(shop) == ["teardown"]


def test_a_failing_teardown_is_a_warning_because_the_answer_is_good(shop: Path) -> None:
    hooks = ("--setup", SETUP, "--teardown", "exit 4")
    done = poolwise(*BASE, "shop.needs", "--budget", "10s", *hooks, cwd=shop)
    assert done.returncode == 0, done.stderr
    assert "warning: the command of --teardown failed (exit code 4)" in done.stderr
    assert "← recommended" in done.stdout


SLEEPER = "sleep 60 & "
#: The command of `--setup`, the task, and how to see that the moment has come.
Seen = Callable[[Path, RunningCommand], bool]
MOMENTS: dict[str, tuple[str, tuple[str, ...], Seen]] = {
    "in setup": (
        SLEEPER + "echo setup >> order; wait",
        ("shop.needs",),
        lambda shop, _: order(shop) == ["setup"],
    ),
    "in single runs": (
        SLEEPER + SETUP,
        ("shop.pause", "--args", "[20000]"),
        lambda _, command: "alone …" in command.output(),
    ),
    "in the search": (
        SLEEPER + SETUP,
        ("shop.needs",),
        lambda _, command: "of the time used" in command.output(),
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_at_any_moment_runs_teardown_and_leaves_no_process(moment: str, shop: Path) -> None:
    setup, task, seen = MOMENTS[moment]
    words = (*BASE, *task, "--setup", setup, "--teardown", "echo teardown >> order")
    with running(*words, "--budget", "5m", folder=shop, env=dict(os.environ)) as command:
        command.until(lambda: seen(shop, command))
        command.signal(signal.SIGINT)
        assert command.ended() == 130
        assert order(shop) == ["setup", "teardown"]
        assert ("Stopped early" in command.output()) is (moment == "in the search")
        command.wait_for_descendants()
