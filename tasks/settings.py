"""The app's settings, each with its reason.

The names are Celery's: see "Configuration and defaults" in Celery's documentation.
"""

from __future__ import annotations

import os
import re

from kombu import Exchange, Queue

import kombu_lease  # noqa: F401  registers the transport `lease`
from kombu_lease.silence import give_up_after
from tasks.tls import tls_options
from tasks.transport_options import from_environment, transport

#: The longest time that any of our tasks may take; `visibility_timeout` is derived from it.
LONGEST_TASK_S = 45
#: Longer than a short interruption of the network, after which the connection goes on.
SILENT_CONNECTION_S = 15


def _without_transport(url: str) -> str:
    """Return the address of the Redis that a URL of the lease transport names."""
    return re.sub(r"^lease(s?)://", r"redis\1://", url)


# Celery reads these two variables itself. If the second is not set, it follows the first, so that
# one address is enough.
broker_url = os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0")
result_backend = os.environ.get("CELERY_RESULT_BACKEND", _without_transport(broker_url))
# The certificate options in rediss:// URLs. Celery also reads them from the URL; Flower does not.
broker_use_ssl = tls_options(broker_url)
redis_backend_use_ssl = tls_options(result_backend)

# kombu's own transport, or with POOLWISE_TRANSPORT=lease the one in kombu_lease/.
broker_transport = transport(os.environ)

# Every module that holds tasks.
imports = (
    "tasks.cpu",
    "tasks.io",
    "tasks.mixed",
    "tasks.faults",
    "tasks.chaos.work",
    "tasks.lessons.gil",
    "tasks.lessons.deadlock.two_locks",
    "tasks.lessons.deadlock.subtasks",
    "tasks.lessons.parallelism",
    "tasks.lessons.pools",
    "tasks.lessons.submit",
    "tasks.lessons.coroutines.waiting",
    "tasks.lessons.coroutines.blocking",
    "tasks.lessons.coroutines.hub_watch",
    "tasks.lessons.echo",
    "tasks.lessons.io_models.tasks",
    "tasks.lessons.hybrid",
    "tasks.lessons.free_threading.tasks",
)

# JSON only, because unpickling a message runs whatever code its sender put into it.
task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]
result_accept_content = ["json"]

# Acknowledge a task when it is done, not when it is received, so that the tasks of a dead worker
# are redelivered. A task may then run twice; all tasks here can.
task_acks_late = True
# The same if only the slot's process dies (out of memory, segmentation fault) and the worker
# survives; without this setting, Celery acknowledges such a task as failed.
task_reject_on_worker_lost = True

# One message per slot and none in reserve: a message that waits behind a long task in one worker
# could already run in another.
worker_prefetch_multiplier = 1

broker_transport_options = {
    # Workers with `-I worker.startup` have keys of their own and a heartbeat: their messages are
    # redelivered some 10 s after they die, and never while they live (docs/dead-letters.md). Those
    # of other consumers are redelivered if they are not acknowledged for this long; it must exceed
    # the longest task, or a task is started again while it still runs.
    "visibility_timeout": LONGEST_TASK_S + 15,
    # Any worker redelivers all messages noted under these keys that are older than its own timeout.
    # With kombu's names, it would redeliver those of other projects that share the Redis.
    "unacked_key": "poolwise:unacked",
    "unacked_index_key": "poolwise:unacked_index",
    "unacked_mutex_key": "poolwise:unacked_mutex",
    # Check for such messages every second: kombu's default of 10 × 10 delays recovery by up to
    # 100 s.
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    # Each acknowledgement needs a connection while it is sent. With kombu's limit of 10, a gevent
    # worker with 100 slots fails with MaxConnectionsError. Connections are opened only on demand.
    "max_connections": 2_000,
    # Give up a connection whose other end has been silent for this long. Without the options, the
    # kernel takes 15 minutes if it has data to deliver, and 2 hours if it has not; meanwhile the
    # worker waits for an answer, runs no task and logs nothing.
    "socket_keepalive": True,
    "socket_keepalive_options": give_up_after(SILENT_CONNECTION_S),
    # Such as the key prefix of a Redis that several projects share.
    **from_environment(os.environ),
}

# Wait for a broker that starts after the worker: a cluster guarantees no start order.
broker_connection_retry_on_startup = True
# Also reconnect if Redis refuses a command, because it is full, read-only or loading its data. By
# default, the worker ends.
broker_channel_error_retry = True

# Results are kept for an hour; measured runs do not store any.
result_expires = 3_600

# Separate queues for CPU-bound and IO-bound tasks, so that different workers can serve them. A
# worker without `-Q` serves both; other queues can be named with `-Q` and when a task is sent. Each
# queue has its own exchange, like queues that Celery creates by name; without it, both would be
# bound to the default queue's exchange.
task_queues = tuple(Queue(name, Exchange(name), routing_key=name) for name in ("cpu", "io"))
task_default_queue = "io"
task_routes = {
    "cpu.*": {"queue": "cpu"},
    "io.*": {"queue": "io"},
    "mixed.*": {"queue": "io"},
}
