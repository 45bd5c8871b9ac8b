"""Where the tasks of a submission go, and the run that they belong to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """Options of a submission; those of its tasks are in `Work`."""

    run: str  # the run id, which each record repeats
    queue: str
    store_result: bool = False
