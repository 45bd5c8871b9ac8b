"""Overrides the settings of the user's app that would lead a worker away from the private broker.

A worker imports it with `-I`, after the project's own modules and before it connects. The addresses
themselves are in environment variables, which Celery prefers over everything that an app sets.
"""

from __future__ import annotations

import os

from celery import current_app

#: Settings that belong to the project's own broker and result backend.
OVERRIDES = {
    "broker_use_ssl": None,
    "broker_transport_options": {},
    "broker_connection_retry_on_startup": True,
    "redis_backend_use_ssl": None,
    "redis_username": None,
    "redis_password": None,
    "result_backend_transport_options": {},
    "result_backend_always_retry": False,
    "override_backends": {},
    # The queue of a trial is not among the project's own queues.
    "task_create_missing_queues": True,
    "task_always_eager": False,
    "worker_direct": False,
    "worker_enable_remote_control": True,
    "beat_schedule": {},
}

#: The variable that names a worker's transport, and the setting for each. Without the variable, the
#: project's own setting stays.
TRANSPORT_VARIABLE = "POOLWISE_PRIVATE_TRANSPORT"
TRANSPORTS = {"stock": None, "lease": "kombu_lease.transport:Transport"}

#: Celery prefers these to all settings.
URL_VARIABLES = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
)


def apply(app):
    """Override the settings of `app`, and the environment, which the project may have changed."""
    url = os.environ["POOLWISE_PRIVATE_BROKER"]
    for name in URL_VARIABLES:
        os.environ[name] = url
    app.conf.update(OVERRIDES, **{name.lower()[7:]: url for name in URL_VARIABLES})
    if os.environ.get(TRANSPORT_VARIABLE):
        app.conf.broker_transport = TRANSPORTS[os.environ[TRANSPORT_VARIABLE]]
    # A limit would be measured instead of the pool. The worker makes its buckets after this.
    for task in app.tasks.values():
        task.rate_limit = None


apply(current_app._get_current_object())
