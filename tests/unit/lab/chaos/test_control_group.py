"""A memory control group is looked for where the machine has mounted them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.chaos.faults.control_group import parents

V1 = "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n"
V1_CPU = "cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n"
V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"


@pytest.mark.parametrize(
    ("mounts", "own", "expected"),
    [
        ("proc /proc proc rw 0 0\n", "0::/\n", []),
        (V1_CPU, "1:cpu:/a\n", []),
        (V1_CPU + V1, "4:memory:/a/b\n1:cpu:/c\n0::/d\n", ["memory/a/b", "memory"]),
        (V1, "0::/d\n", ["memory/", "memory"]),
        (V2, "0::/user.slice/x\n", ["user.slice/x", ""]),
    ],
    ids=["none", "without memory", "version 1", "not in one", "version 2"],
)
def test_the_groups_in_which_one_can_be_made(
    tmp_path: Path, mounts: str, own: str, expected: list[str]
) -> None:
    (tmp_path / "mounts").write_text(mounts)
    (tmp_path / "cgroup").write_text(own)
    found = list(parents(tmp_path / "mounts", tmp_path / "cgroup"))
    assert found == [Path("/sys/fs/cgroup") / one for one in expected]
