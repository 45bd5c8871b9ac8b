"""Durations as people type them; `lab/format/words.py` writes them."""

from __future__ import annotations

import re

from tasks.errors import UsageError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, None: 1.0}


def seconds(text: str, option: str) -> float:
    """Read a duration such as `90`, `200ms` or `2m`; raise UsageError otherwise."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{option} takes a duration such as 90s, 200ms or 2m, not {text[:60]!r}")
    return float(found[1]) * _SECONDS[found[2]]
