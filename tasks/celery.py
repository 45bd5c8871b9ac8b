"""The Celery app, in the module where `celery -A tasks` looks for it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from celery import Celery

from tasks.tls import tls_options
from tasks.transport_options import PLACING, TRANSPORT_VARIABLE, VARIABLE, transport

app = Celery("tasks")
app.config_from_object("tasks.settings")

#: Celery prefers this variable to the setting `broker_write_url`.
_WRITE_VARIABLE: Final = "CELERY_BROKER_WRITE_URL"


def use_broker(url: str) -> None:
    """Make this process send tasks to the broker at `url` and read results from it.

    Use it to replace the broker of the environment. Celery caches a backend for each thread and a
    pool of producers, and would keep using them whatever the settings say; they are dropped here.
    """
    os.environ.pop(_WRITE_VARIABLE, None)
    app.backend_cls = url
    app.conf["broker_write_url"] = url
    app.conf["broker_use_ssl"] = app.conf["redis_backend_use_ssl"] = tls_options(url)
    # Celery tries 20 times in 20 s, as a worker should. A command reports at once what is gone.
    app.conf["result_backend_transport_options"] = {"retry_policy": {"max_retries": 1}}
    private: Any = app  # Celery has no public way to drop its caches
    private._local = threading.local()
    private._after_fork()


@contextmanager
def using_broker(url: str) -> Iterator[None]:
    """Send to the broker at `url` for a while, then to the one before again."""
    before, variable = app.conf.broker_write_url, os.environ.get(_WRITE_VARIABLE)
    use_broker(url)
    try:
        yield
    finally:
        use_broker(before)
        if variable:
            os.environ[_WRITE_VARIABLE] = variable


def use_transport_options(options: Mapping[str, Any]) -> None:
    """Add broker transport options for this process, and for the workers that it starts."""
    own = json.loads(os.environ.get(VARIABLE, "").strip() or "{}")
    os.environ[VARIABLE] = json.dumps({**own, **options})
    app.conf["broker_transport_options"] = {**app.conf.broker_transport_options, **options}


def use_transport(name: str) -> None:
    """Use a transport in this process, and in the workers that it starts."""
    os.environ[TRANSPORT_VARIABLE] = name
    app.conf["broker_transport"] = transport(os.environ)


def use_plain_broker() -> None:
    """Use kombu's own transport and its usual key names, whatever the environment says.

    Workers of the user's project, whose own settings are overridden, look for messages there.
    """
    use_transport("stock")
    use_usual_keys()


def use_usual_keys() -> None:
    """Use kombu's usual key names, whatever the environment says, and so do workers started here.

    The transport options in the environment are for the user's broker, not for one of our own.
    """
    os.environ[VARIABLE] = "{}"
    options = {
        key: value for key, value in app.conf.broker_transport_options.items() if key not in PLACING
    }
    app.conf["broker_transport_options"] = options
