"""A native thread in a gevent worker may need a module at the same time as the main thread."""

from __future__ import annotations

import subprocess
import sys

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
from worker.delivery.native import NativeThread

def look_up():
    socket.getaddrinfo("127.0.0.1", 1)

thread = NativeThread(look_up, lambda: None, 60.0)
thread.start()
sleep(0.2)
look_up()
print("both", thread.stop(5.0))
"""


def test_a_native_thread_and_the_main_thread_can_look_up_addresses_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("importing\nboth True\n", "")
