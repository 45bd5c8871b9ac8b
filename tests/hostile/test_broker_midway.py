"""A broker with a password, and one that turns strange while workers run: real processes."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from cluster.ports import LOOPBACK
from tests.command import RunningCommand, running
from tests.hostile.real_server import real
from tests.hostile.resp_server import Act, Script, always, echo, serving
from tests.hostile.trial import assert_clean_end

MARK = "hunter2"
#: It has all that may split an address, and what may be decoded twice.
PASSWORD = f"{MARK}/?#@:;&=+%2F[é]{MARK}"
RACE = ("race", "--quick", "--pools", "threads")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a real server that requires the password."""
    with real(tmp_path_factory.mktemp("guarded"), "--requirepass", PASSWORD) as port:
        yield port


def visible_words(command: RunningCommand) -> str:
    """Return the command lines of all that a command started, as `ps` shows them to everyone."""
    lines = []
    for process in command.descendants():
        with suppress(psutil.Error):  # it has ended meanwhile
            lines += process.cmdline()
    return "\n".join(lines)


def ended(command: RunningCommand) -> bool:
    return command.process.poll() is not None


def written_by(folder: Path) -> str:
    """Return all that a command wrote: logs, results, pages, and its output."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(path.read_text(errors="replace") for path in files)


@pytest.mark.parametrize(
    "form",
    [
        "redis://HOST/0?password=PASSWORD",
        "redis://HOST?db=1&username=default&password=PASSWORD",
    ],
)
def test_a_race_with_a_password_shows_it_nowhere(form: str, guarded: int, tmp_path: Path) -> None:
    url = form.replace("PASSWORD", quote(PASSWORD, safe=""))
    env = {"POOLWISE_BROKER": url.replace("HOST", f"{LOOPBACK}:{guarded}")}
    with running(*RACE, "--workloads", "sleep", folder=tmp_path, env=env) as command:
        command.until(lambda: "celery" in visible_words(command) or ended(command))
        shown = visible_words(command)
        done = command.done()
        command.wait_for_descendants()
    assert done.returncode == 0, done.stderr
    assert MARK not in shown + written_by(tmp_path)
    [result] = tmp_path.rglob("result.json")
    settings = json.loads(result.read_text())["settings"]
    assert "***" in settings["broker"]
    assert "--broker" not in settings["command"]  # the variable still names it


def test_a_cluster_with_a_password_shows_it_nowhere(guarded: int, tmp_path: Path) -> None:
    url = f"redis://:{quote(PASSWORD, safe='')}@{LOOPBACK}:{guarded}/2"
    arguments = ("up", "--pools", "threads", "--flower-port", "0")
    with running(*arguments, folder=tmp_path, env={"POOLWISE_BROKER": url}) as command:
        command.until(lambda: "Ctrl-C" in command.output() or ended(command))
        shown = visible_words(command)
        command.process.terminate()
        assert_clean_end(command.done(), codes={143}, secrets=[MARK])
        command.wait_for_descendants()
    assert "flower" in shown
    assert MARK not in shown + written_by(tmp_path)


TURNS: dict[str, Script] = {
    "closed": always(Act.CLOSE),
    "silence": always(Act.SILENCE),
    "OK": always(b"+OK\r\n"),
    "echo": echo,
}


def ended_after_turn(
    guarded: int, turn: str, folder: Path, said: str, arguments: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    """Run a command whose broker turns strange once the command has said something."""
    turned = threading.Event()

    def script(number: int, words: list[bytes]) -> bytes | Act:
        return TURNS[turn](number, words) if turned.is_set() else Act.FORWARD

    with serving(script, guarded) as proxy:
        # Its own database, because a lesson's lock outlives a broken connection for a while.
        db, password = list(TURNS).index(turn), quote(PASSWORD, safe="")
        env = {"POOLWISE_BROKER": f"{proxy.url}?db={db}&password={password}"}
        with running(*arguments, folder=folder, env=env) as command:
            command.until(lambda: said in command.output() or ended(command))
            turned.set()
            done = command.done()
            command.wait_for_descendants()
    return done


@pytest.mark.parametrize("turn", TURNS)
def test_a_race_keeps_what_it_measured_before_its_broker_failed(
    turn: str, guarded: int, tmp_path: Path
) -> None:
    race = (*RACE, "--workloads", "sleep,fetch")
    done = ended_after_turn(guarded, turn, tmp_path, "fetch", race)
    assert_clean_end(done, codes={3}, secrets=[MARK])
    [result] = tmp_path.rglob("result.json")
    assert [one["name"] for one in json.loads(result.read_text())["workloads"]] == ["sleep"]


@pytest.mark.parametrize("turn", ["closed", "echo"])
def test_a_lesson_ends_with_one_line_when_its_broker_fails(
    turn: str, guarded: int, tmp_path: Path
) -> None:
    lesson = ("learn", "gil", "--pools", "threads", "--no-predict")
    done = ended_after_turn(guarded, turn, tmp_path, "worker ready", lesson)
    assert_clean_end(done, codes={3}, secrets=[MARK])
