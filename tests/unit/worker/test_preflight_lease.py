"""With kombu_lease, only those findings are reported that are true there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kombu_lease.options import MAX_DELIVERIES
from tests.unit.worker.test_preflight import bare
from worker.options import Delivery, Shutdown
from worker.pools import POOLS
from worker.preflight import check

LATE = Delivery(redis=True, acks_late=True)
EARLY = Delivery(redis=True, acks_late=False)
COLD = {"shutdown": Shutdown(cold_on_term=True)}

#: Findings that are true with kombu's own transport only: a pool, its delivery, other options.
STOCK_ONLY: list[tuple[str, str, Delivery, dict[str, Any]]] = [
    ("visibility-timeout", "threads", LATE, {}),
    ("waiting-redelivered", "prefork", EARLY, {}),
    ("broker-connections", "gevent", LATE, {"concurrency": 11}),
    ("sleeps-when-full", "gevent", replace(LATE, prefetch_multiplier=1), {}),
    ("eta-unlimited", "solo", LATE, {}),
    ("lost-loops", "prefork", replace(LATE, rejects_lost=True), {}),
]

#: Findings that are true with both.
BOTH: list[tuple[str, str, Delivery, dict[str, Any]]] = [
    ("late-ack-lost", "prefork", LATE, {}),
    ("lost-loops", "prefork", replace(LATE, rejects_lost=True, max_deliveries=0), {}),
    ("cold-shutdown-unsupported", "gevent", LATE, COLD),
    ("cold-shutdown-unsupported", "threads", LATE, COLD),
    ("early-ack-spare", "prefork", replace(EARLY, prefetch_multiplier=1), {}),
    ("prefetch-hoards", "threads", LATE, {"concurrency": 100}),
    ("revoke-too-late", "threads", LATE, {}),
    ("cancel-unsupported", "solo", replace(LATE, cancels_on_connection_loss=True), {}),
]


def codes(pool: str, delivery: Delivery, changes: dict[str, Any]) -> set[str]:
    return {found.code for found in check(bare(POOLS[pool], delivery=delivery, **changes))}


@pytest.mark.parametrize(("code", "pool", "delivery", "changes"), STOCK_ONLY)
def test_what_is_false_with_lease_is_not_reported(
    code: str, pool: str, delivery: Delivery, changes: dict[str, Any]
) -> None:
    assert code in codes(pool, delivery, changes)
    assert code not in codes(pool, replace(delivery, lease=True), changes)


@pytest.mark.parametrize(("code", "pool", "delivery", "changes"), BOTH)
def test_what_is_true_with_lease_is_reported(
    code: str, pool: str, delivery: Delivery, changes: dict[str, Any]
) -> None:
    assert code in codes(pool, delivery, changes)
    assert code in codes(pool, replace(delivery, lease=True), changes)


def test_the_transports_own_limit_of_deliveries_is_the_default() -> None:
    assert Delivery().max_deliveries == MAX_DELIVERIES


@pytest.mark.parametrize("kept", [{"lease": True}, {"watched": True}])
def test_what_stays_with_its_worker_is_not_said_to_be_redelivered(kept: dict[str, Any]) -> None:
    cancelling = replace(LATE, cancels_on_connection_loss=True)
    for delivery, redelivered in ((cancelling, True), (replace(cancelling, **kept), False)):
        findings = check(bare(POOLS["threads"], delivery=delivery))
        [finding] = [one for one in findings if one.code == "cancel-unsupported"]
        assert ("redelivers" in finding.message) is redelivered
