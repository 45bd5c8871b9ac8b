"""`-A` imports a project as Celery does; whatever goes wrong there gets one line."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from lab.project.broker import read_broker
from tasks.errors import UsageError
from tests.command import poolwise

APP = "from celery import Celery\napp = Celery('shop', broker='redis://127.0.0.1:1/3')\n"
OPTIONS = "app.conf.broker_transport_options = {'global_keyprefix': 'shop:', "
FOUND = {
    "plain": ("shop", {"shop.py": APP}, {}),
    "named": ("shop:mine", {"shop.py": APP + "mine, app = app, 5\n"}, {}),
    "dotted": ("shop.mine", {"shop.py": APP + "mine, app = app, 5\n"}, {}),
    "package": ("shop", {"shop/__init__.py": "", "shop/celery.py": APP}, {}),
    "our name": ("tasks", {"tasks.py": APP}, {}),
    "prints": ("shop", {"shop.py": APP + "print('hello' * 100_000)\n"}, {}),
    "a thread": (
        "shop",
        {"shop.py": APP + "import threading as t, time\nt.Thread(target=time.sleep, args=[99])"
         ".start()\n"},
        {},
    ),
    "options": (
        "shop",
        {"shop.py": APP + OPTIONS + "'visibility_timeout': 9, 'socket_keepalive_options': {4: 1},"
         " 'queue_order_strategy': object, 'priority_steps': range(10)}\n"},
        {"global_keyprefix": "shop:", "priority_steps": list(range(10))},
    ),
    "settings": (
        "shop",
        {"shop.py": APP + "app.config_from_object('settings')\n",
         "settings.py": "broker_transport_options = {'sep': ':'}\n"},
        {"sep": ":"},
    ),
}  # fmt: skip
REFUSED = {
    "no module": ("nope", {}, "-A nope: no module named nope in /"),
    "no package": ("shop.nope", {"shop.py": APP}, "no module named shop.nope in /"),
    "imports another": (
        "shop",
        {"shop.py": "import redis_lock_nope\n"},
        f"-A shop: it imports redis_lock_nope, which {sys.executable} does not have: run this in",
    ),
    "no app": ("shop", {"shop.py": "x = 1\n"}, "there is no Celery app (name it as you do"),
    "another app": ("shop", {"shop.py": "app = 5\n"}, "that is a int, not a Celery app"),
    "attribute": ("shop", {"shop.py": "import os\nos.nope\n"}, "fails (AttributeError: module"),
    "raises": (
        "shop",
        {"shop.py": "raise ValueError('two\\nlines of amqp://me:secret@host')\n"},
        "two lines of (an address)): run this in the folder where you",
    ),
    "syntax": ("shop", {"shop.py": "if\n"}, "importing it fails (SyntaxError: "),
    "settings": (
        "shop",
        {"shop.py": APP + "app.config_from_object('settings_nope')\n"},
        "it imports settings_nope",
    ),
    "exits": ("shop", {"shop.py": "import sys\nsys.exit(3)\n"}, "Python exits with code 3"),
    "exits negative": ("shop", {"shop.py": "import sys\nsys.exit(-1)\n"}, "exits with code 255"),
    "exits at once": ("shop", {"shop.py": "import os\nos._exit(0)\n"}, "exits with code 0"),
    "is killed": (
        "shop",
        {"shop.py": "import os\nos.kill(os.getpid(), 9)\n"},
        "a signal ended Python while importing it (killed by SIGKILL)",
    ),
    "another broker": (
        "shop",
        {"shop.py": APP.replace("redis://", "amqp://me:secret@")},
        "the broker URL must start with redis://, rediss://, lease:// or leases://",
    ),
    "Sentinels": (
        "shop",
        {"shop.py": APP.replace("redis://", "leasesentinel://:secret@")},
        "-A shop names Sentinels, which this command cannot use: name the primary itself with "
        "--broker redis://",
    ),
}  # fmt: skip


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(("name", "files", "options"), FOUND.values(), ids=FOUND)
def test_the_app_names_its_broker(
    name: str,
    files: dict[str, str],
    options: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    found = read_broker(name)
    assert found.url == "redis://127.0.0.1:1/3"
    assert found.options == options


@pytest.mark.parametrize(("name", "files", "words"), REFUSED.values(), ids=REFUSED)
def test_a_project_that_cannot_be_used_gets_one_line(
    name: str, files: dict[str, str], words: str, tmp_path: Path
) -> None:
    write(tmp_path, files)
    done = poolwise("workers", "-A", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert words in line
    assert "secret" not in line


def test_a_project_that_hangs_is_stopped_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = "import subprocess\nsubprocess.run(['sleep', '98765'])\n"
    write(tmp_path, {"shop.py": hang})
    monkeypatch.chdir(tmp_path)
    before_s = time.monotonic()
    with pytest.raises(UsageError, match="-A shop: importing it takes longer than 2 s: "):
        read_broker("shop", limit_s=2)
    assert time.monotonic() - before_s < 10
    running = [one.info["cmdline"] or () for one in psutil.process_iter(["cmdline"])]
    assert ["sleep", "98765"] not in running


def test_the_app_is_imported_by_the_interpreter_in_the_projects_environment(
    tmp_path: Path,
) -> None:
    """It can import what Poolwise's own interpreter cannot."""
    write(tmp_path, {"shop.py": "import only_theirs\n" + APP})
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "only_theirs.py").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/site exec {sys.executable} "$@"\n')
    python.chmod(0o700)
    done = poolwise("workers", "-A", "shop", cwd=tmp_path)
    assert "no usable Redis at redis://127.0.0.1:1/3" in done.stderr
    python.unlink()
    done = poolwise("workers", "-A", "shop", cwd=tmp_path)
    assert "it imports only_theirs, which " in done.stderr


@pytest.mark.parametrize("command", ["workers", "race", "up", "learn"])
def test_every_command_that_takes_a_broker_takes_a_project(command: str, tmp_path: Path) -> None:
    write(tmp_path, {"shop.py": APP})
    words = {"learn": ["learn", "gil", "--no-predict"], "up": ["up", "--flower-port", "0"]}
    done = poolwise(*words.get(command, [command]), "-A", "shop", cwd=tmp_path)
    assert done.returncode == 3
    assert "no usable Redis at redis://127.0.0.1:1/3" in done.stderr
