"""A tree of processes stays on the cores it was told, all its threads, and gets them back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from cluster.affinity import can_pin, cores_of, pinned_to

pytestmark = pytest.mark.skipif(not can_pin(), reason="this system has no affinity call")

#: A process with a thread and a child, which all wait until our end of the pipe is closed.
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


def everywhere(pid: int) -> set[frozenset[int]]:
    root = psutil.Process(pid)
    threads = [one.id for process in (root, *root.children()) for one in process.threads()]
    assert len(threads) >= 3
    return {frozenset(os.sched_getaffinity(thread)) for thread in threads}


def test_every_thread_of_a_tree_is_held_and_let_go_again(tree: int) -> None:
    before = cores_of(tree)
    one = frozenset({min(before)})
    with pinned_to(one, tree):
        assert everywhere(tree) == {one}
    assert everywhere(tree) == {before}


def test_it_is_let_go_also_where_the_body_fails(tree: int) -> None:
    before = cores_of(tree)
    with pytest.raises(KeyError), pinned_to({min(before)}, tree):
        raise KeyError
    assert everywhere(tree) == {before}


def test_nobody_can_be_held_who_is_not_there() -> None:
    with pytest.raises(ProcessLookupError), pinned_to({0}, 2**22 + 1):
        pytest.fail("there is no such process")
