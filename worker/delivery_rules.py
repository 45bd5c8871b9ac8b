"""Preflight rules about fetching and acknowledging messages.

They read the pool table and the options; no rule names a pool.
"""

from __future__ import annotations

from typing import Final

from worker.capability_rules import Rule, pools_where
from worker.finding import Finding, note, warning
from worker.options import WorkerOptions
from worker.pools import Pool

#: A worker that fetches at least this many messages more than it has slots is reported.
MANY_FETCHED: Final = 100

#: Broker connections that a channel needs in addition to those for acks: reads and restores.
SPARE_CONNECTIONS: Final = 10


def _fetched(options: WorkerOptions) -> int:
    """Return the maximum number of messages that Celery fetches; 0 means no limit."""
    wanted = options.concurrency if options.autoscale_max is None else options.autoscale_max
    return wanted * options.delivery.prefetch_multiplier


def broker_connections(pool: Pool, options: WorkerOptions) -> Finding | None:
    """An ack without a free connection is dropped, and the broker redelivers its message.

    Only the transport option sets the number of connections; `broker_pool_limit` does not.
    """
    delivery = options.delivery
    spared = delivery.redis is False or delivery.acks_late is False
    if not pool.acks_from_slots or spared or options.slots <= delivery.max_connections:
        return None
    certain = delivery.acks_late is True and delivery.redis is True
    make, condition = (warning, "") if certain else (note, "with Redis and late acks, ")
    return make(
        "broker-connections",
        f"{condition}if {options.slots} tasks finish together, only {delivery.max_connections} "
        "can be acknowledged: the others run twice, and the worker may stall",
        "set broker_transport_options = "
        f'{{"max_connections": {options.slots + SPARE_CONNECTIONS}}}',
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
        "set task_retry_on_worker_lost = True, with max_retries, if tasks are safe to run twice",
    )


def lost_loops(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery counts no deliveries: it requeues the task however often its process dies."""
    delivery = options.delivery
    if not pool.survives_task_death or not delivery.acks_late or delivery.watched:
        return None
    if not delivery.rejects_lost or delivery.retries_lost:
        return None
    return note(
        "lost-loops",
        f"with task_reject_on_worker_lost, a task that kills its {pool.slot} is requeued forever",
        "set task_retry_on_worker_lost = True instead: max_retries then limits the attempts",
    )


def visibility_timeout(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Redis redelivers an unacknowledged message after this time, even if its task still runs."""
    delivery, limit_s = options.delivery, options.limits.hard_s
    if delivery.redis is not True or delivery.acks_late is not True or delivery.watched:
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
    if delivery.redis is not True or delivery.acks_late is True or delivery.watched:
        return None
    return note(
        "waiting-redelivered",
        f"a message that waits in this worker for more than {delivery.visibility_timeout_s:g} s, "
        "for a slot or for its ETA, is redelivered and runs twice",
        "set visibility_timeout in broker_transport_options to more than your longest wait",
    )


def eta_unlimited(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery raises the prefetch count by one for each message with an ETA."""
    if options.delivery.redis is None or options.delivery.eta_limit:
        return None
    return note(
        "eta-unlimited",
        "this worker fetches all messages with an ETA or countdown, and keeps them in memory",
        "set worker_eta_task_limit if you send many of them",
    )


def disable_prefetch_ignored(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery logs that it ignores the option, and fetches as usual."""
    if not options.delivery.prefetch_disabled or options.delivery.redis is not False:
        return None
    return warning(
        "disable-prefetch-ignored",
        "--disable-prefetch works only with Redis: this worker fetches messages ahead",
        "use --prefetch-multiplier 1 with late acks, the lowest that other brokers allow",
    )


def early_ack_spare(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """An early acknowledgement frees a place in the prefetch count when its task starts."""
    delivery = options.delivery
    if delivery.prefetch_multiplier != 1 or delivery.acks_late is True:
        return None
    if delivery.prefetch_disabled and delivery.redis is not False:
        return None
    make_certain = "" if delivery.acks_late is False else "without late acks, "
    with_redis = "" if delivery.redis is False else ", or use --disable-prefetch with Redis"
    return note(
        "early-ack-spare",
        f"{make_certain}a prefetch multiplier of 1 still holds one waiting message per slot, "
        "which no other worker can take",
        f"set task_acks_late = True if your tasks are safe to run twice{with_redis}",
    )


def sleeps_when_full(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Without an event loop, a worker with a full prefetch sleeps 2 s before it fetches again.

    It sleeps even if a slot becomes free in the meantime. If it may fetch one message more than it
    has slots, it waits for a slot instead, and a free slot wakes it at once.
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
        "even if tasks finish in the meantime",
        f"use --prefetch-multiplier {pool.prefetch_multiplier}, which reserves only one extra "
        "message",
    )


def prefetch_zero(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery reads the flag as `value or setting`, so 0 falls back to the setting."""
    delivery = options.delivery
    if not delivery.prefetch_zero_dropped:
        return None
    return warning(
        "prefetch-zero-dropped",
        "--prefetch-multiplier 0 is ignored: the setting worker_prefetch_multiplier applies "
        f"instead ({delivery.prefetch_multiplier} unless you change it)",
        "set worker_prefetch_multiplier = 0 in the settings",
    )


def prefetch_hoards(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Idle workers cannot take messages that another worker has fetched."""
    delivery = options.delivery
    if delivery.prefetch_disabled and delivery.redis is not False:
        return None
    if 0 < delivery.prefetch_multiplier <= pool.prefetch_multiplier:
        return None
    fetched = _fetched(options)
    if 0 < fetched < options.slots + MANY_FETCHED:
        return None
    amount = f"up to {fetched} messages" if fetched else "the whole queue"
    return note(
        "prefetch-hoards",
        f"this worker fetches {amount} for {options.slots} slots: other workers cannot take them",
        f"use --prefetch-multiplier {pool.prefetch_multiplier} if tasks are long or you run many "
        "workers",
    )


def revoke_too_late(pool: Pool, options: WorkerOptions) -> Finding | None:
    """With late acks and a multiplier of 1, the worker fetches only what it has free slots for."""
    delivery = options.delivery
    exact = delivery.prefetch_multiplier == 1 and delivery.acks_late is True
    disabled = delivery.prefetch_disabled and delivery.redis is not False
    if pool.revokes_fetched or disabled or exact:
        return None
    able = f"--pool {pools_where(lambda p: p.revokes_fetched)}"
    return note(
        "revoke-too-late",
        f"under {pool.name}, revoke() does not stop a task that this worker has fetched, "
        "even if it has not started",
        f"use {able}" if delivery.redis is False else f"use --disable-prefetch, or {able}",
    )


DELIVERY_RULES: Final[tuple[Rule, ...]] = (
    broker_connections,
    late_ack_lost,
    lost_loops,
    visibility_timeout,
    waiting_redelivered,
    eta_unlimited,
    disable_prefetch_ignored,
    early_ack_spare,
    sleeps_when_full,
    prefetch_zero,
    prefetch_hoards,
    revoke_too_late,
)
