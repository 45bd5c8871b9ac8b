"""Hashes passwords: the task computes in C code that releases the GIL."""

import hashlib

from celery import Celery

celery = Celery("accounts", broker="redis://:secret@broker.example.com:6379/3")


@celery.task
def hash_password(password):
    """Return a PBKDF2 hash; OpenSSL releases the GIL while it computes."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 100_000).hex()
