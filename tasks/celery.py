"""The Celery app, where `celery -A tasks` looks for it; it knows nothing of who calls it."""

from __future__ import annotations

import threading
from typing import Any

from celery import Celery

app = Celery("tasks")
app.config_from_object("tasks.settings")


def use_broker(url: str) -> None:
    """Let this process send to the broker at `url`, and look for results there.

    For a process that talks to another broker than that of its environment. What Celery keeps of
    an earlier one, a backend for each thread and a pool of producers, is let go: it would be used
    on, whatever the settings say.
    """
    app.backend_cls = url
    app.conf["broker_write_url"] = url
    kept: Any = app  # none of it has a public name
    kept._local = threading.local()
    kept._after_fork()
