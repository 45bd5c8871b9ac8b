"""The environment variables with which Poolwise starts Celery processes.

Celery's command line prefers some variables to CELERY_BROKER_URL, and takes options from others. A
user's shell may have set them for other workers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from worker.celery_cli import ENV_PREFIX

#: Those that lead `celery` to another app, folder, configuration or broker.
_ELSEWHERE: Final = frozenset(
    {
        *("APP", "CELERY_APP", "CELERY_WORKDIR"),
        *("LOADER", "CELERY_LOADER", "CONFIG_MODULE", "CELERY_CONFIG", "CELERY_CONFIG_MODULE"),
        *("BROKER_URL", "CELERY_BROKER", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"),
        *("RESULT_BACKEND", "CELERY_VERSION"),
    }
)
#: Those with which several workers of one project cannot run side by side, or one does other than
#: its command line says.
_OF_ONE_WORKER: Final = frozenset(
    ENV_PREFIX + name
    for name in (
        *("AUTOSCALE", "BEAT", "DETACH", "EXCLUDE_QUEUES", "PURGE"),
        *("LOGFILE", "PIDFILE", "STATEDB"),
    )
)
#: Those that look like options of `celery worker`, but must be numbers if they are set.
_NUMBERS: Final = frozenset(
    ENV_PREFIX + name
    for name in ("REVOKES_MAX", "REVOKE_EXPIRES", "SUCCESSFUL_MAX", "SUCCESSFUL_EXPIRES")
)


def celery_variables(
    broker_url: str, environ: Mapping[str, str] = os.environ, *, of_project: bool = False
) -> dict[str, str]:
    """Return the variables to set, such that `celery` uses this broker and only typed options.

    Those of the user are set to an empty text, which Celery takes as not set; in the user's own
    project (`of_project`), only those that would change what is measured.
    """
    found = environ.keys() & _OF_ONE_WORKER if of_project else _misleading(environ)
    return {
        **dict.fromkeys(found, ""),
        "CELERY_BROKER_URL": broker_url,
        "CELERY_RESULT_BACKEND": broker_url,
    }


def _misleading(environ: Mapping[str, str]) -> Iterator[str]:
    for name in environ:
        if name in _ELSEWHERE or (name.startswith(ENV_PREFIX) and name not in _NUMBERS):
            yield name
