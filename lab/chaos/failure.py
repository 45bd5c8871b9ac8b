"""Says why something could not be measured, if a broker, a process or the machine is to blame."""

from __future__ import annotations

import psutil

from cluster.process import without_log
from producer import broker
from tasks.errors import PoolwiseError


def reason(error: Exception) -> str:
    """Return in one line why something failed; empty if a mistake in the code is to blame."""
    if isinstance(error, PoolwiseError):
        return without_log(error)
    if broker.is_broker_fault(error):
        return broker.failure(error)
    if isinstance(error, psutil.Error):
        return f"a process has ended, or cannot be examined: {error}"
    return ""
