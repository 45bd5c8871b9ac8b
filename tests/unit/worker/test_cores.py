"""The usable cores are those of the CPU quota, if it allows fewer than the machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker import cores


@pytest.mark.parametrize(
    ("quota", "usable"),
    [
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("250000 100000", 3),
        ("800000 100000", 4),
        ("max 100000", 4),
        ("", 4),
        (None, 4),
    ],
)
def test_a_quota_bounds_the_usable_cores(
    quota: str | None, usable: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert cores.usable_cores() == usable
