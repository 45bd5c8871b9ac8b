"""Adds the Throughput page to a Flower that is starting, from its configuration file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import click
import flower.command
import flower.urls
from celery import Celery

from monitor.collecting.collector import Collector
from monitor.page import compatibility
from monitor.page.handlers import HEALTH, ROUTES
from monitor.page.template_loader import TemplateLoader
from producer.broker import NEVER_REDELIVER
from tasks.errors import PoolwiseError
from tasks.transport_options import from_environment


def extend() -> None:
    """Add the page to the Flower whose command is running.

    Exits with a one-line error if this version of Flower is not compatible, or the transport
    options in the environment are not valid.
    """
    context: Any = click.get_current_context()
    try:
        compatibility.check()
        set_transport_options(context.obj.app, os.environ)
    except PoolwiseError as error:
        sys.exit(f"error: {error}")
    add(context.obj.app)


def set_transport_options(app: Celery, environ: Mapping[str, str]) -> None:
    """Add those in the environment to the app's own, for all of Flower.

    An app that Celery makes from an address alone has none. Raises UsageError if they are not
    valid.
    """
    options = {**(app.conf.broker_transport_options or {}), **from_environment(environ)}
    if app.connection_for_read().transport.driver_type == "redis":
        options |= NEVER_REDELIVER  # Flower only watches
    app.conf["broker_transport_options"] = options


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
