"""The judge of a trial notices what it must not let pass."""

from __future__ import annotations

import subprocess

import pytest

from tests.hostile.trial import assert_clean_end


def done(code: int, stderr: str = "", stdout: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(["poolwise"], code, stdout, stderr)


@pytest.mark.parametrize(
    ("ended", "line"),
    [
        (done(0, stdout="fine"), ""),
        (done(130, "interrupted; what Poolwise started has been stopped"), ""),
        (done(2, "starting\nerror: no pool named 'x'"), "error: no pool named 'x'"),
        (done(2, "Usage: poolwise\n\nError: No such option"), "Error: No such option"),
    ],
)
def test_a_clean_end_returns_its_line(ended: subprocess.CompletedProcess[str], line: str) -> None:
    assert assert_clean_end(ended) == line


@pytest.mark.parametrize(
    "ended",
    [
        done(7, "error: unknown exit code"),
        done(-9),
        done(1, "Traceback (most recent call last):\nerror: x"),
        done(0, stdout="Traceback"),
        done(3, "no line"),
        done(3, "error: one\nerror: two"),
        done(3, "error: redis://:hunter2@h/0"),
    ],
    ids=["code", "signal", "traceback", "traceback on stdout", "no line", "two lines", "secret"],
)
def test_an_unclean_end_fails(ended: subprocess.CompletedProcess[str]) -> None:
    with pytest.raises(AssertionError):
        assert_clean_end(ended, secrets=["hunter2"])
