"""Asks a payment service that fails one time in five."""

import random
import time

from celery import Celery

app = Celery("payments", broker="redis://broker.example.com:6379/0")


@app.task
def settle(order):
    """Wait for the service, which is sometimes away."""
    time.sleep(0.04)
    if random.random() < 0.2:
        raise ConnectionError("the payment service did not answer")
    return order
