"""The words that name a broker again in a command line: its address and transport options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from shlex import quote
from typing import Any

from producer.address import HIDDEN
from tasks.transport_options import VARIABLE, placing


def flags(url: str, options: Mapping[str, Any]) -> str:
    """Return the options of a `poolwise` command; in `url`, the password must be hidden."""
    shown = _json(options)
    more = f" --transport-options {quote(shown)}" if shown else ""
    return f"--broker {quote(_typed(url))}{more}"


def variables(url: str, options: Mapping[str, Any]) -> str:
    """Return the variables to put in front of `celery -A tasks`, for a URL like that of `flags`."""
    shown = _json(options)
    more = f" {VARIABLE}={quote(shown)}" if shown else ""
    return f"CELERY_BROKER_URL={quote(_typed(url))}{more}"


def _typed(url: str) -> str:
    """Put a word that the reader replaces where the password was."""
    return url.replace(HIDDEN, "PASSWORD")


def _json(options: Mapping[str, Any]) -> str:
    """Return the options that decide where messages are; empty if there are none."""
    chosen = placing(options)
    return json.dumps(chosen) if chosen else ""
