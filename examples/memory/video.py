"""Decodes a frame: every running task needs 150 MB."""

import time

from celery import Celery

app = Celery("video", broker="redis://broker.example.com:6379/0")
MB = 1_000_000


@app.task
def decode(size_mb):
    """Fill so much memory, and keep it for as long as the disk takes."""
    frame = bytearray(b"x" * MB) * size_mb
    time.sleep(1)
    return len(frame)
