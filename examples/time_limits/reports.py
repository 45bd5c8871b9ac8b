"""Makes reports that end early when they take too long: soft time limits."""

import time

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

app = Celery("reports", broker="redis://broker.example.com:6379/0")
app.conf.task_time_limit = 20


@app.task(soft_time_limit=10)
def report(pages):
    """Wait for each page; return what there is when the time is up."""
    done = 0
    try:
        for _ in range(pages):
            time.sleep(0.01)
            done += 1
    except SoftTimeLimitExceeded:
        pass
    return done
