"""The Celery app, in the module where `celery -A tasks` looks for it."""

from __future__ import annotations

import threading
from typing import Any

from celery import Celery

app = Celery("tasks")
app.config_from_object("tasks.settings")


def use_broker(url: str) -> None:
    """Make this process send tasks to the broker at `url` and read results from it.

    Use it to replace the broker of the environment. Celery caches a backend for each thread and a
    pool of producers, and would keep using them whatever the settings say; they are dropped here.
    """
    app.backend_cls = url
    app.conf["broker_write_url"] = url
    # Celery tries 20 times in 20 s, as a worker should. A command reports at once what is gone.
    app.conf["result_backend_transport_options"] = {"retry_policy": {"max_retries": 1}}
    private: Any = app  # Celery has no public way to drop its caches
    private._local = threading.local()
    private._after_fork()
