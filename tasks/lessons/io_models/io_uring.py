"""Asynchronous IO by the kernel itself: io_uring, through the binding `liburing`.

The binding is optional, and a kernel or a container may not allow io_uring.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from tasks.lessons.io_models.sockets import CHUNK_BYTES, Sockets
from tasks.lessons.notebook import Notebook

BINDING: Final = "liburing"


def unavailable() -> str:
    """Return why io_uring cannot be used here; empty if it can."""
    if find_spec(BINDING) is None:
        return f"the binding is not installed (pip install {BINDING}; Linux only)"
    try:
        uring: Any = import_module(BINDING)
        ring = uring.Ring()
        uring.io_uring_queue_init(1, ring)
        uring.io_uring_queue_exit(ring)
    except (OSError, ImportError, RuntimeError) as error:
        return f"the kernel or the container does not allow it ({error})"
    return ""


def read(sockets: Sockets, notebook: Notebook) -> None:
    """Pass all requests and buffers to the kernel in one call, then wait for completions."""
    uring: Any = import_module(BINDING)
    ring, done = uring.Ring(), uring.Cqe()
    uring.io_uring_queue_init(2 * len(sockets), ring)
    try:
        with notebook.noting("computes", "ask"):
            buffers = [bytearray(CHUNK_BYTES) for _ in range(len(sockets))]
            requests = [sockets.request(number) for number in range(len(sockets))]
            for number, buffer in enumerate(buffers):
                handle = sockets[number].fileno()
                entry = uring.io_uring_get_sqe(ring)
                uring.io_uring_prep_send(entry, handle, requests[number], 0)
                entry.user_data = 0
                entry = uring.io_uring_get_sqe(ring)
                uring.io_uring_prep_recv(entry, handle, buffer, 0)
                entry.user_data = number + 1
            uring.io_uring_submit(ring)
        while sockets.left and not sockets.late:
            with notebook.noting("waits", "io_uring"):
                uring.io_uring_wait_cqe_timeout(ring, done, uring.timespec(sockets.bound_s))
            with notebook.noting("computes", "read"):
                entry = done[0]
                length, number = entry.res, entry.user_data
                uring.io_uring_cqe_seen(ring, entry)
                if number:
                    sockets.took(number - 1, length)
    finally:
        uring.io_uring_queue_exit(ring)
