"""Reads Celery's settings for fetching and acknowledging messages into plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.options import Delivery


def delivery_from(
    settings: Mapping[str, Any],
    *,
    redis: bool | None,
    lease: bool = False,
    acks_late: bool | None,
    watched: bool = False,
    multiplier_typed: int | None = None,
) -> Delivery:
    """Build a Delivery; missing settings get Celery's defaults.

    `multiplier_typed` is the value of `--prefetch-multiplier`, where Celery ignores 0.
    """
    absent = Delivery()
    transport = settings.get("broker_transport_options") or {}
    multiplier = settings.get("worker_prefetch_multiplier", absent.prefetch_multiplier)
    return Delivery(
        redis=redis,
        lease=lease,
        acks_late=acks_late,
        watched=watched,
        rejects_lost=bool(settings.get("task_reject_on_worker_lost")),
        retries_lost=bool(settings.get("task_retry_on_worker_lost")),
        cancels_on_connection_loss=bool(
            settings.get("worker_cancel_long_running_tasks_on_connection_loss")
        ),
        prefetch_multiplier=int(multiplier_typed or multiplier),
        prefetch_zero_dropped=multiplier_typed == 0,
        prefetch_disabled=bool(settings.get("worker_disable_prefetch")),
        max_connections=int(transport.get("max_connections", absent.max_connections)),
        visibility_timeout_s=float(
            transport.get("visibility_timeout", absent.visibility_timeout_s)
        ),
        max_deliveries=int(transport.get("max_deliveries", absent.max_deliveries) or 0),
        eta_limit=settings.get("worker_eta_task_limit"),
    )
