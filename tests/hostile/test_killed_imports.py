"""An app that hangs when it is imported is stopped with all that it started, however we end."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.command import running

#: `tasks` is the name of a package of Poolwise's, and what many projects call their own module.
APPS = ("shop", "tasks")
HANGS = """
import subprocess, time
subprocess.Popen(["sleep", "98765"])
print("hangs", flush=True)
time.sleep(98765)
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "workers": ("workers", "-A"),
    "observe": ("observe", "-A"),
    "race": ("race", "mail", "--yes", "-A"),
    "advise": ("advise", "mail", "--python", sys.executable, "--yes", "-A"),
}


def is_sleep(process: psutil.Process) -> bool:
    try:
        return process.cmdline() == ["sleep", "98765"]
    except psutil.NoSuchProcess:  # it has ended
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda one: one.name)
@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_left_of_an_app_that_hangs_at_import(
    name: str, app: str, number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / f"{app}.py").write_text(HANGS)
    with running(*COMMANDS[name], app, folder=tmp_path) as command:
        command.until(lambda: any(map(is_sleep, command.descendants())))
        command.signal(number)
        command.ended()
        command.wait_for_descendants()
        assert "Traceback" not in command.output()
