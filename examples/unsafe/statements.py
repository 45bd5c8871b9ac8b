"""Writes statements with print: not safe in threads, because sys.stdout belongs to all of them."""

import contextlib
import io
import time

from celery import Celery

app = Celery("statements", broker="redis://broker.example.com:6379/0")


@app.task
def statement(customer):
    """Return the printed lines of a customer's statement."""
    page = io.StringIO()
    with contextlib.redirect_stdout(page):
        print("Statement for", customer)
        time.sleep(0.03)  # as for a query
        print("Balance: 0")
    return page.getvalue()
