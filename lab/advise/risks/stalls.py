"""What kept a gevent worker's event loop for itself, as the injected pulse has noted it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lab.format import words

#: Share of the time that the loop must have stood still before it is worth a warning.
WORTH_A_WARNING = 0.05
#: Share of a stall that is computing, above which it is not a blocking call.
COMPUTES = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """One place in the code, and how long it kept all other greenlets waiting."""

    line: str  # "/srv/shop/tasks.py:12"; empty if it is not in the project's own code
    call: str  # "execute in psycopg2/extensions.py"
    count: int
    total_s: float
    longest_s: float
    busy_s: float  # of total_s: it computed, or was ready to


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The stalls of one worker in `seconds`."""

    seconds: float
    stalls: tuple[Stall, ...]


def read(paths: Iterable[Path]) -> list[Pulse]:
    """Return the pulses in these files; those that cannot be read are left out."""
    found = []
    for path in paths:
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Pulse))
        except (OSError, msgspec.MsgspecError):
            continue
    return found


def blocking(pulses: Iterable[Pulse], folder: Path) -> str:
    """Describe the place that blocked the loop longest; empty if it was no problem.

    Places that compute are left out: their cost shows in the throughput.
    """
    worst: tuple[float, Stall] | None = None
    for pulse in pulses:
        for stall in pulse.stalls:
            share = stall.total_s / max(pulse.seconds, 1e-9)
            if stall.busy_s < COMPUTES * stall.total_s and (worst is None or share > worst[0]):
                worst = (share, stall)
    if worst is None or worst[0] < WORTH_A_WARNING:
        return ""
    stall = worst[1]
    return (
        f"{_place(stall, folder)} blocked all greenlets {words.counted(stall.count, 'time')}, for "
        f"{words.duration(stall.total_s / stall.count)} on average: it waits without yielding"
    )


def _place(stall: Stall, folder: Path) -> str:
    if not stall.line:
        return stall.call
    path, _, line = stall.line.rpartition(":")
    if Path(path).is_relative_to(folder):
        path = str(Path(path).relative_to(folder))
    return f"{path}:{line} ({stall.call})"
