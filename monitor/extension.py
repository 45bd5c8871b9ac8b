"""Puts the Throughput page into a Flower that is about to start, from its configuration file."""

from __future__ import annotations

import sys
from typing import Any

import click
import flower.command
import flower.urls
from celery import Celery

from monitor import holds
from monitor.handlers import ROUTES
from monitor.pages import Templates
from monitor.watch import Watch
from tasks.errors import PoolwiseError


def extend() -> None:
    """Add tab, page, data and history to the Flower whose command is running.

    Ends the process, with one line that says what has moved, where this Flower is another.
    """
    try:
        holds.check()
    except PoolwiseError as error:
        sys.exit(f"error: {error}")
    context: Any = click.get_current_context()
    add(context.obj.app)


def add(app: Celery) -> None:
    """Add the page to Flower's tables, once, for a Flower that watches the broker of `app`."""
    settings, handlers = flower.urls.settings, flower.urls.handlers
    if "throughput" in settings:
        return
    settings["throughput"] = Watch(app)
    settings["template_loader"] = Templates()
    handlers[-1:-1] = ROUTES  # the last one answers whatever is left
    flower.command.Flower = _with_watch(flower.command.Flower)


def _with_watch(plain: Any) -> Any:
    """Return Flower's application with a watch that starts and stops with it."""

    class WatchedFlower(plain):  # type: ignore[misc]
        """Flower, and our watch beside its events."""

        def start(self) -> None:
            self.settings["throughput"].start(self)
            super().start()

        def stop(self) -> None:
            self.settings["throughput"].stop()
            super().stop()

    return WatchedFlower
