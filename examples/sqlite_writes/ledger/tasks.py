"""Writes to a SQLite file: only one task at a time can."""

import contextlib
import os
import sqlite3
import tempfile

from celery import shared_task

PATH = os.path.join(tempfile.gettempdir(), "poolwise-example-ledger.db")


@shared_task
def book(amount):
    """Book an amount in a transaction of its own."""
    with contextlib.closing(sqlite3.connect(PATH, timeout=60)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS booking (amount INTEGER)")
        database.execute("INSERT INTO booking VALUES (?)", (amount,))
        database.execute("DELETE FROM booking WHERE rowid < (SELECT max(rowid) FROM booking) - 999")
