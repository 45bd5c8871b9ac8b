"""The Celery app, where `celery -A tasks` looks for it; it knows nothing of who calls it."""

from __future__ import annotations

from celery import Celery

app = Celery("tasks")
app.config_from_object("tasks.settings")
