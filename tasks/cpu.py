"""CPU-bound tasks: one that holds the GIL, one that releases it."""

from __future__ import annotations

import hashlib

from tasks.celery import app


@app.task(name="cpu.burn")
def burn(iterations: int) -> int:
    """Run `iterations` loops of integer arithmetic in Python bytecode, which holds the GIL.

    Returns a number that depends on every loop. Raises ValueError if `iterations` is negative.
    """
    if iterations < 0:
        raise ValueError(f"iterations must be 0 or more, not {iterations}")
    total = 0
    for i in range(iterations):
        total = (total * 31 + i) % 1_000_003
    return total


@app.task(name="cpu.digest")
def digest(rounds: int) -> str:
    """Derive a key with `rounds` rounds of PBKDF2-HMAC-SHA256, for which OpenSSL releases the GIL.

    Returns 64 hexadecimal digits. Raises ValueError if `rounds` is less than 1.
    """
    return hashlib.pbkdf2_hmac("sha256", b"poolwise", b"salt", rounds).hex()
