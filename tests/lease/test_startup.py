"""A worker with `worker.startup` logs only findings that are true with its transport."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.lease.farm import Farm

#: The findings that depend on the transport.
ABOUT = {
    *("broker-connections", "cold-shutdown-unsupported", "eta-unlimited", "lost-loops"),
    *("sleeps-when-full", "visibility-timeout", "waiting-redelivered"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A worker, and what it logs with each transport."""

    pool: str
    flags: tuple[str, ...] = ()
    conf: dict[str, Any] = field(default_factory=dict)  # Celery's settings
    settings: dict[str, Any] = field(default_factory=dict)  # of the shop
    stock: set[str] = field(default_factory=set)
    lease: set[str] = field(default_factory=set)


CASES = {
    "greenlets": Case(
        pool="gevent",
        flags=("-c", "20"),
        conf={"worker_soft_shutdown_timeout": 5},
        settings={"prefetch": 1, "options": json.dumps({"max_connections": 10})},
        stock={"broker-connections", "eta-unlimited", "sleeps-when-full"},
    ),
    "late acknowledgements": Case(pool="prefork", stock={"eta-unlimited"}),
    "early acknowledgements": Case(
        pool="threads", conf={"task_acks_late": False}, stock={"eta-unlimited"}
    ),
    "deliveries without a limit": Case(
        pool="prefork",
        settings={"max_deliveries": 0},
        stock={"eta-unlimited"},
        lease={"lost-loops"},
    ),
}


@pytest.mark.parametrize("transport", ["stock", "lease"])
@pytest.mark.parametrize("name", CASES)
def test_the_findings_are_true_with_the_transport(name: str, transport: str, farm: Farm) -> None:
    case = CASES[name]
    worker = farm.worker(
        case.pool,
        transport,
        *("-I", "worker.startup", *case.flags),
        conf=json.dumps(case.conf),
        **case.settings,
    )
    logged = set(re.findall(r"preflight: .* \[([a-z-]+)\]:", worker.log.read_text()))
    assert logged & ABOUT == (case.lease if transport == "lease" else case.stock), worker.log_tail()
