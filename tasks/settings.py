"""The app's settings, each with its reason; where the broker is comes from Celery's own variables.

Names are Celery's: see "Configuration and defaults" in Celery's documentation.
"""

from __future__ import annotations

import os

from kombu import Exchange, Queue

from tasks.tls import tls_options

#: The longest any task of ours may take, in seconds; `visibility_timeout` is chosen to fit it.
LONGEST_TASK_S = 45

# Where. Celery reads these two variables itself; the second follows the first when it is not set,
# so that one address is enough.
broker_url = os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0")
result_backend = os.environ.get("CELERY_RESULT_BACKEND", broker_url)
# What rediss:// URLs say of certificates. Celery reads it there as well, Flower only here.
broker_use_ssl = tls_options(broker_url)
redis_backend_use_ssl = tls_options(result_backend)

# Every module that holds tasks.
imports = (
    "tasks.cpu",
    "tasks.io",
    "tasks.mixed",
    "tasks.faults",
    "tasks.lessons.gil",
    "tasks.lessons.deadlock",
    "tasks.lessons.subtasks",
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

# JSON only: a pickle from the broker would be code that a stranger wrote and our worker runs.
task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]
result_accept_content = ["json"]

# Acknowledge when done, not when taken: what a dying worker held is delivered again. The price is
# that a task can run twice, so every task here may.
task_acks_late = True
# The same when only the slot's process dies (out of memory, segmentation fault) and the worker
# itself lives on; without it Celery acknowledges such a task as failed.
task_reject_on_worker_lost = True

# One message per slot and none in reserve: a message waiting behind a long task in one worker
# could be running in another.
worker_prefetch_multiplier = 1

broker_transport_options = {
    # After this long without acknowledgement a message is delivered again. It must exceed the
    # longest task, or a task is started again while it still runs; beyond that, shorter is better:
    # it is how long a dead worker's tasks stay away.
    "visibility_timeout": LONGEST_TASK_S + 15,
    # Look for such messages every second: kombu's own 10 × 10 adds up to 100 s to each recovery.
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    # Each acknowledgement under way holds a connection. kombu's limit of 10 fails a gevent worker
    # of 100 with MaxConnectionsError; this is an upper bound, connections are opened when needed.
    "max_connections": 2_000,
    # Notice a broker that vanished without closing the connection.
    "socket_keepalive": True,
}

# Start before the broker does: in a cluster the order of starting is nobody's to promise.
broker_connection_retry_on_startup = True

# Results are for whoever asks soon; measured runs do not store them at all.
result_expires = 3_600

# CPU and IO apart, so that one kind of worker can serve each. A worker without `-Q` serves both;
# any other queue can be named in `-Q` and when a task is sent. Each has an exchange of its own, as
# queues made by name have: left out, both would be bound to that of the default queue.
task_queues = tuple(Queue(name, Exchange(name), routing_key=name) for name in ("cpu", "io"))
task_default_queue = "io"
task_routes = {
    "cpu.*": {"queue": "cpu"},
    "io.*": {"queue": "io"},
    "mixed.*": {"queue": "io"},
}
