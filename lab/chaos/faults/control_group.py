"""A memory control group of Linux (version 1 or 2): the kernel kills what grows too large in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from cluster.reaper import Reaper, remove_control_group
from lab.chaos.once import once

#: The bytes by which the processes of a group may grow.
LIMIT: Final = 32 * 1_048_576
#: The file of the limit in each version, and the file of the limit that includes swap.
_FILES: Final = (
    ("memory.max", "memory.swap.max", 0),
    ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", LIMIT),
)


def create(name: str, reaper: Reaper) -> Path:
    """Create a group for processes that may grow by `LIMIT`; raise OSError if that is forbidden.

    The reaper removes it, however this process ends.
    """
    failure: OSError = FileNotFoundError("no memory control groups are mounted")
    for parent in parents(Path("/proc/self/mounts"), Path("/proc/self/cgroup")):
        folder = parent / name
        reaper.remove_at_end(folder)
        try:
            _limited(folder)
        except OSError as error:
            failure = error
            with suppress(OSError):
                folder.rmdir()
        else:
            return folder
    raise failure


@once
def why_none() -> str:
    """Return in one line why no memory control group can be made here; empty if one can."""
    if not sys.platform.startswith("linux"):
        return "memory control groups need Linux"
    reaper = Reaper()
    try:
        remove_control_group(create(f"poolwise-try-{uuid4().hex[:12]}", reaper))
    except OSError as error:
        return f"cannot create a memory control group here: {error}"
    finally:
        reaper.close()
    return ""


def parents(mounts: Path, own: Path) -> Iterator[Path]:
    """Yield the groups in which one may be made: this process's own first, then the topmost."""
    paths = _own_paths(own.read_text())
    for line in mounts.read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(","):
            path = paths.get("memory", "/")
        elif kind == "cgroup2":
            path = paths.get("", "/")
        else:
            continue
        yield Path(folder) / path.lstrip("/")
        yield Path(folder)


def _own_paths(text: str) -> dict[str, str]:
    """Return the path of this process by controller; version 2 has the name ""."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def _limited(folder: Path) -> None:
    folder.mkdir()
    for limit, with_swap, swap_bytes in _FILES:
        if (folder / limit).exists():
            (folder / limit).write_text(str(LIMIT))
            with suppress(FileNotFoundError):  # a kernel that does not count swap
                (folder / with_swap).write_text(str(swap_bytes))
            return
    raise FileNotFoundError(f"{folder} has no memory limit")
