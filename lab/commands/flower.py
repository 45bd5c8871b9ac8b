"""`poolwise flower`: Flower with the Throughput page, for workers that are already running."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from cluster.celery_variables import celery_variables
from cluster.flower import config_file
from cluster.ports import HIGHEST_PORT, claimed_port
from lab.commands import broker_options
from lab.commands.option_types import WholeRange
from lab.commands.streams import say
from monitor.access import VARIABLE, AccessSettings, check, is_loopback, read_logins
from producer.address import redacted, with_checked_certificate
from producer.broker import connect

#: Flower's default port.
PORT = 5555
LOOPBACK = "127.0.0.1"


@click.command()
@click.option(
    "--port",
    type=WholeRange(0, HIGHEST_PORT),
    default=PORT,
    show_default=True,
    help="Flower's port; 0 picks a free one.",
)
@click.option(
    "--address",
    default=LOOPBACK,
    show_default=True,
    help="The address to listen on. An address that other machines can reach needs a login: set "
    "FLOWER_BASIC_AUTH=user:password or FLOWER_BASIC_AUTH_FILE.",
)
@broker_options.running_broker
def flower(*, port: int, address: str, **named: Any) -> int:
    """Run Flower with the Throughput page for running workers.

    Stop it with Ctrl-C.

    Your workers are not restarted. Flower switches on their task events, from which the page counts
    the tasks. If you load worker.probe into them (-I worker.probe), it also shows their CPU, memory
    and exact times. Once Flower runs, the exit code is Flower's own: 0 after Ctrl-C.

    \b
    Example:
      poolwise flower --broker redis://:PASSWORD@HOST:6379/0
      poolwise flower -A proj
      poolwise flower --port 0
    """
    _check_access(address, port)
    broker = broker_options.broker_of_workers(named).url or ""
    connect(broker, "Check that --broker names the broker of your workers.").close()
    chosen = claimed_port(port, "Flower") if is_loopback(address) or port == 0 else port
    for line in _places(address, chosen, os.environ):
        say(line)
    say(f"broker   {redacted(broker)}")
    say("Ctrl-C stops Flower; the workers keep running.")
    _become_flower(broker, address, chosen)
    return 0


def _places(address: str, port: int, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the lines that say where Flower is, which its variables may change."""
    prefix = environ.get("FLOWER_URL_PREFIX", "").strip("/")
    path = f"/{prefix}" if prefix else ""
    if socket := environ.get("FLOWER_UNIX_SOCKET"):
        return f"Flower   {path}/ on the Unix socket {socket}", f"charts   {path}/throughput there"
    has_tls = environ.get("FLOWER_CERTFILE") and environ.get("FLOWER_KEYFILE")
    host = LOOPBACK if address == "localhost" else address
    netloc = f"[{host}]" if ":" in host else host
    url = f"{'https' if has_tls else 'http'}://{netloc}:{port}{path}"
    return f"Flower   {url}", f"charts   {url}/throughput"


def _check_access(address: str, port: int) -> None:
    """Raise the UsageError with which Flower would refuse, before its address is announced."""
    text = os.environ.get(VARIABLE)
    given = () if text is None else text.split(",")  # as Flower splits it
    settings = AccessSettings(
        address=address,
        unix_socket=os.environ.get("FLOWER_UNIX_SOCKET", ""),
        basic_auth=read_logins(given, os.environ),
        oauth=bool(os.environ.get("FLOWER_AUTH")),
        port=port,
    )
    check(settings, os.environ)


def _become_flower(broker: str, address: str, port: int) -> None:
    """Replace this process with Flower; the broker's address goes where `ps` does not show it."""
    command = [
        # Without -P, modules in the user's folder would hide ours.
        *(sys.executable, "-P", "-m", "celery", "--quiet", "flower"),
        *(f"--conf={config_file()}", f"--address={address}", f"--port={port}"),
    ]
    sys.stdout.flush()
    variables = {**os.environ, **celery_variables(with_checked_certificate(broker))}
    os.execve(sys.executable, command, variables)  # noqa: S606 - no shell is wanted
