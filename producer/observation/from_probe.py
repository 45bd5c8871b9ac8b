"""Turns the probe's records and gauges into attempts and samples: pure functions."""

from __future__ import annotations

from producer.observation.seen import Attempt, Sample
from producer.records import Gauge, Record


def attempt_of(record: Record, begin_s: float) -> Attempt:
    """Return a record as an attempt of an observation that began at this time since 1970."""
    sent = record.sent if record.due is None else record.due
    return Attempt(
        task_id=record.task_id,
        task=record.task,
        sent_s=None if sent is None else sent - begin_s,
        received_s=record.received - begin_s,
        started_s=None if record.started is None else record.started - begin_s,
        finished_s=record.finished - begin_s,
        outcome=record.outcome,
        redelivered=record.redelivered,
    )


def sample_of(gauge: Gauge, at_s: float) -> Sample:
    """Return a gauge as a sample, which was taken `at_s` seconds after the observation began."""
    return Sample(
        at_s=at_s,
        slots=gauge.slots,
        busy=gauge.busy,
        waiting=None if gauge.held is None else max(0, gauge.held - gauge.busy),
        cpu_s=gauge.cpu_s,
        memory_bytes=gauge.memory_bytes,
        machine_percent=gauge.machine_percent,
    )
