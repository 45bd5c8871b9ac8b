"""Whatever runs out while a command starts, its error says what."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from pathlib import Path

import pytest
import redis

from cluster import process, reaper, shortage
from cluster.local import LocalCluster
from tasks.errors import BrokerError, MachineError


class NoRegistry:
    """A registry that no child ever reaches."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    def fileno(self) -> int:
        return 0

    def remove(self, pid: int) -> None:
        """Never called."""


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def caused_by(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (os_error(errno.EMFILE), "open files"),
        (os_error(errno.ENFILE), "open files"),
        (os_error(errno.ENOMEM), "memory"),
        (MemoryError(), "memory"),
        (RuntimeError("can't start new thread"), "processes or threads"),
        (ImportError("libx.so: failed to map segment from shared object"), "memory"),
        (caused_by(redis.ConnectionError("no"), os_error(errno.EMFILE)), "open files"),
        (
            caused_by(BrokerError("no"), caused_by(redis.ConnectionError(), MemoryError())),
            "memory",
        ),
    ],
    ids=repr,
)
def test_a_shortage_is_explained_in_one_line(error: Exception, words: str) -> None:
    with pytest.raises(MachineError, match=words) as raised, shortage.explained():
        raise error
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        os_error(errno.ENOENT),
        os_error(errno.EAGAIN),  # as a terminal in non-blocking mode raises it
        RuntimeError("a bug"),
        ImportError("no module named x"),
        BrokerError("no Redis answers"),
    ],
    ids=repr,
)
def test_any_other_error_is_left_alone(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, shortage.explained():
        raise error
    assert raised.value is error


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EMFILE, errno.ENOMEM])
def test_a_process_that_cannot_be_started_is_a_shortage(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(*_: object, **__: object) -> None:
        raise os_error(number)

    monkeypatch.setattr(subprocess, "Popen", no_process)
    with pytest.raises(MachineError):
        process.Child("c", ["true"], log=tmp_path / "log", registry=NoRegistry(tmp_path))
    with pytest.raises(MachineError):
        reaper.Reaper()


def test_too_few_open_files_are_noticed_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, most = shortage.OPEN_FILES - 1, resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda _: (few, most))
    with pytest.raises(MachineError, match=f"only {few} files"):
        LocalCluster(tmp_path)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (most, most))
    shortage.check_open_files()
