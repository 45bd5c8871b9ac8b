"""Watches a gevent worker for code that does not yield, and names the line.

A greenlet sleeps for a moment again and again. If it wakes late, something has kept the hub for
itself. A native thread then looks at what the main thread runs. The worker loads this file with
`-I`; it imports only gevent and the standard library, and writes what it saw to POOLWISE_PULSE.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
import time

BEAT_S = 0.005
#: A delay that counts as a stall, in seconds: longer than the kernel may keep a thread waiting.
STALL_S = 0.02
WRITE_S = 0.5
#: Code that is never to blame: it runs what is.
OURS = tuple(
    os.sep + name + os.sep for name in ("celery", "kombu", "billiard", "gevent", "greenlet", "vine")
)
#: Every task is called from here; what runs without it, such as the start, is not a task.
TRACER = os.path.join("celery", "app", "trace.py")
LIBRARY = sysconfig.get_paths()["stdlib"]


class Pulse:
    """Counts how long each line kept the hub from running other greenlets."""

    def __init__(self, path):
        from gevent import monkey

        self._path = path
        self._sleep = monkey.get_original("time", "sleep")
        # The kernel's thread, not the greenlet that gevent's patches take for one.
        self._main = monkey.get_original("_thread", "get_ident")()
        self._beat = time.monotonic()
        self.stalls = {}  # (line, call): [number, seconds, longest, seconds that were not waiting]
        self.since = time.monotonic()

    def beat(self):
        """Note that the hub runs; called in a greenlet of its own."""
        import gevent

        while True:
            self._beat = time.monotonic()
            gevent.sleep(BEAT_S)

    def watch(self):
        """Look for stalls, in a thread of the kernel."""
        written = time.monotonic()
        place, busy_s = None, 0.0
        while True:
            self._sleep(BEAT_S)
            beat, now = self._beat, time.monotonic()
            if now - beat > STALL_S:
                if place is None:
                    busy_s = _busy_s()
                    place, started = self._place(), beat
                elif beat == started:
                    place = self._place() or place
            if place is not None and beat != started:
                self._add(place, beat - started - BEAT_S, _busy_s() - busy_s)
                place = None
            if now - written > WRITE_S:
                written = now
                self._write(now)

    def _place(self):
        """Return the line of the task that runs, and what it calls; None if no task runs."""
        frame = sys._current_frames().get(self._main)
        place, call = None, ""
        while frame is not None:
            path = frame.f_code.co_filename
            if path.endswith(TRACER):
                return place or (("", call) if call else None)
            if place is None and not path.startswith("<") and not any(one in path for one in OURS):
                if "site-packages" in path or path.startswith(LIBRARY):
                    call = call or "%s in %s" % (frame.f_code.co_name, _short(path))
                elif not os.path.basename(path).startswith("poolwise_"):
                    place = ("%s:%d" % (path, frame.f_lineno), call or frame.f_code.co_name)
            frame = frame.f_back
        return None

    def _add(self, place, seconds, busy_s):
        one = self.stalls.setdefault(place, [0, 0.0, 0.0, 0.0])
        one[0] += 1
        one[1] += seconds
        one[2] = max(one[2], seconds)
        one[3] += busy_s

    def _write(self, now):
        found = [
            {
                "line": place[0],
                "call": place[1],
                "count": one[0],
                "total_s": one[1],
                "longest_s": one[2],
                "busy_s": one[3],
            }
            for place, one in sorted(self.stalls.items(), key=lambda item: -item[1][1])[:20]
        ]
        with open(self._path + ".part", "w", encoding="utf-8") as file:
            json.dump({"seconds": now - self.since, "stalls": found}, file)
        os.replace(self._path + ".part", self._path)


def _busy_s():
    """Return for how many seconds the main thread has computed, or was ready to, so far.

    A thread that other programs keep from a core does not wait in the code. 0 if the system does
    not say.
    """
    try:
        # On Linux, the main thread has the number of the process.
        with open("/proc/self/task/%d/schedstat" % os.getpid(), encoding="ascii") as file:
            running_ns, ready_ns = file.read().split()[:2]
        return (int(running_ns) + int(ready_ns)) / 1e9
    except (OSError, ValueError):
        return 0.0


def _short(path):
    return os.sep.join(path.rsplit(os.sep, 2)[-2:])


def start(path):
    """Begin to watch; without gevent's patches there is no hub to watch."""
    from gevent import monkey, spawn

    if not monkey.is_module_patched("socket"):
        return
    pulse = Pulse(path)
    spawn(pulse.beat)
    native = monkey.get_original("_thread", "start_new_thread")
    native(pulse.watch, ())


if os.environ.get("POOLWISE_PULSE") and "gevent" in sys.modules:
    start("%s.%d" % (os.environ["POOLWISE_PULSE"], os.getpid()))
