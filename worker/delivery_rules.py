"""Rules about fetching and acknowledging messages: what is delivered twice, lost or hoarded.

They read the pool table and the options, and know no pool by its name.
"""

from __future__ import annotations

from typing import Final

from worker.capability_rules import Rule, pools_where
from worker.finding import Finding, note, warning
from worker.options import WorkerOptions
from worker.pools import Pool

#: Messages fetched beyond the slots from which it is worth a remark.
MANY_FETCHED: Final = 100

#: Broker connections a channel needs beside those of the acks: its own reads and restores.
SPARE_CONNECTIONS: Final = 10


def _fetched(options: WorkerOptions) -> int:
    """Return the most messages Celery asks the broker for; 0 means no bound."""
    wanted = options.concurrency if options.autoscale_max is None else options.autoscale_max
    return wanted * options.delivery.prefetch_multiplier


def broker_connections(pool: Pool, options: WorkerOptions) -> Finding | None:
    """An ack that finds no connection is dropped, and its message is delivered again.

    Governed by the transport option alone; `broker_pool_limit` has no part in it.
    """
    delivery = options.delivery
    spared = delivery.redis is False or delivery.acks_late is False
    if not pool.acks_from_slots or spared or options.slots <= delivery.max_connections:
        return None
    certain = delivery.acks_late is True and delivery.redis is True
    make, condition = (warning, "") if certain else (note, "with Redis and late acks, ")
    return make(
        "broker-connections",
        f"{condition}of {options.slots} tasks that end together only {delivery.max_connections} "
        "can be acknowledged: the others run twice, and the worker may stall",
        "set broker_transport_options = "
        f'{{"max_connections": {options.slots + SPARE_CONNECTIONS}}}',
    )


def late_ack_lost(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery counts a dead process as a failed task, and failed tasks are acknowledged."""
    delivery = options.delivery
    if not pool.survives_task_death or not delivery.acks_late or delivery.requeues_lost:
        return None
    return warning(
        "late-ack-lost",
        f"a late-acknowledged task whose {pool.slot} is killed is acknowledged all the same: "
        "it does not run again",
        "set task_reject_on_worker_lost = True if tasks are safe to run twice",
    )


def visibility_timeout(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Redis gives an unacknowledged message back by the clock, whether its task runs or not."""
    delivery, limit_s = options.delivery, options.limits.hard_s
    if delivery.redis is not True or not delivery.acks_late:
        return None
    bounded = pool.hard_time_limit and limit_s is not None
    if bounded and limit_s is not None and limit_s < delivery.visibility_timeout_s:
        return None
    make = warning if bounded else note
    return make(
        "visibility-timeout",
        f"a late-acknowledged task that runs longer than {delivery.visibility_timeout_s:g} s "
        "is delivered again while it still runs",
        "set visibility_timeout in broker_transport_options above the longest task",
    )


def sleeps_when_full(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Without an event loop the worker does not look for messages while its prefetch is used up.

    It waits for 2 seconds then, also when a slot has become free meanwhile. Fetching one message
    more than there are slots keeps it waiting for a slot instead, which wakes it at once.
    """
    delivery = options.delivery
    enough = delivery.prefetch_multiplier == 0 or (
        delivery.prefetch_multiplier >= pool.prefetch_multiplier
    )
    if enough or delivery.acks_late is False or delivery.redis is False:
        return None
    certain = delivery.acks_late is True and delivery.redis is True
    make, condition = (warning, "") if certain else (note, "with Redis and late acks, ")
    return make(
        "sleeps-when-full",
        f"{condition}a {pool.name} worker whose slots are all busy fetches nothing for up to 2 s, "
        "though tasks end meanwhile",
        f"use --prefetch-multiplier {pool.prefetch_multiplier}: it holds one message back, no more",
    )


def prefetch_zero(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery reads the flag as `value or setting`, and 0 is no value to it."""
    delivery = options.delivery
    if not delivery.prefetch_zero_dropped:
        return None
    return warning(
        "prefetch-zero-dropped",
        "--prefetch-multiplier 0 is dropped: the setting counts, "
        f"{delivery.prefetch_multiplier} unless it is changed",
        "set worker_prefetch_multiplier = 0 in the settings",
    )


def prefetch_hoards(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """What one worker has fetched, no idle worker can take."""
    if options.delivery.prefetch_disabled:
        return None
    fetched = _fetched(options)
    if 0 < fetched < options.slots + MANY_FETCHED:
        return None
    amount = f"up to {fetched} messages" if fetched else "the whole queue"
    return note(
        "prefetch-hoards",
        f"this worker fetches {amount} for {options.slots} slots: other workers cannot take them",
        "use --prefetch-multiplier 1 where tasks are long or workers are many",
    )


def revoke_too_late(pool: Pool, options: WorkerOptions) -> Finding | None:
    """With late acks and a multiplier of 1 nothing is fetched that has no slot to run in."""
    delivery = options.delivery
    exact = delivery.prefetch_multiplier == 1 and delivery.acks_late is True
    if pool.revokes_fetched or delivery.prefetch_disabled or exact:
        return None
    return note(
        "revoke-too-late",
        f"under {pool.name} revoke() does not stop a task that this worker has fetched, "
        "though it still waits for its turn",
        f"use --disable-prefetch, or --pool {pools_where(lambda p: p.revokes_fetched)}",
    )


DELIVERY_RULES: Final[tuple[Rule, ...]] = (
    broker_connections,
    late_ack_lost,
    visibility_timeout,
    sleeps_when_full,
    prefetch_zero,
    prefetch_hoards,
    revoke_too_late,
)
