"""Preflight rules about control of a running worker: scaling, schedules, revocation, inspection.

They read the pool table and the options; no rule names a pool.
"""

from __future__ import annotations

from typing import Final

from worker.finding import Finding, note, warning
from worker.options import WorkerOptions
from worker.pools import Pool
from worker.rule import Rule, pools_where


def autoscale_unsupported(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery accepts the flag for every pool; the worker then fails later or never grows."""
    if options.autoscale_max is None or pool.autoscale:
        return None
    return warning(
        "autoscale-unsupported",
        f"{pool.name} cannot autoscale: {pool.autoscale_failure}",
        f"use --pool {pools_where(lambda p: p.autoscale)}, or remove --autoscale",
    )


def beat_refused(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery raises ImproperlyConfigured at startup."""
    if not options.beat or pool.embeds_beat:
        return None
    return warning(
        "beat-refused",
        f"Celery does not allow -B with {pool.name}: the worker will not start",
        "run celery beat as a separate process",
    )


def cancel_unsupported(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery logs `Failed to cancel active request` and the task keeps running."""
    delivery = options.delivery
    if pool.terminate or not delivery.cancels_on_connection_loss:
        return None
    redelivered = "" if delivery.kept_while_alive else " while the broker redelivers them"
    return warning(
        "cancel-unsupported",
        f"{pool.name} cannot cancel running tasks when the broker connection is lost: "
        f"they keep running{redelivered}",
        f"use --pool {pools_where(lambda p: p.terminate)}, or make the tasks safe to run twice",
    )


def terminate_unsupported(pool: Pool, _options: WorkerOptions) -> Finding | None:
    """The error is only in the reply, which callers do not wait for by default."""
    if pool.terminate:
        return None
    return note(
        "terminate-unsupported",
        f"under {pool.name}, revoke(terminate=True) does not stop a running task",
        f"use --pool {pools_where(lambda p: p.terminate)} if you need to stop running tasks",
    )


def resize_unsupported(pool: Pool, _options: WorkerOptions) -> Finding | None:
    """`pool_grow` and `pool_shrink` raise AttributeError inside the worker."""
    if pool.grow_shrink:
        return None
    return note(
        "resize-unsupported",
        f"under {pool.name}, pool_grow and pool_shrink fail: the number of slots is fixed",
        "restart the worker with a different --concurrency"
        if pool.fixed_concurrency is None
        else f"use --pool {pools_where(lambda p: p.fixed_concurrency is None)} to run more than "
        "one task at a time",
    )


def control_blocked(pool: Pool, options: WorkerOptions) -> Finding | None:
    """The same thread reads control messages and runs the task."""
    if pool.answers_while_busy or not options.remote_control:
        return None
    return note(
        "control-blocked",
        f"under {pool.name}, inspect, ping and revoke wait until the running task has finished",
        f"use --pool {pools_where(lambda p: p.answers_while_busy)}, or expect missing replies",
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
        f"use {able}"
        if delivery.redis is False
        else f"with Redis, use --disable-prefetch; or {able}",
    )


CONTROL_RULES: Final[tuple[Rule, ...]] = (
    autoscale_unsupported,
    beat_refused,
    cancel_unsupported,
    terminate_unsupported,
    resize_unsupported,
    control_blocked,
    revoke_too_late,
)
