"""`poolwise up` runs a complete cluster until Ctrl-C, then removes it."""

from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

from tests.command import RunningCommand, running
from worker.pools import DEFAULT_POOLS

ANY_PORTS = ("--port", "0", "--flower-port", "0")


def address_of(what: str, up: RunningCommand) -> str:
    """Return the text after a label in the command's output."""
    [line] = [line for line in up.output().splitlines() if line.startswith(what)]
    return line.split()[1]


def test_a_cluster_runs_until_ctrl_c(tmp_path: Path) -> None:
    with running("up", *ANY_PORTS, folder=tmp_path) as up:
        up.until(lambda: "Ctrl-C stops everything" in up.output())
        url = address_of("Flower", up)
        nodes = [f"{pool}@poolwise" for pool in DEFAULT_POOLS]
        for node in nodes:
            assert node in up.output()
        assert "Throughput" in page(address_of("charts", up))
        up.until(lambda: all(node in page(f"{url}/workers") for node in nodes), timeout_s=20)
        assert up.descendants()
        up.signal(signal.SIGINT)
        assert up.ended() == 130
        up.wait_for_descendants()


def test_a_worker_that_dies_stops_the_cluster_and_its_log_is_shown(tmp_path: Path) -> None:
    with running("up", *ANY_PORTS, "--pools", "threads", folder=tmp_path) as up:
        up.until(lambda: "Ctrl-C stops everything" in up.output())
        assert "queues threads, io, cpu" in up.output()  # no queue is left without a worker
        [worker] = [p for p in up.descendants() if "worker" in p.cmdline()]
        worker.kill()
        assert up.ended() == 4
        assert "killed by SIGKILL" in up.output()
        up.wait_for_descendants()


def test_variables_for_another_flower_do_not_move_this_one(tmp_path: Path) -> None:
    env = {
        "FLOWER_URL_PREFIX": "flower",
        "FLOWER_CERTFILE": "no.crt",
        "FLOWER_KEYFILE": "no.key",
        "FLOWER_UNIX_SOCKET": str(tmp_path / "flower.sock"),
    }
    with running("up", *ANY_PORTS, "--pools", "threads", folder=tmp_path, env=env) as up:
        up.until(lambda: "Ctrl-C stops everything" in up.output())
        assert "Throughput" in page(address_of("charts", up))


def page(url: str) -> str:
    """Fetch a page from Flower."""
    with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 - on loopback
        return str(reply.read().decode())
