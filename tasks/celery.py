"""The Celery app, where `celery -A tasks` looks for it; it knows nothing of who calls it."""

from __future__ import annotations

from celery import Celery

app = Celery("tasks")
app.config_from_object("tasks.settings")


def keep_results_at(url: str) -> None:
    """Let this process look for results at `url`, whatever its environment says.

    For a process that talks to another broker than that of its environment; to be called before
    the first task is sent, for the backend is made then.
    """
    app.backend_cls = url


def send_to(url: str) -> None:
    """Let this process send to the broker at `url`, whatever its environment says.

    For Celery's own calls, of which some (a chord's) take no connection; to be called before the
    first of them.
    """
    app.conf["broker_write_url"] = url
