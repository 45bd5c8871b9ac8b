"""The shape of a finding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that costs throughput or work, with what proves it and what to change."""

    name: str  # "prefetch-hoarding", "gevent-blocked", ...
    worker: str  # empty: not about one worker
    text: str
    evidence: str
    fix: str
