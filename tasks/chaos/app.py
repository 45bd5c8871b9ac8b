"""Celery apps with chosen delivery settings and otherwise Celery's defaults.

Use them as `celery -A tasks.chaos.app:defaults worker`.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

import kombu_lease  # noqa: F401  registers the transport `lease`
from tasks.transport_options import from_environment, transport


def _app(**settings: Any) -> Celery:
    url = os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0")
    app = Celery("chaos", broker=url, backend=url, set_as_current=False)
    app.conf.update(
        settings,
        broker_transport=transport(os.environ),
        broker_transport_options=from_environment(os.environ),
    )
    return app


#: A task is acknowledged when it starts.
defaults = _app()
#: A task is acknowledged when it has ended.
acks_late = _app(task_acks_late=True)
#: The same, even if only the process of its slot dies.
reject_on_lost = _app(task_acks_late=True, task_reject_on_worker_lost=True)
