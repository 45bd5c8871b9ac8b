"""Waits for a device in C code that does not yield, but releases the GIL."""

import ctypes

from celery import Celery

app = Celery("scanner", broker="redis://broker.example.com:6379/0")
# It releases the GIL during a call, as most C libraries for databases and devices do.
device = ctypes.CDLL(None)


@app.task
def scan(ms):
    """Wait for the device."""
    device.usleep(ms * 1000)
    return ms
