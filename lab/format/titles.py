"""The names of races and machines as people recognise them; a container's id is not a name."""

from __future__ import annotations

import re
from typing import Final

from lab.results.common import Host
from lab.results.race import RaceResult

#: What Docker and Podman call a container that was given no host name.
_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")
CONTAINER: Final = "a container"


def machine_name(host: Host) -> str:
    """Return the host's name, or that it is a container without one."""
    return CONTAINER if _CONTAINER_ID.fullmatch(host.name) else host.name


def race_title(result: RaceResult) -> str:
    """Return the race's own name, or else what was raced where."""
    if result.settings.name:
        return result.settings.name
    raced = "running workers" if result.settings.workers else result.settings.app
    what = f"Race of {raced}" if raced else "Race"
    where = machine_name(result.host)
    return f"{what} in {where}" if where == CONTAINER else f"{what} on {where}"
