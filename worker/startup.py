"""Has a worker say in its own log, once it is up, what its options lose: `-I worker.startup`.

It knows neither the rules nor the pools; importing it only connects signal handlers, those of
`worker.switch` among them, so that the worker's pool can be changed while it runs.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

from celery.signals import worker_ready
from celery.utils.log import worker_logger

from worker import switch
from worker.controller import options_from_worker
from worker.finding import Severity
from worker.preflight import check

__all__ = ["log_findings", "switch"]

_LEVELS: Final = {Severity.WARNING: logging.WARNING, Severity.NOTE: logging.INFO}


# `worker_ready` is sent once, after logging is set up; the earlier signals are gone by the time
# Celery imports what `-I` names.
@worker_ready.connect(dispatch_uid="poolwise-preflight")
def log_findings(sender: Any, **_: Any) -> None:
    """Log every finding about the worker whose consumer is ready."""
    options = options_from_worker(sender.controller, argv=sys.argv)
    for finding in check(options):
        worker_logger.log(
            _LEVELS[finding.severity],
            "preflight: %s [%s]: %s",
            finding.message,
            finding.code,
            finding.mend,
        )
