"""Preflight rules about acknowledgements: which tasks are lost, and which run twice.

They read the pool table and the options; no rule names a pool.
"""

from __future__ import annotations

from typing import Final

from worker.finding import Finding, note, warning
from worker.options import WorkerOptions
from worker.pools import Pool
from worker.rule import Rule

#: Broker connections that a channel needs in addition to those for acks: reads and restores.
SPARE_CONNECTIONS: Final = 10


def broker_connections(pool: Pool, options: WorkerOptions) -> Finding | None:
    """An ack without a free connection is dropped, and the broker redelivers its message.

    Only the transport option sets the number of connections; `broker_pool_limit` does not.
    kombu_lease sends acks together, over connections that it has anyway.
    """
    delivery = options.delivery
    spared = delivery.redis is False or delivery.lease or delivery.acks_late is False
    if not pool.acks_from_slots or spared or options.slots <= delivery.max_connections:
        return None
    certain = delivery.acks_late is True and delivery.redis is True
    make, condition = (warning, "") if certain else (note, "with Redis and late acks, ")
    return make(
        "broker-connections",
        f"{condition}each acknowledgement needs a connection, and this worker has at most "
        f"{delivery.max_connections}: if {options.slots} tasks finish together, those without one "
        "are not acknowledged and run twice, and the worker may stall",
        f"set max_connections in broker_transport_options to {options.slots + SPARE_CONNECTIONS}",
    )


def late_ack_lost(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery treats a dead process as a failed task, and acknowledges failed tasks."""
    delivery = options.delivery
    if not pool.survives_task_death or not delivery.acks_late or delivery.requeues_lost:
        return None
    return warning(
        "late-ack-lost",
        f"a late-acknowledged task whose {pool.slot} is killed is acknowledged anyway: "
        "it does not run again",
        "set task_retry_on_worker_lost = True, with max_retries (Celery 5.7 or newer), or "
        "task_reject_on_worker_lost = True, if tasks are safe to run twice",
    )


def lost_loops(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery counts no deliveries: it requeues the task however often its process dies.

    kombu_lease counts them, and so does our worker code with kombu's own transport.
    """
    delivery = options.delivery
    if not pool.survives_task_death or not delivery.acks_late or delivery.ends_loops:
        return None
    if not delivery.rejects_lost or delivery.retries_lost:
        return None
    return note(
        "lost-loops",
        f"with task_reject_on_worker_lost, a task that kills its {pool.slot} is requeued forever",
        "set task_retry_on_worker_lost = True instead (Celery 5.7 or newer): max_retries then "
        "limits the attempts",
    )


def visibility_timeout(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Redis redelivers an unacknowledged message after this time, even if its task still runs."""
    delivery, limit_s = options.delivery, options.limits.hard_s
    if delivery.redis is not True or delivery.acks_late is not True or delivery.kept_while_alive:
        return None
    bounded = pool.hard_time_limit and limit_s is not None
    if bounded and limit_s is not None and limit_s < delivery.visibility_timeout_s:
        return None
    make = warning if bounded else note
    return make(
        "visibility-timeout",
        f"a late-acknowledged task that runs longer than {delivery.visibility_timeout_s:g} s "
        "is redelivered while it is still running",
        "set visibility_timeout in broker_transport_options to more than the run time of your "
        "longest task",
    )


def waiting_redelivered(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """Even early acknowledgement happens only when the task starts, not when it is fetched."""
    delivery = options.delivery
    if delivery.redis is not True or delivery.acks_late is True or delivery.kept_while_alive:
        return None
    return note(
        "waiting-redelivered",
        f"a message that waits in this worker for more than {delivery.visibility_timeout_s:g} s, "
        "for a slot or for its ETA, is redelivered and runs twice",
        "set visibility_timeout in broker_transport_options to more than your longest wait",
    )


REDELIVERY_RULES: Final[tuple[Rule, ...]] = (
    broker_connections,
    late_ack_lost,
    lost_loops,
    visibility_timeout,
    waiting_redelivered,
)
