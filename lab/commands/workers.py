"""`poolwise workers`: list the running workers of a broker."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from cluster.discovery import DiscoveredWorker, discover_workers
from lab.commands import broker_options, shared_options
from lab.commands.console import for_results
from lab.commands.streams import say
from lab.format import words
from lab.format.tables import Column, print_table
from lab.session.choose import no_worker
from producer.address import redacted
from tasks.errors import WorkerError


@click.command()
@broker_options.running_broker
@shared_options.json_output
def workers(*, as_json: bool, **named: Any) -> int:
    """List all running workers, no matter how they were started.

    Asks the workers through the broker. If one is missing, it may be too busy to answer: run the
    command again. `race --on-running` can measure workers of Poolwise's own app whose column probe
    says yes (-I worker.probe). `switch` can change those whose column switch says yes
    (-I worker.startup).

    \b
    Example:
      poolwise workers
      poolwise workers -A proj
      poolwise workers --broker redis://:PASSWORD@HOST:6379/0 --json
    """
    broker = broker_options.broker_of_workers(named)
    with broker_options.remote_control(broker) as remote:
        found = discover_workers(remote)
    if not found:
        raise WorkerError(no_worker(redacted(broker.url or ""), broker.options))
    if as_json:
        say(msgspec.json.encode(found, order="deterministic").decode())
    else:
        show(found)
    return 0


def show(found: list[DiscoveredWorker]) -> None:
    """Print the workers as a table."""
    hosts = any(worker.host not in worker.node for worker in found)
    headings = ("worker", "pool", "queues", "pid", *(["host"] if hosts else []), "probe", "switch")
    rows = [
        (
            worker.node,
            words.pool(worker.pool, worker.concurrency),
            ", ".join(worker.queues),
            str(worker.pid),
            *([worker.host] if hosts else []),
            _yes(worker.probe),
            _yes(worker.switchable),
        )
        for worker in found
    ]
    columns = [Column(heading=heading, right=heading == "pid") for heading in headings]
    print_table(for_results(), columns, rows)


def _yes(so: bool) -> str:
    return "yes" if so else "no"
