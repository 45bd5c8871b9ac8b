"""Sends tasks and reads the shared ledger from inside the network of docker compose.

Run in a container as `python -m lab.chaos.compose.feed RUN QUEUE TASK_S AHEAD`. It prints a JSON
array per line: what it sent, each new line of the ledger, and at the end what is left in the
broker. On stdin, `stop` ends the sending; `end`, or the end of the input, ends the program.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from lab.chaos.trial.book import Book, Sent
from lab.chaos.trial.feeder import Feeder, Load
from lab.chaos.trial.leftovers import dead_ids, left_ids
from producer import broker
from tasks.celery import app
from tasks.chaos.ledger import Line
from tasks.chaos.shared_ledger import PREFIX
from tasks.settings import broker_url

#: Seconds between two looks at the ledger.
LOOK_S = 0.2
#: How often the broker is asked before it counts as gone.
ATTEMPTS = 6

T = TypeVar("T")


class _Printed(Book):
    """A book that prints every submission."""

    def __init__(self) -> None:
        super().__init__(_Nothing())

    def add(self, sent: Sent) -> None:
        """Print a submission."""
        _say("sent", sent.task_id, sent.at_s, sent.known)


class _Nothing:
    """A ledger without lines: the other side reads them."""

    def new(self) -> list[Line]:
        """Return nothing."""
        return []


def main() -> None:
    """Send and read until stdin says otherwise."""
    run, queue, task_s, ahead = sys.argv[1:]
    app.loader.import_default_modules()
    key = PREFIX + run
    load = Load(queue=queue, task_s=float(task_s), ahead=int(ahead), key=key)
    feeder = Feeder(app, broker_url, load, _Printed())
    ended = threading.Event()
    threading.Thread(target=_obey, args=(feeder, ended), daemon=True).start()
    _say("transport", app.conf.broker_transport or "stock")
    _say("now", time.monotonic())
    feeder.start()
    seen = 0
    while not ended.wait(LOOK_S):
        seen = _patiently(partial(_print_lines, key=key, seen=seen))
    _patiently(partial(_print_lines, key=key, seen=seen))
    left, dead = _patiently(lambda client: (left_ids(client, queue), dead_ids(client)))
    _patiently(lambda client: client.delete(key))
    _say("left", sorted(left), sorted(dead))


def _patiently(ask: Callable[[Any], T]) -> T:
    """Ask the broker; try again if it does not answer, as on a machine that is too busy."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with broker.connection(app) as connection:
                channel: Any = connection.default_channel
                with channel.conn_or_acquire() as client:
                    return ask(client)
        except Exception as error:
            if attempt == ATTEMPTS or not broker.is_broker_fault(error):
                raise
    raise AssertionError("the last attempt returns or raises")


def _obey(feeder: Feeder, ended: threading.Event) -> None:
    for line in sys.stdin:
        if line.strip() == "now":
            _say("now", time.monotonic())
        elif line.strip() == "stop":
            feeder.stop()
            _say("stopped")
        else:
            break
    feeder.stop()
    ended.set()


def _print_lines(client: Any, key: str, seen: int) -> int:
    rows = client.lrange(key, seen, -1)
    for row in rows:
        _say("line", row.decode())
    return seen + len(rows)


_saying = threading.Lock()


def _say(*parts: object) -> None:
    with _saying:
        sys.stdout.write(f"{json.dumps(parts)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
