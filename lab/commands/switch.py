"""`poolwise switch`: change the pool of a running worker without losing a task."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from cluster.program import program
from cluster.switching import SwitchEvents, SwitchRequest, SwitchResult
from cluster.switching import switch as switch_worker
from lab.commands import broker_options, shared_options
from lab.commands.option_types import FiniteRange, WholeRange
from lab.commands.streams import say
from lab.format import words
from tasks.settings import LONGEST_TASK_S
from worker.concurrency_limit import MAX_SLOTS
from worker.control import SwitchReply, WorkerInfo
from worker.pools import POOLS, pool_named

#: Default time in seconds that running tasks have to finish.
WAIT_S = LONGEST_TASK_S + 15.0


@click.command()
@click.argument("node")
@click.option("--pool", required=True, metavar="POOL", help=f"One of {', '.join(POOLS)}.")
@click.option(
    "--concurrency",
    type=WholeRange(1, MAX_SLOTS),
    help="Number of slots. [default: the number of cores for prefork, 100 for threads and gevent]",
)
@click.option(
    "--timeout",
    type=FiniteRange(0, 3_600),
    default=WAIT_S,
    show_default=True,
    help=(
        "Seconds to wait for running tasks to finish. If any are still running then, the worker "
        "keeps its pool."
    ),
)
@broker_options.running_broker
@shared_options.json_output
def switch(
    *,
    node: str,
    pool: str,
    concurrency: int | None,
    timeout: float,
    as_json: bool,
    **named: Any,
) -> int:
    """Change the pool of a running worker without losing a task.

    The worker stops fetching, finishes its tasks and restarts with the new flags, in the same
    process and on the same queues. NODE is its name in Flower and in `poolwise workers`; you can
    leave out the @ and the host name. The worker must have been started by the celery command with
    -I worker.startup: see the column switch of `poolwise workers`.

    \b
    Example:
      poolwise switch gevent --pool threads --concurrency 32
      poolwise switch gevent@worker-1 --pool prefork --timeout 300
      poolwise switch celery@host --pool threads -A proj
    """
    wanted = pool_named(pool)
    if concurrency is not None:
        shared_options.check_fixed(wanted, concurrency)
    request = SwitchRequest(pool=wanted.name, concurrency=concurrency, wait_s=timeout)
    broker = broker_options.broker_of_workers(named)
    try:
        with broker_options.remote_control(broker) as remote:
            done = switch_worker(remote, node, request, _Progress().events())
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; if {node} has accepted the switch, it goes on: see {program()} workers"
        ) from None
    if as_json:
        say(msgspec.json.encode(done).decode())
        return 0
    for line in _lines(done):
        say(line)
    return 0


def _lines(done: SwitchResult) -> list[str]:
    if not done.command:
        return [f"{done.node} already has this pool: {_what(done.after)}"]
    return [
        f"before   {done.node}   {_what(done.before)}",
        f"after    {done.node}   {_what(done.after)}   ready after {words.duration(done.took_s)}",
    ]


def _what(info: WorkerInfo) -> str:
    return f"{words.pool(info.pool, info.concurrency)}, pid {info.pid}"


class _Progress:
    """Prints what the switch waits for to stderr, one line for each change."""

    def __init__(self) -> None:
        self._said = ""

    def events(self) -> SwitchEvents:
        """Return the callbacks for the switch."""
        return SwitchEvents(accepted=self._accepted, waiting=self._waiting)

    def _accepted(self, accepted: SwitchReply) -> None:
        for line in accepted.warnings:
            say(line, progress=True)

    def _waiting(self, info: WorkerInfo | None) -> None:
        if info is None or not info.switching:
            self._say("restarting with the new flags …")
        elif info.running:
            tasks = "1 running task" if info.running == 1 else f"{info.running} running tasks"
            self._say(f"waiting for {tasks} …")

    def _say(self, line: str) -> None:
        if line != self._said:
            say(line, progress=True)
        self._said = line
