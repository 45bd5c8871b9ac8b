"""Answers queries, and keeps every answer forever: it leaks 50 kB with each task."""

import time

from celery import Celery

app = Celery("search", broker="redis://broker.example.com:6379/0")
answers = []


@app.task
def find(word):
    """Search, and put the answer into a cache that nothing is ever removed from."""
    time.sleep(0.05)
    answers.append((word * 50_000)[:50_000])
    return len(word)
