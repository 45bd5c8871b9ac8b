"""Pinning applies to every thread of a process tree and is undone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from cluster.affinity import can_pin, cores_of, pinned_to

pytestmark = pytest.mark.skipif(not can_pin(), reason="this system has no affinity call")

#: A process with a thread and a child; all wait until we close our end of the pipe.
TREE = """
import subprocess, sys, threading
threading.Thread(target=sys.stdin.read).start()
child = subprocess.Popen([sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"])
child.wait()
"""


@pytest.fixture
def tree() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", TREE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()  # the child has started
    yield process.pid
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def cores_of_all_threads(pid: int) -> set[frozenset[int]]:
    root = psutil.Process(pid)
    threads = [one.id for process in (root, *root.children()) for one in process.threads()]
    assert len(threads) >= 3
    return {frozenset(os.sched_getaffinity(thread)) for thread in threads}


def test_every_thread_of_a_tree_is_pinned_and_unpinned(tree: int) -> None:
    before = cores_of(tree)
    one = frozenset({min(before)})
    with pinned_to(one, tree):
        assert cores_of_all_threads(tree) == {one}
    assert cores_of_all_threads(tree) == {before}


def test_a_tree_is_unpinned_if_the_body_fails(tree: int) -> None:
    before = cores_of(tree)
    with pytest.raises(KeyError), pinned_to({min(before)}, tree):
        raise KeyError
    assert cores_of_all_threads(tree) == {before}


def test_pinning_a_process_that_does_not_exist_fails() -> None:
    with pytest.raises(ProcessLookupError), pinned_to({0}, 2**22 + 1):
        pytest.fail("there is no such process")
