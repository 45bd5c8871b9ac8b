"""Renders a page: 50 ms of waiting for a service, then a few ms of Python."""

import time

from celery import shared_task


@shared_task
def render(rows):
    """Wait for the rows, as for a slow service, and make a page of them."""
    time.sleep(0.05)
    return len("".join(f"<tr><td>{row}</td><td>{row * row}</td></tr>" for row in range(rows)))
