"""Asks before a command does something that cannot be undone."""

from __future__ import annotations

import sys

import click

from tasks.errors import PoolwiseError, UsageError


def ask(question: str, does: str) -> None:
    """Ask at the terminal; `does` says what the command does.

    Raises UsageError if nobody can see the question or answer it, and PoolwiseError if the answer
    is no.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"this {does}: add --yes if that is what you want")
    if not click.confirm(question, err=True):
        raise PoolwiseError("not confirmed: nothing was run or changed")
