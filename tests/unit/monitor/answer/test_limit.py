"""A pool's limit is named only if all of its gauges prove it."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.answer.limit import Limit, find_limit
from producer.records import Gauge

FREE: dict[str, Any] = {"slots": 200, "busy": 4, "held": 4, "fetching": True}


def gauges(main_percent: float | None = 20, count: int = 6, **changes: Any) -> list[Any]:
    """Return a worker's gauges, one a second; without `changes` it has slots to spare."""
    known: dict[str, Any] = {
        **FREE,
        "queues": ("io",),
        "cpu_s": 1.0,
        "memory_bytes": None,
        "memory": None,
        "machine_percent": 50.0,
        **changes,
    }
    main = [None if main_percent is None else main_percent / 100 * n for n in range(count)]
    return [
        (100.0 + n, Gauge(up_s=50.0 + n, main_cpu_s=main_cpu_s, **known))
        for n, main_cpu_s in enumerate(main)
    ]


@pytest.mark.parametrize(
    ("worker", "limit"),
    [
        (gauges(machine_percent=97.0), Limit(cause="machine_cpu", value=97)),
        (gauges(machine_percent=97.0, main_percent=99), Limit(cause="machine_cpu", value=97)),
        (gauges(main_percent=99), Limit(cause="main_process", value=99)),
        (gauges(), Limit(cause="fetching", value=0)),
    ],
)
def test_a_proven_cause_is_named(worker: list[Any], limit: Limit) -> None:
    found = find_limit(6_410, [worker])
    assert found is not None
    assert found.cause == limit.cause
    assert found.value == pytest.approx(limit.value)


@pytest.mark.parametrize(
    "worker",
    [
        pytest.param(gauges(fetching=False), id="the prefetch limit is reached"),
        pytest.param(gauges(held=40), id="fetched messages wait for a slot"),
        pytest.param(gauges(fetching=None), id="the transport does not show it"),
        pytest.param(
            gauges(held=None, fetching=None, machine_percent=None, main_percent=None),
            id="the probe is older",
        ),
        pytest.param(gauges(count=2), id="too few gauges"),
    ],
)
def test_without_proof_there_is_no_cause(worker: list[Any]) -> None:
    assert find_limit(6_410, [worker]) is None


@pytest.mark.parametrize(
    ("waiting", "busy"),
    [
        pytest.param(0, 4, id="nothing waits"),
        pytest.param(195, 4, id="the free slots will take them"),
        pytest.param(6_410, 165, id="the slots are the limit"),
    ],
)
def test_a_pool_without_free_slots_or_waiting_messages_needs_no_cause(
    waiting: int, busy: int
) -> None:
    busy_machine = gauges(machine_percent=99.0, busy=busy, held=busy)
    assert find_limit(waiting, [busy_machine]) is None


def test_all_workers_of_a_pool_must_prove_the_cause() -> None:
    busy, idle = gauges(main_percent=99, fetching=False), gauges(fetching=False)
    assert find_limit(6_410, [busy, busy]) is not None
    assert find_limit(6_410, [busy, idle]) is None
    assert find_limit(6_410, []) is None
