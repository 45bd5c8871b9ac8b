"""Reads broker transport options that are given as JSON, such as `{"global_keyprefix": "shop:"}`.

They are Celery's setting `broker_transport_options`. The options in `PLACING` decide under which
names messages stand in Redis, so all programs that share a broker must agree on them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tasks.errors import UsageError, suggestion

#: The environment variable that holds them.
VARIABLE: Final = "POOLWISE_BROKER_OPTIONS"
#: The environment variable that chooses a transport: kombu's own, or the one in kombu_lease/.
TRANSPORT_VARIABLE: Final = "POOLWISE_TRANSPORT"
TRANSPORTS: Final = ("stock", "lease")
#: The options that decide where messages are, and a value that each can have.
PLACING: Final[Mapping[str, str]] = {
    "global_keyprefix": 'a string, such as "shop:"',
    "sep": 'a string, such as ":"',
    "priority_steps": "a list of increasing numbers from 0 to 255, such as [0, 3, 6, 9]",
    "fanout_prefix": "true, false or a string",
    "fanout_patterns": "true or false",
}
_EXAMPLE: Final = '{"global_keyprefix": "shop:"}'


def parse(text: str, source: str) -> dict[str, Any]:
    """Return the options in `text`; `source` is the option or variable that holds it.

    Raises UsageError if it is not a JSON object, or an option of `PLACING` is misspelled or wrong.
    """
    try:
        options = json.loads(text)
    except (ValueError, RecursionError):
        options = None
    if not isinstance(options, dict):
        raise UsageError(f"{source} must be a JSON object, such as '{_EXAMPLE}'")
    for name, value in options.items():
        if name not in PLACING and (near := suggestion(name, PLACING)):
            raise UsageError(f"{source} has no option {name!r}: {near.strip()}")
        if name in PLACING and not _fits(name, value):
            raise UsageError(f"{source}: {name} must be {PLACING[name]}")
    return options


def placing(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the options that decide where messages are."""
    return {name: options[name] for name in PLACING if name in options}


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the options in the environment; none if the variable is empty or not set."""
    text = environ.get(VARIABLE, "").strip()
    return parse(text, VARIABLE) if text else {}


def transport(environ: Mapping[str, str]) -> str | None:
    """Return Celery's setting `broker_transport`; None leaves it to the URL.

    Raises UsageError if the variable names no transport.
    """
    name = environ.get(TRANSPORT_VARIABLE, "").strip() or TRANSPORTS[0]
    if name not in TRANSPORTS:
        raise UsageError(f"{TRANSPORT_VARIABLE} must be {' or '.join(TRANSPORTS)}, not {name!r}")
    return None if name == "stock" else name


def transport_called(name: str) -> str:
    """Return which transport kombu calls so, such as `redis`; empty if neither.

    `name` is a scheme, or a module and class.
    """
    if name.startswith(("lease", "kombu_lease.")):
        return "lease"
    return "stock" if name.startswith(("redis", "sentinel", "kombu.transport.redis")) else ""


def _fits(name: str, value: Any) -> bool:
    if name == "priority_steps":
        return _are_steps(value)
    if name == "fanout_patterns":
        return isinstance(value, bool)
    if name == "fanout_prefix":
        return isinstance(value, bool | str)
    return isinstance(value, str) and (value != "" or name != "sep")


def _are_steps(value: Any) -> bool:
    """Return whether kombu can search the list: it bisects it."""
    if not isinstance(value, list | tuple) or not value:
        return False
    whole = all(isinstance(step, int) and not isinstance(step, bool) for step in value)
    return whole and list(value) == sorted({step for step in value if 0 <= step <= 255})
