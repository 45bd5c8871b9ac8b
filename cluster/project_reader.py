"""Imports a Celery app and writes how it reaches its broker: run as a program, not imported.

It needs only Celery. Its arguments are the app, as for `celery -A`, the number of the file that
takes the answer as JSON, and the seconds that it may take.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from traceback import walk_tb
from typing import Any


def main() -> None:
    """Write the answer, and end at once, whatever the project has started."""
    name, sink, limit_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.set_inheritable(sink, False)
    signal.alarm(limit_s)  # ends this process even if its parent is gone
    del sys.argv[1:]  # the project may read them
    try:
        answer = _read(name)
    except Exception as error:  # noqa: BLE001 - a project may raise anything
        answer = {"error": type(error).__name__, "text": str(error), **_missing(error)}
    os.write(sink, json.dumps(answer, default=list).encode())
    os._exit(0)


def _missing(error: Exception) -> dict[str, Any]:
    return {"missing": error.name} if isinstance(error, ModuleNotFoundError) else {}


def _read(name: str) -> dict[str, Any]:
    from celery import Celery  # noqa: PLC0415 - the alarm must be set first
    from celery.app.utils import find_app  # noqa: PLC0415

    try:
        app: Any = find_app(name)
    except AttributeError as error:
        if _raised_in(error) not in {"celery.app.utils", "kombu.utils.imports"}:
            raise
        return {"error": "NoApp", "text": ""}
    if not isinstance(app, Celery):
        return {"error": "NoApp", "text": type(app).__name__}
    url = app.conf.broker_write_url
    tls = app.conf.broker_use_ssl
    return {
        "url": url if isinstance(url, str) else ";".join(url or ()),
        "tls": _plain(tls) if isinstance(tls, dict) else bool(tls),
        "options": _plain(app.conf.broker_transport_options or {}),
    }


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if _is_plain(value)}


def _raised_in(error: Exception) -> str:
    """Return the name of the module that raised `error`."""
    *_, (frame, _line) = walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", ""))


def _is_plain(value: Any) -> bool:
    """Return whether JSON can hold the value, a range too; others, such as classes, it cannot."""
    try:
        json.dumps(value, default=list)
    except (TypeError, ValueError):
        return False
    return True


if __name__ == "__main__":
    main()
