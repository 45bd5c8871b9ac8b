"""Hostile result files and outputs of `poolwise report`."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.commands import report
from lab.results import input as result_input
from tests.hostile.in_process import run
from tests.hostile.trial import assert_clean_end
from tests.unit.lab.results.small import changed, small_lesson, small_race

PAGE = "<p>a page</p>"
RACE = json.dumps(small_race()).encode()
LESSON = json.dumps(small_lesson()).encode()
DEEP = 100_000
NESTED = b"[" * DEEP + b"]" * DEEP
NINES = b"9" * 5_000


def race_with(field: str, value: Any) -> bytes:
    return json.dumps(changed(small_race(), {(field,): value})).encode()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "_page", lambda _found: PAGE)
    monkeypatch.setattr(result_input, "SILENCE_S", 0.05)


SHAPES = {
    "empty": b"",
    "spaces": b" \n ",
    "NUL bytes": b"\0" * 4_096,
    "NUL after the end": RACE + b"\0",
    "not UTF-8": b"\xff\xfe{}",
    "UTF-16": RACE.decode().encode("utf-16"),
    "BOM": b"\xef\xbb\xbf" + RACE,
    "not UTF-8 inside text": RACE.replace(b"bench-1", b"bench-\xff"),
    "a lone surrogate": RACE.replace(b"bench-1", b"\\ud800"),
    "cut short": RACE[:-1],
    "twice": RACE + RACE,
    "a page": b"<!DOCTYPE html><html></html>",
    "a number": b"7",
    "null": b"null",
    "an array": b"[" + RACE + b"]",
    "an empty object": b"{}",
    "deep arrays": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "deep in an unknown field": RACE[:-1] + b',"x":' + NESTED + b"}",
    "deep in the schema": b'{"schema_version":' + NESTED + b"}",
    "deep in a known field": RACE.replace(b'"quick": false', b'"quick": ' + NESTED),
    "kind is a list": race_with("kind", []),
    "kind is an object": race_with("kind", {"a": 1}),
    "kind is null": race_with("kind", None),
    "kind is long": race_with("kind", "x" * 100_000),
    "kind has lines": race_with("kind", "race\nerror: x\x1b[31m"),
    "kind of another shape": race_with("kind", "lesson"),
    "schema is text": race_with("schema_version", "2"),
    "schema is a fraction": race_with("schema_version", 2.0),
    "schema is true": race_with("schema_version", True),
    "schema is a list": race_with("schema_version", [2]),
    "schema is null": race_with("schema_version", None),
    "schema is later": race_with("schema_version", 3),
    "schema is negative": race_with("schema_version", -2),
    "schema has 5,000 digits": RACE.replace(b'"schema_version": 2', b'"schema_version": ' + NINES),
    "a figure is NaN": RACE.replace(b'"elapsed_s": 74.2', b'"elapsed_s": NaN'),
    "a figure is infinite": RACE.replace(b'"elapsed_s": 74.2', b'"elapsed_s": 1e400'),
    "a figure is huge": RACE.replace(b'"elapsed_s": 74.2', b'"elapsed_s": 1e300'),
    "a count has 5,000 digits": RACE.replace(b'"cores": 2', b'"cores": ' + NINES),
    "a count is a fraction": RACE.replace(b'"cores": 2', b'"cores": 2.5'),
    "a row is too short": LESSON.replace(b'["gevent", null]', b'["gevent"]'),
    "an answer that is none": LESSON.replace(b'"right": 1', b'"right": 7'),
    "an answer below the first": LESSON.replace(b'"chosen": 1', b'"chosen": -1'),
    "a unit that is none": LESSON.replace(b'"unit": "seconds"', b'"unit": "a\\nb"'),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_that_is_no_result_is_refused(shape: str) -> None:
    assert SHAPES[shape] not in {RACE, LESSON}
    Path("r.json").write_bytes(SHAPES[shape])
    line = assert_clean_end(run("report", "r.json"), codes={5})
    assert "r.json" in line
    assert len(line) < 500
    assert not Path("report.html").exists()


def test_a_schema_that_is_text_is_not_called_the_right_one() -> None:
    Path("r.json").write_bytes(SHAPES["schema is text"])
    assert "'2', which is not a whole number" in assert_clean_end(run("report", "r.json"))


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _device(path: Path) -> None:
    """Make a null device; a pipe where only root may make devices."""
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        os.mkfifo(path)


@pytest.mark.parametrize(
    "make",
    [
        lambda _path: None,
        Path.mkdir,
        os.mkfifo,
        _socket,
        _device,
        _huge,
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("."),
    ],
    ids=["missing", "folder", "pipe", "socket", "device", "huge", "dangling", "loop", "to folder"],
)
def test_an_input_that_is_no_file_is_refused_and_does_not_hang(make: Callable[[Path], Any]) -> None:
    make(Path("r.json"))
    assert "cannot read r.json" in assert_clean_end(run("report", "r.json"), codes={5})


NAMES = {
    "empty": "",
    "dot": ".",
    "dots": "..",
    "root": "/",
    "256 characters": "n" * 256,
    "5,000 characters": "n" * 5_000,
    "below a file": "file/below",
    "NUL": "a\0b",
    "NUL and lines": "a\nerror: b\0",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_cannot_be_read_is_refused(name: str) -> None:
    Path("file").write_text("")
    assert_clean_end(run("report", NAMES[name]), codes={2, 5})


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_cannot_be_written_is_refused(name: str) -> None:
    Path("file").write_text("")
    Path("r.json").write_bytes(RACE)
    assert_clean_end(run("report", "r.json", "-o", NAMES[name]), codes={2, 5})
    assert sorted(map(str, Path().iterdir())) == ["file", "r.json"]


@pytest.mark.parametrize(
    "name", ["n" * 250, "n" * 255, "a\nb", "-", "~", "$HOME", "\x1b[31m", "ü×.html"]
)  # fmt: skip
def test_an_unusual_name_is_written(name: str) -> None:
    Path("r.json").write_bytes(RACE)
    assert_clean_end(run("report", "r.json", "-o", name), codes={0})
    assert Path(name).read_text() == PAGE
    assert len(list(Path().iterdir())) == 2


def _symlink(name: str) -> str:
    Path("link").symlink_to(name)
    return "link"


def _hard_link(name: str) -> str:
    Path("link").hardlink_to(name)
    return "link"


def _via_folder(name: str) -> str:
    Path("folder").symlink_to(".")
    return f"folder/{name}"


@pytest.mark.parametrize(
    "way",
    [str, os.path.abspath, lambda name: f"./{name}", _symlink, _hard_link, _via_folder],
    ids=["itself", "absolute", "relative", "symlink", "hard link", "through a link"],
)
@pytest.mark.parametrize("which", ["a.json", "b.json"])
def test_an_input_is_never_the_output(way: Callable[[str], str], which: str) -> None:
    for name in ("a.json", "b.json"):
        Path(name).write_bytes(RACE)
    output = way(which)
    line = assert_clean_end(run("report", "a.json", "b.json", "-o", output), codes={5})
    assert which in line
    assert Path(which).read_bytes() == RACE


def test_a_file_is_replaced_and_keeps_its_mode() -> None:
    Path("r.json").write_bytes(RACE)
    page = Path("page.html")
    page.write_text("as it was")
    page.chmod(0o640)
    with page.open() as opened:
        assert_clean_end(run("report", "r.json", "-o", "page.html"), codes={0})
        assert opened.read() == "as it was"
    assert page.read_text() == PAGE
    assert stat.S_IMODE(page.stat().st_mode) == 0o640


def test_a_new_file_has_the_usual_mode() -> None:
    Path("r.json").write_bytes(RACE)
    Path("usual").write_text("")
    assert_clean_end(run("report", "r.json"), codes={0})
    assert Path("report.html").stat().st_mode == Path("usual").stat().st_mode


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "dangling"])
def test_a_link_is_followed(there: bool) -> None:
    Path("r.json").write_bytes(RACE)
    Path("deep").mkdir()
    target = Path("deep/target.html")
    if there:
        target.write_text("as it was")
    Path("page.html").symlink_to("deep/target.html")
    assert_clean_end(run("report", "r.json", "-o", "page.html"), codes={0})
    assert Path("page.html").is_symlink()
    assert target.read_text() == PAGE
    assert [file.name for file in Path("deep").iterdir()] == ["target.html"]


@contextmanager
def _read_from(pipe: Path) -> Iterator[list[bytes]]:
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    yield read
    reader.join()


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_written_to_and_stays(linked: bool) -> None:
    Path("r.json").write_bytes(RACE)
    pipe = Path("pipe")
    os.mkfifo(pipe)
    Path("link").symlink_to("pipe")
    with _read_from(pipe) as read:
        done = run("report", "r.json", "-o", "link" if linked else "pipe")
    assert_clean_end(done, codes={0})
    assert read == [PAGE.encode()]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_is_read() -> None:
    pipe = Path("pipe")
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(RACE))
    writer.start()
    done = run("report", "pipe")
    writer.join()
    assert_clean_end(done, codes={0})


@pytest.mark.parametrize(("minor", "code"), [(3, 0), (7, 5)], ids=["null", "full"])
def test_a_device_is_written_to_and_stays(minor: int, code: int) -> None:
    Path("r.json").write_bytes(RACE)
    device = Path("device")
    try:
        os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, minor))
    except PermissionError:  # only root may make devices: a socket cannot be written to either
        _socket(device)
        code = 5
    before = device.stat()
    done = run("report", "r.json", "-o", "device")
    assert_clean_end(done, codes={code})
    assert device.stat().st_ino == before.st_ino
    assert device.stat().st_mode == before.st_mode


@pytest.mark.parametrize("make", [Path.mkdir, _socket], ids=["folder", "socket"])
def test_what_cannot_be_written_to_is_refused_and_stays(make: Callable[[Path], Any]) -> None:
    Path("r.json").write_bytes(RACE)
    make(Path("page"))
    mode = Path("page").stat().st_mode
    assert "cannot write page" in assert_clean_end(run("report", "r.json", "-o", "page"), codes={5})
    assert Path("page").stat().st_mode == mode
    assert sorted(map(str, Path().iterdir())) == ["page", "r.json"]


def test_a_protected_file_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("r.json").write_bytes(RACE)
    Path("page").write_text("protected")
    # Root may write everything; this is what other users get for a file of mode 0444.
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    line = assert_clean_end(run("report", "r.json", "-o", "page"), codes={5})
    assert "Permission denied" in line
    assert Path("page").read_text() == "protected"
