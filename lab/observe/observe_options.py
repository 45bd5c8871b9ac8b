"""What the user asks of `poolwise observe`, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.format import durations
from tasks.errors import UsageError

#: The shortest and the longest observation, in seconds.
SHORTEST_S, LONGEST_S = 5.0, 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveOptions:
    """A broker, and how long its workers are observed."""

    broker_url: str
    transport_options: Mapping[str, Any]  # those that decide where messages are
    for_s: float


def window(text: str) -> float:
    """Read how long to observe; raise UsageError if that is too short or too long."""
    value = durations.seconds(text, "--for")
    if not SHORTEST_S <= value <= LONGEST_S:
        raise UsageError(f"--for must be from {SHORTEST_S:.0f}s to 1h, not {text[:60]!r}")
    return value
