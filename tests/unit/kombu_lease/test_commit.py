"""Requests of several threads travel together, and each thread gets its own reply."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from cluster.wait import wait_until
from kombu_lease.commit import GroupCommit


class Wire:
    """Answers each number with its double, once the test lets it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = threading.Event()
        self.errors: dict[int, BaseException] = {}  # by the number of the batch

    def send(self, numbers: Sequence[int]) -> list[int]:
        """Answer a batch."""
        self.batches.append(list(numbers))
        batch = len(self.batches) - 1
        assert self.open.wait(20)
        if batch in self.errors:
            raise self.errors[batch]
        return [2 * number for number in numbers]

    def send_apart(self, number: int) -> int:
        """Answer a request on another connection."""
        return -number


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    wait_until(condition, 20, lambda: AssertionError("not in time"))


def test_what_comes_while_a_batch_is_under_way_is_one_batch() -> None:
    wire = Wire()
    commit = GroupCommit(wire.send, wire.send_apart)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(commit, 0, 1)
        until(lambda: wire.batches)
        others = [pool.submit(commit, number, 1) for number in range(1, 9)]
        until(lambda: len(commit._waiting) == 8)
        wire.open.set()
        assert [one.result(20) for one in (first, *others)] == [2 * n for n in range(9)]
    assert [len(batch) for batch in wire.batches] == [1, 8]


def test_a_batch_has_a_limit_in_bytes() -> None:
    wire = Wire()
    commit = GroupCommit(wire.send, wire.send_apart)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(commit, 0, 1)
        until(lambda: wire.batches)
        others = [pool.submit(commit, number, 3_000_000) for number in (1, 2, 3)]
        until(lambda: len(commit._waiting) == 3)
        wire.open.set()
        assert [one.result(20) for one in (first, *others)] == [0, 2, 4, 6]
    assert [len(batch) for batch in wire.batches] == [1, 2, 1]


def test_each_thread_of_a_failed_batch_raises_its_own_error() -> None:
    wire = Wire()
    wire.errors[1] = ConnectionError("gone")
    commit = GroupCommit(wire.send, wire.send_apart)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(commit, 0, 1)
        until(lambda: wire.batches)
        others = [pool.submit(commit, number, 1) for number in (1, 2)]
        until(lambda: len(commit._waiting) == 2)
        wire.open.set()
        assert first.result(20) == 0
        one, other = (future.exception(20) for future in others)
    assert repr(one) == repr(other) == "ConnectionError('gone')"
    assert one is not other
    assert commit(5, 1) == 10


def test_an_interrupted_thread_leaves_the_others_to_the_next() -> None:
    wire = Wire()
    wire.errors[1] = KeyboardInterrupt()
    commit = GroupCommit(wire.send, wire.send_apart)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(commit, 0, 1)
        until(lambda: wire.batches)
        others = [pool.submit(commit, number, 1) for number in (1, 2)]
        until(lambda: len(commit._waiting) == 2)
        wire.open.set()
        assert first.result(20) == 0
        stopped = [isinstance(future.exception(20), KeyboardInterrupt) for future in others]
    assert sorted(stopped) == [False, True]
    left = 1 + stopped.index(False)
    assert others[left - 1].result() == 2 * left
    assert wire.batches == [[0], [1, 2], [left]]


def test_a_signal_handler_may_store_while_its_thread_sends() -> None:
    replies = []

    def send(numbers: Sequence[int]) -> list[int]:
        replies.append(commit(7, 1))
        return [2 * number for number in numbers]

    commit: GroupCommit[int] = GroupCommit(send, Wire().send_apart)
    assert commit(1, 1) == 2
    assert replies == [-7]


def test_a_forked_process_begins_without_requests() -> None:
    wire = Wire()
    commit = GroupCommit(wire.send, wire.send_apart)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(commit, 0, 1)
        until(lambda: wire.batches)
        pid = os.fork()
        if not pid:  # the turn was another thread's, which does not exist here
            wire.open.set()
            os._exit(commit(21, 1))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
        wire.open.set()
        assert first.result(20) == 0


def test_many_threads_get_their_own_replies() -> None:
    commit = GroupCommit(lambda numbers: [2 * number for number in numbers], Wire().send_apart)

    def ask(first: int) -> list[int]:
        return [commit(number, 1_000_000) for number in range(first, first + 300)]

    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(ask, 300 * thread) for thread in range(16)]
        found = [reply for answer in answers for reply in answer.result(40)]
    assert found == [2 * number for number in range(300 * 16)]
