"""Runs several commands at the same time, because each spends most of its time waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")

#: Commands that run at the same time.
AT_ONCE = 4


@contextmanager
def side_by_side(trials: Mapping[K, Callable[[], T]]) -> Iterator[Mapping[K, Future[T]]]:
    """Start all trials, `AT_ONCE` at a time; on exit, wait for those that run."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield {name: pool.submit(trial) for name, trial in trials.items()}
    finally:
        pool.shutdown(cancel_futures=True)
