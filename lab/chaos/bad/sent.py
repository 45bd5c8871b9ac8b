"""What sending a bad message once did, beyond what any fault does."""

from __future__ import annotations

from dataclasses import dataclass

from lab.chaos.trial.injected import Injected


@dataclass(frozen=True, slots=True, kw_only=True)
class BadInjected(Injected):
    """One bad message, or many at once, with what was seen until it was over or time was up."""

    grown_bytes: int | None = None  # by how much the workers' memory grew, if it was measured
    caller: str = ""  # what the caller got who waited for the result, if there was one
