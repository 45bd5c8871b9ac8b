"""The sample project with the probe, between two receivers that time its part of each signal."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import signals

SIGNALS = {"worker_ready": signals.worker_ready, "worker_shutdown": signals.worker_shutdown}
logger = logging.getLogger(__name__)
began_s: dict[str, float] = {}


def begin(name: str) -> Any:
    """Return a receiver that notes when the others begin."""

    def receiver(**_: Any) -> None:
        began_s[name] = time.monotonic()

    return receiver


def end(name: str) -> Any:
    """Return a receiver that logs how long they took."""

    def receiver(**_: Any) -> None:
        logger.info("%s took %.3f s", name, time.monotonic() - began_s[name])

    return receiver


# Receivers are called in the order in which they are connected.
for name, signal in SIGNALS.items():
    signal.connect(begin(name), weak=False)

import worker.probe  # noqa: E402, F401

for name, signal in SIGNALS.items():
    signal.connect(end(name), weak=False)
