"""Preflight rules about prefetching: how many messages a worker fetches, and when.

They read the pool table and the options; no rule names a pool.
"""

from __future__ import annotations

from typing import Final

from worker.finding import Finding, note, warning
from worker.options import WorkerOptions
from worker.pools import Pool
from worker.rule import Rule

#: A worker that fetches at least this many messages more than it has slots is reported.
MANY_FETCHED: Final = 100


def _fetched(options: WorkerOptions) -> int:
    """Return the maximum number of messages that Celery fetches; 0 means no limit."""
    wanted = options.concurrency if options.autoscale_max is None else options.autoscale_max
    return wanted * options.delivery.prefetch_multiplier


def eta_unlimited(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery raises the prefetch count by one for each message with an ETA.

    With kombu_lease, it gets them only in the last seconds, except ETAs without a time zone.
    """
    delivery = options.delivery
    if delivery.redis is None or delivery.lease or delivery.eta_limit:
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
        "use late acks and --prefetch-multiplier 1, the lowest multiplier that other brokers allow",
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
    has slots, it waits for a slot instead, and a free slot wakes it at once. With kombu_lease, each
    acknowledgement wakes it.
    """
    delivery = options.delivery
    enough = delivery.prefetch_multiplier == 0 or (
        delivery.prefetch_multiplier >= pool.prefetch_multiplier
    )
    if enough or delivery.acks_late is False or delivery.redis is False or delivery.lease:
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
    amount = f"up to {fetched} messages" if fetched else "all messages in the queue"
    return note(
        "prefetch-hoards",
        f"this worker, with concurrency {options.slots}, fetches {amount}: other workers cannot "
        "take them",
        f"use --prefetch-multiplier {pool.prefetch_multiplier} if tasks are long or you run many "
        "workers",
    )


PREFETCH_RULES: Final[tuple[Rule, ...]] = (
    eta_unlimited,
    disable_prefetch_ignored,
    early_ack_spare,
    sleeps_when_full,
    prefetch_zero,
    prefetch_hoards,
)
