"""Loads the user's Celery app and writes what Poolwise must know of it to a file, as JSON.

It runs in the interpreter of the user's project, which may be Python 3.9 and have nothing of
Poolwise installed. It connects to nothing.

usage: python poolwise_isolated.py poolwise_describe.py (app | broker) APP FILE
"""

from __future__ import annotations

import json
import os
import platform
import sys
import traceback
from importlib import metadata
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

#: The settings that matter for a worker.
SETTINGS = (
    "broker_transport",
    "worker_pool",
    "worker_concurrency",
    "worker_prefetch_multiplier",
    "worker_max_tasks_per_child",
    "worker_max_memory_per_child",
    "worker_autoscaler",
    "worker_disable_prefetch",
    "worker_pool_start_method",
    "task_time_limit",
    "task_soft_time_limit",
    "task_acks_late",
    "task_reject_on_worker_lost",
    "task_ignore_result",
    "task_serializer",
    "task_default_queue",
)
#: The same for one task.
OPTIONS = (
    "time_limit",
    "soft_time_limit",
    "acks_late",
    "rate_limit",
    "ignore_result",
    "max_retries",
    "serializer",
    "queue",
    "priority",
)
#: What a worker needs for a Redis broker, and a project with another broker may not have.
NEEDED = ("redis", "packaging")
URLS = ("broker_url", "broker_read_url", "broker_write_url", "result_backend")
VARIABLES = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
)


class NoAppError(Exception):
    """Raised if the name is not that of a Celery app; its text is what was found instead."""


def find(name):
    """Return the app `name`, found as `celery -A` finds it."""
    import celery
    from celery.app.utils import find_app

    try:
        app = find_app(name)
    except AttributeError as error:
        if _raised_in(error) not in ("celery.app.utils", "kombu.utils.imports"):
            raise
        raise NoAppError("") from None
    if not isinstance(app, celery.Celery):
        raise NoAppError(type(app).__name__)
    return app


def broker(name):
    """Return how the app `name` reaches its broker, as plain data."""
    conf = find(name).conf
    url, tls = conf.broker_write_url, conf.broker_use_ssl
    return {
        "url": url if isinstance(url, str) else ";".join(url or ()),
        "tls": _json(tls) if isinstance(tls, dict) else bool(tls),
        "options": _json(conf.broker_transport_options or {}),
    }


def describe(name):
    """Return what is known of the app `name`, as plain data."""
    import celery

    before = {variable: os.environ.get(variable) for variable in VARIABLES}
    app = find(name)
    app.set_default()
    app.set_current()
    app.loader.import_default_modules()
    app.finalize(auto=True)
    conf = app.conf
    urls = [value for key in URLS for value in _addresses(_raw(conf, key))]
    # What the project itself has put into the environment while it was loaded.
    urls += [
        value
        for variable in VARIABLES
        if os.environ.get(variable) != before[variable]
        for value in _addresses(os.environ.get(variable))
    ]
    return {
        "celery": celery.__version__,
        "python": platform.python_version(),
        "name": app.main or name,
        "has_gevent": find_spec("gevent") is not None,
        "missing": _missing(),
        "urls": sorted(set(urls)),
        "scheduled": len(conf.beat_schedule or ()),
        "accepts": [str(one) for one in conf.accept_content or ()],
        "stores_results": bool(_raw(conf, "result_backend")),
        "settings": {key: _plain(conf.get(key)) for key in SETTINGS},
        "redis_problem": _redis_problem(),
        "versions": {name: _version(name) for name in ("kombu", "redis", "gevent")},
        "tasks": {
            task.name: {
                "module": getattr(type(task), "__module__", ""),
                "options": {key: _plain(getattr(task, key, None)) for key in OPTIONS},
            }
            for task in app.tasks.values()
            if not task.name.startswith("celery.")
        },
    }


def _raw(conf, key):
    """Return a setting as the project made it, not as the environment overrides it."""
    try:
        return conf[key]
    except KeyError:
        return None


def _addresses(value):
    if not value:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(";") if part.strip()]
    if isinstance(value, (list, tuple, set)):
        return [address for one in value for address in _addresses(one)]
    return []


def _missing():
    return [module for module in NEEDED if find_spec(module) is None]


def _redis_problem():
    """Return why kombu refuses the redis-py that is installed; empty if it does not."""
    if find_spec("redis") is None:  # then Poolwise lends its own
        return ""
    from kombu.exceptions import VersionMismatch

    lent = _stand_in("packaging.version", Version=str) if "packaging" in _missing() else ()
    try:
        from kombu.transport.redis import Channel

        Channel._get_client(SimpleNamespace(global_keyprefix=""))
    except VersionMismatch as error:
        return str(error)
    except Exception:  # whatever else is wrong, the worker's log will say
        return ""
    finally:
        for name in lent:
            del sys.modules[name]
    return ""


def _stand_in(name, **contents):
    """Put a module and its package in place of missing ones; return their names."""
    package = name.partition(".")[0]
    for one in (package, name):
        sys.modules[one] = ModuleType(one)
    vars(sys.modules[name]).update(contents)
    return (package, name)


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _plain(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _json(options):
    """Return the options that JSON can hold, with ranges as lists; it cannot hold classes."""
    found = {}
    for key, value in options.items():
        try:
            found[str(key)] = json.loads(json.dumps(value, default=list))
        except (TypeError, ValueError):
            continue
    return found


def _raised_in(error):
    """Return the name of the module that raised `error`."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames[-1].f_globals.get("__name__", "")


def _failure(error):
    """Return why the app could not be loaded; its log gets the traceback."""
    traceback.print_exception(type(error), error, error.__traceback__)
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return {"error": str(error), "kind": type(error).__name__, "missing": missing or ""}


def main(what, name, path):
    """Write what was asked for, or why it could not be found out."""
    del sys.argv[1:]  # the project may read them
    try:
        found = broker(name) if what == "broker" else describe(name)
    except BaseException as error:  # even SystemExit: an app that ends at import
        found = _failure(error)
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(path + ".part", path)


if __name__ == "__main__":
    sys.stdout = sys.stderr
    main(*sys.argv[1:4])
    sys.stderr.flush()
    os._exit(0)  # threads that the app has started must not keep this process alive
