"""A ledger whose app is made by a factory."""

import os

from celery import Celery


def create_app(name="ledger"):
    """Return a new app, configured from the environment."""
    made = Celery(name, include=["ledger.tasks"])
    made.conf.broker_url = os.environ.get("LEDGER_BROKER", "redis://broker.example.com:6379/0")
    made.conf.task_ignore_result = True
    return made
