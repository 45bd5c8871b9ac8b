"""Flower applies its configuration file after the user's variables, which still have an effect."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from monitor.access import VARIABLE
from tests.paths import ROOT

CONFIG = ROOT / "monitor" / "flowerconfig.py"
#: Prints the options of a Flower that starts with its environment, without the Throughput page.
PROGRAM = f"""
import json
from flower.command import apply_env_options, apply_options, options
import monitor.extension

monitor.extension.extend = lambda: None
apply_env_options()
apply_options("flower", ["--conf={CONFIG}", "--address=127.0.0.1"])
print(json.dumps(dict(options.items()), default=str))
"""
#: The options of which the file changes the default.
DEFAULTS = {
    "inspect_timeout": 2_000.0,
    "max_tasks": 10_000,
    "enable_events": True,
    "natural_time": False,
}
#: A variable of the user for each of them, and what it sets.
VARIABLES = {
    "FLOWER_INSPECT_TIMEOUT": "9000",
    "FLOWER_MAX_TASKS": "7",
    "FLOWER_ENABLE_EVENTS": "false",
    "FLOWER_NATURAL_TIME": "true",
}
CHOSEN = {
    "inspect_timeout": 9_000.0,
    "max_tasks": 7,
    "enable_events": False,
    "natural_time": True,
}


def options(variables: dict[str, str]) -> dict[str, Any]:
    """Return Flower's options with these variables of the user."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, DEFAULTS),
        (VARIABLES, CHOSEN),
        ({"FLOWER_MAX_TASKS": "7"}, {**DEFAULTS, "max_tasks": 7}),
    ],
    ids=["none", "all", "one"],
)
def test_every_variable_of_the_user_has_an_effect(
    variables: dict[str, str], expected: dict[str, Any]
) -> None:
    found = options(variables)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("value", "logins"),
    [("", []), ("ada:one", ["ada:one"]), ("ada:one, bob:two", ["ada:one", "bob:two"])],
)
def test_flower_gets_the_logins_that_were_checked(value: str, logins: list[str]) -> None:
    assert options({VARIABLE: value})["basic_auth"] == logins
