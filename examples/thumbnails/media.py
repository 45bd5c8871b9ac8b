"""Runs another program for each picture: the work is done in a child process."""

import subprocess

from celery import Celery

app = Celery("media", broker="redis://broker.example.com:6379/0")
PICTURE = b"poolwise " * 100_000


@app.task
def shrink(level):
    """Compress a picture with gzip, and return its size."""
    done = subprocess.run(["gzip", f"-{level}"], input=PICTURE, stdout=subprocess.PIPE, check=True)
    return len(done.stdout)
