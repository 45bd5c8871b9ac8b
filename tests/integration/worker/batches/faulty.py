"""The probe with a fault, which `PROBE_FAULT` names, in its part for celery-batches."""

from __future__ import annotations

import os
from typing import Any

from worker import probe


def failing(*_args: Any) -> None:
    """Fail; without keyword arguments, a signal refuses it as a receiver."""
    raise RuntimeError("on purpose")


#: Where each fault is: before the pool's call, in the slot, and after the call.
PLACES: dict[str, tuple[Any, str]] = {
    "call": (probe, "_watched"),
    "slot": (probe, "_note_batch_success"),
    "end": (probe._Probed, "_note"),
}
setattr(*PLACES[os.environ["PROBE_FAULT"]], failing)
