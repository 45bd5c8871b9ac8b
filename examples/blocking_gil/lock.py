"""Waits for a device in C code that holds the GIL."""

import ctypes

from celery import Celery

app = Celery("lock", broker="redis://broker.example.com:6379/0")
# It holds the GIL during a call, as an extension does that was written without a thought for it.
device = ctypes.PyDLL(None)


@app.task
def unlock(ms):
    """Wait for the device; no other thread of the process runs meanwhile."""
    device.usleep(ms * 1000)
    return ms
