"""Adds the Throughput page to a Flower that is starting, from its configuration file."""

from __future__ import annotations

import sys
from typing import Any

import click
import flower.command
import flower.urls
from celery import Celery

from monitor import compatibility
from monitor.collector import Collector
from monitor.handlers import HEALTH, ROUTES
from monitor.template_loader import TemplateLoader
from tasks.errors import PoolwiseError


def extend() -> None:
    """Add the page to the Flower whose command is running.

    Exits with a one-line error if this version of Flower is not compatible.
    """
    try:
        compatibility.check()
    except PoolwiseError as error:
        sys.exit(f"error: {error}")
    context: Any = click.get_current_context()
    add(context.obj.app)


def add(app: Celery) -> None:
    """Register the page, once, in a Flower that monitors the broker of `app`."""
    settings, handlers = flower.urls.settings, flower.urls.handlers
    if "throughput" in settings:
        return
    settings["throughput"] = Collector(app)
    settings["template_loader"] = TemplateLoader()
    handlers.insert(0, HEALTH)
    handlers[-1:-1] = ROUTES  # before the last one, which handles all other URLs
    flower.command.Flower = _with_collector(flower.command.Flower)


def _with_collector(plain: Any) -> Any:
    """Return Flower's application class with a collector that starts and stops with it."""

    class CollectingFlower(plain):  # type: ignore[misc]
        """Flower with the collector of the Throughput page."""

        def start(self) -> None:
            self.settings["throughput"].start(self)
            super().start()

        def stop(self) -> None:
            self.settings["throughput"].stop()
            super().stop()

    return CollectingFlower
