"""Bills customers: writing a bill computes, and sending it waits for a mail server."""

import time

from celery import Celery

app = Celery("office", broker="redis://broker.example.com:6379/0")

#: The lines of the bill that is being written: one at a time, so not safe in threads.
lines = []


@app.task
def write(items):
    """Write a bill, and return its sum."""
    lines.clear()
    for item in range(items):
        if item == items // 2:
            time.sleep(0.01)  # asks a service for the rate of today
        lines.append(f"{item:06d} {item * 0.19:12.2f}")
    return sum(int(line[:6]) for line in lines)


@app.task
def send(address):
    """Wait for a mail server, as if it took 100 ms."""
    time.sleep(0.1)
    return address
