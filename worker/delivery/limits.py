"""How long and how often: the times and bounds of recovery, from the environment once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from tasks.errors import UsageError

#: The environment variable with the number of deaths after which a message is a dead letter.
DEATHS_VARIABLE: Final = "POOLWISE_MAX_DEATHS"
DEFAULT_MOST_DEATHS: Final = 5

#: Seconds between two heartbeats.
BEAT_S: Final = 1.0
#: Seconds after which a worker without a heartbeat counts as dead.
ALIVE_S: Final = 8.0
#: How many beats in a row a worker must be missing. For as long as `ALIVE_S` after connecting, none
#: counts: after a restart of Redis, all workers are missing until they have connected again.
LOOKS: Final = 3
#: Seconds that Redis may take to answer a heartbeat.
PATIENCE_S: Final = 5.0
#: Seconds during which one worker alone restores the messages of a dead one.
CLAIM_S: Final = 5
#: Seconds during which a message that may kill its worker runs without other such messages.
TRIAL_S: Final = 10
#: Seconds for which deaths are remembered after the last one.
DEATHS_KEPT_S: Final = 7 * 24 * 3_600


def most_deaths(environ: Mapping[str, str] = os.environ) -> int:
    """Return how many workers a message may kill; raise UsageError if it is no such number."""
    text = environ.get(DEATHS_VARIABLE, "").strip()
    if not text:
        return DEFAULT_MOST_DEATHS
    if text.isascii() and text.isdigit() and 0 < int(text) <= 1_000:
        return int(text)
    raise UsageError(f"{DEATHS_VARIABLE} must be a whole number from 1 to 1000, not {text!r}")


def times(deaths: int) -> str:
    """Write how often: "once", "5 times"."""
    return "once" if deaths == 1 else f"{deaths} times"


def suspect_from(limit: int) -> int:
    """Return the number of deaths from which a message is tried alone: the last two of them.

    Those that merely ran in the same process die with it, and must not share its end.
    """
    return max(1, limit - 2)
