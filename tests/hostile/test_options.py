"""Hostile values of options: each is refused with one line before anything starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from lab.learn.registry import LESSONS
from tests.hostile.in_process import run
from tests.hostile.trial import assert_clean_end

DIGITS = "9" * 5_000
NAME = "x" * 5_000
ESCAPES = "a\nerror: b\x1b[31m"
FRACTIONS = (
    "",
    " ",
    "x",
    "nan",
    "-nan",
    "inf",
    "-inf",
    "infinity",
    "1e400",
    "-1e400",
    DIGITS,
    "1,5",
    "0x10",
    ESCAPES,
)
WHOLE = ("", " ", "x", "1.5", "1e3", "nan", "inf", DIGITS, f"-{DIGITS}", "--", "²", ESCAPES)
PORTS = (*WHOLE, "-1", "65536", "99999")
NAMES = ("", " ", ",", ",,", NAME, ESCAPES, "prefork,x", "*", "../..", "None")
SIZES = (
    "prefork", "prefork=", "=", "=4", "prefork=x", "prefork=1.5", "prefork=nan", "prefork=0",
    "prefork=-1", f"prefork={DIGITS}", f"prefork=-{DIGITS}", "prefork=1000000000000",
    "prefork=10=20", "prefork=2,prefork=3", "prefork=2,prefork=2", "processes=2,prefork=2",
    "solo=5", "prefork=2,solo=2", "solo=0", f"{NAME}=2", "prefrk=2", "prefork:2", ESCAPES,
    f"prefork={ESCAPES}", "prefork=2,,=",
)  # fmt: skip


def lines(command: str, option: str, values: Iterable[str]) -> list[tuple[str, ...]]:
    return [(*command.split(), option, value) for value in values]


REFUSED = [
    *lines("race", "--pools", NAMES),
    *lines("race", "--workloads", NAMES),
    *lines("race --pools prefork,solo", "--concurrency", SIZES),
    *lines("race --pools threads", "--concurrency", ["prefork=2"]),
    *lines("race", "--repeat", [*WHOLE, "0", "-1", "101"]),
    *lines("race", "--seed", [*WHOLE, "-1", "4294967296", str(2**64)]),
    *lines("race", "--broker", ["", " "]),
    *lines("race", "--out", ["", "a\0b", "file", "file/below", NAME, "loop"]),
    *lines("up", "--pools", NAMES),
    *lines("up", "--concurrency", SIZES),
    *lines("up --pools threads", "--concurrency", ["prefork=2", "threads=1000000"]),
    *lines("up", "--port", PORTS),
    *lines("up", "--flower-port", PORTS),
    *lines("up", "--broker", ["", " "]),
    *lines("switch gevent", "--pool", ["", " ", NAME, ESCAPES, "gevnt", "prefork,threads"]),
    *lines("switch gevent --pool threads", "--timeout", [*FRACTIONS, "-1", "3601"]),
    *lines("switch gevent --pool threads", "--concurrency", [*WHOLE, "0", "-1", "10001"]),
    *lines("switch gevent --pool solo", "--concurrency", ["5"]),
    *lines("switch gevent --pool threads", "--broker", ["", " "]),
    *lines("workers", "--broker", ["", " "]),
    *lines("learn gil", "--pools", NAMES),
    *lines("learn --all", "--pools", NAMES),
    *lines("learn gil", "--broker", ["", " "]),
    *lines("learn gil", "--out", ["", "a\0b", "file", "file/below", NAME, "loop"]),
    *lines("learn free-threading", "--python", ["", "a\0b", "file", ".", NAME, ESCAPES]),
    ("learn", ""), ("learn", NAME), ("learn", ESCAPES), ("learn", "gli"),
    ("",), (NAME,), (ESCAPES,), ("rce",),
    ("race", f"--{NAME}"), ("race", f"--{ESCAPES}"), ("race", "--quik"), ("race", "extra"),
    ("learn", "gil", "extra"), ("learn", "gil", "--pause", "1"), ("report",), ("switch",),
    ("switch", "gevent"), ("preflight",), ("preflight", ""), ("preflight", ESCAPES),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where a few paths are in the way, and where starting anything fails the trial."""
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    Path("loop").symlink_to("loop")
    for place in (
        "lab.race.run.open_session",
        "lab.learn.engine.run.open_session",
        "lab.commands.up.LocalCluster",
        "lab.commands.broker_options.remote_control",
    ):
        monkeypatch.setattr(place, _start)
    for variable in ("POOLWISE_BROKER", "CELERY_BROKER_URL"):
        monkeypatch.delenv(variable, raising=False)


def _start(*_arguments: object, **_options: object) -> None:
    raise StartedError


class StartedError(Exception):
    """The command would start processes, or connect to a broker."""


def short(words: tuple[str, ...]) -> str:
    return " ".join(word if len(word) < 40 else f"{word[:5]}…{len(word)}" for word in words)


@pytest.mark.parametrize("words", REFUSED, ids=short)
def test_a_value_is_refused_before_anything_starts(words: tuple[str, ...]) -> None:
    before = sorted(Path().rglob("*"))
    done = run(*words)
    line = assert_clean_end(done, codes={2, 5, 6})
    assert not done.stdout
    assert len(line) < 1_000
    assert line.isprintable()
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("lesson", [name for name, lesson in LESSONS.items() if lesson.dials])
def test_a_dial_takes_finite_numbers_in_its_range_only(lesson: str) -> None:
    for dial in LESSONS[lesson].dials:
        for value in (*(WHOLE if dial.whole else FRACTIONS), dial.low - 1, dial.high + 1):
            line = assert_clean_end(run("learn", lesson, dial.flag, str(value)), codes={2})
            assert dial.flag in line
        for number in (dial.low, dial.high):
            with pytest.raises(StartedError):
                run("learn", lesson, dial.flag, str(number))


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (("rce",), "race"),
        (("race", "--quik"), "--quick"),
        (("race", "--pools", "gevnt"), "gevent"),
        (("race", "--concurrency", "gevnt=2"), "gevent"),
        (("race", "--workloads", "slep"), "sleep"),
        (("up", "--pools", "thread"), "threads"),
        (("up", "--concurrency", "thread=2"), "threads"),
        (("switch", "x", "--pool", "gevnt"), "gevent"),
        (("learn", "gli"), "gil"),
        (("learn", "gil", "--pools", "gevnt"), "gevent"),
        (("learn", "--all", "--pools", "gevnt"), "gevent"),
        (("learn", "gil", "--pause"), "--pause-ms"),
    ],
    ids=" ".join,
)
def test_an_unknown_name_gets_the_nearest(words: tuple[str, ...], nearest: str) -> None:
    line = assert_clean_end(run(*words), codes={2})
    assert "did you mean" in line.lower()
    assert nearest in line


@pytest.mark.parametrize(
    "words",
    [
        *lines("race", "--repeat", ["1", "100"]),
        *lines("race", "--seed", ["0", "4294967295"]),
        *lines("race", "--pools", ["prefork", "prefork,prefork", " prefork , solo "]),
        *lines("race --pools prefork,solo", "--concurrency", ["", ",", "solo=1", " prefork = 2 ,"]),
        *lines("race", "--out", ["deep/er", "a\nb", "ü", "n" * 255]),
        *lines("up --port 0 --flower-port 0", "--pools", ["solo", "prefork,prefork"]),
        *lines("switch gevent --pool solo", "--concurrency", ["1"]),
        *lines("switch gevent --pool threads", "--timeout", ["0", "-0", "3600", "1e-320", "1_0"]),
        *lines("learn gil", "--pools", ["prefork,threads", "processes,threads"]),
    ],
    ids=short,
)
def test_a_value_at_the_edge_is_accepted_and_leaves_nothing(words: tuple[str, ...]) -> None:
    before = sorted(Path().rglob("*"))
    with pytest.raises(StartedError):
        run(*words)
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    "variable",
    [
        "POOLWISE_POOLS",
        "POOLWISE_CONCURRENCY",
        "POOLWISE_WORKLOADS",
        "POOLWISE_BROKER",
        "POOLWISE_OUT",
        "POOLWISE_ON_RUNNING",
    ],
)
def test_an_empty_variable_counts_as_not_set(variable: str) -> None:
    with pytest.raises(StartedError):
        run("race", env={variable: ""})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POOLWISE_POOLS", ","),
        ("POOLWISE_CONCURRENCY", "prefork=2,prefork=3"),
        ("POOLWISE_CONCURRENCY", f"prefork={DIGITS}"),
        ("POOLWISE_WORKLOADS", NAME),
        ("POOLWISE_OUT", "file"),
        ("POOLWISE_ON_RUNNING", "maybe"),
    ],
)
def test_a_variable_is_checked_like_an_option(variable: str, value: str) -> None:
    line = assert_clean_end(run("race", env={variable: value}), codes={2, 5})
    assert len(line) < 1_000
