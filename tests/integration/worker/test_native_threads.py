"""A native thread in a gevent worker may need a module at the same time as the main thread."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.paths import ROOT

#: Both threads look up an address; the module that this needs first takes a while to import.
PROGRAM = """
from gevent import monkey
monkey.patch_all()
import importlib.abc, socket, sys, time
sleep = monkey.get_original("time", "sleep")

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "gevent.threadpool":
            print("importing", flush=True)
            sleep(0.5)

sys.modules.pop("gevent.threadpool", None)
sys.meta_path.insert(0, Slow())

def look_up():
    socket.getaddrinfo("127.0.0.1", 1)

START
sleep(0.2)
look_up()
print("both", STOP)
"""
#: How a native thread is started, and what shows that it has ended.
STARTS = {
    "heart": (
        "from worker.delivery.native import NativeThread\n"
        "thread = NativeThread(look_up, lambda: None, 60.0)\n"
        "thread.start()",
        "thread.stop(5.0)",
    ),
    "lease": (
        "from kombu_lease.native import Waker, start_thread\n"
        "ended = Waker()\n"
        "start_thread(lambda: (look_up(), ended.wake()))",
        "ended.wait(5.0) is None",
    ),
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_native_thread_and_the_main_thread_can_look_up_addresses_at_once(kind: str) -> None:
    start, stop = STARTS[kind]
    program = PROGRAM.replace("START", start).replace("STOP", stop)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("importing\nboth True\n", "")
