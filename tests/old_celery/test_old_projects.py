"""The examples of each layout work from the line in their README with the oldest Celery supported.

Its Python is the one that `scripts/setup-old-celery` finds; PYTHON names another, such as 3.13.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import poolwise
from tests.paths import ROOT
from tests.projects.advise.test_examples import FOLDER, price_server, words_of

OLDEST = "5.3"
#: The app is in a package, in a module, has settings in a namespace, and is made by a factory.
LAYOUTS = ("fetch", "parsing", "mixed", "sqlite_writes")
#: A threads worker of this Celery often sleeps for 2 s once its slots are full. A race of hundreds
#: of tasks that take 2 ms ends before it has run them all.
TOO_SHORT = frozenset({"sqlite_writes"})
#: What may become of a task in a race.
ENDS = ("finished", "failed", "lost", "timed_out", "unserved")
#: Seconds that a command may take.
LIMIT_S = 110.0


@pytest.fixture(scope="module")
def python() -> str:
    setup = [str(ROOT / "scripts" / "setup-old-celery"), OLDEST]
    return subprocess.run(setup, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture(scope="module")
def prices() -> Iterator[str]:
    with price_server() as url:
        yield url


def run(command: str, layout: str, python: str, prices: str, out: Path) -> dict[str, Any]:
    """Run the line of a README with another command."""
    more = {"advise": ("--budget", "20s"), "race": ("--quick",)}[command]
    words = (*words_of(layout)[1:], *more, "--python", python, "--seed", "1", "--yes", "--json")
    done = poolwise(
        *(command, *words, "--out", str(out)),
        cwd=FOLDER / layout,
        env={"PRICES_URL": prices},
        timeout_s=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_advise_works(layout: str, python: str, prices: str, tmp_path: Path) -> None:
    advice = run("advise", layout, python, prices, tmp_path)
    assert advice["settings"]["celery"].startswith(f"{OLDEST}.")
    assert advice["answer"]["command"].startswith("celery -A ")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_race_works(layout: str, python: str, prices: str, tmp_path: Path) -> None:
    race = run("race", layout, python, prices, tmp_path)
    assert race["versions"]["celery"].startswith(f"{OLDEST}.")
    [workload] = race["workloads"]
    for pool in workload["pools"]:
        for repeat in pool["repeats"]:
            account = repeat["account"]
            accounted = sum(account[one] for one in ENDS)
            assert accounted == account["submitted"] == workload["tasks_per_repeat"], account
            if layout not in TOO_SHORT or pool["pool"] != "threads":
                assert account["finished"] == account["submitted"], account
            assert account["finished"] > 0, account
