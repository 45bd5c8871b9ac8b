"""Logs a worker's preflight findings when it starts: `-I worker.startup`.

Importing it connects signal handlers and registers the commands of `worker.switch`, so that the
pool can be changed while the worker runs. It knows no rules and no pools.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

from celery.signals import worker_ready
from celery.utils.log import worker_logger

from worker import own_greenlet, switch
from worker.controller import options_from_worker
from worker.delivery import install
from worker.finding import Severity
from worker.preflight import check

__all__ = ["install", "log_findings", "own_greenlet", "switch"]

_LEVELS: Final = {Severity.WARNING: logging.WARNING, Severity.NOTE: logging.INFO}


# Earlier signals have already been sent when Celery imports the modules named by `-I`; by
# `worker_ready`, logging is set up.
@worker_ready.connect(dispatch_uid="poolwise-preflight")
def log_findings(sender: Any, **_: Any) -> None:
    """Log all findings about the worker whose consumer is ready."""
    options = options_from_worker(sender.controller, argv=sys.argv)
    for finding in check(options):
        worker_logger.log(
            _LEVELS[finding.severity],
            "preflight: %s [%s]: %s",
            finding.message,
            finding.code,
            finding.fix,
        )
