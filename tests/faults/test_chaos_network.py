"""A link really drops, delays and forgets; it needs root, and nothing of it is left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from cluster.local import LocalCluster
from cluster.wait import wait_until
from lab.chaos.network.link import Link, start_link, why_no_links
from lab.chaos.network.link_server import addresses
from lab.chaos.network.packets import DELAY_S
from lab.chaos.trial.broker import TrialBroker, port_of
from lab.results.chaos import ChaosCell, ChaosResult
from lab.results.files import read
from tasks.errors import WorkerError
from tasks.settings import SILENT_CONNECTION_S
from tests.command import poolwise, running
from worker.pools import DEFAULT_POOLS

#: A client in the namespace that sends each line it reads to a server, and prints the outcome.
CLIENT = """
import redis, sys, time
from redis.retry import Retry
from redis.backoff import NoBackoff
clients = {
    name: redis.Redis(host, int(port), socket_timeout=float(patience), retry=Retry(NoBackoff(), 0))
    for name, host, port, patience in (one.split() for one in sys.argv[1:])
}
open_ones = {name: client.connection_pool.get_connection() for name, client in clients.items()}
print("ready", flush=True)
for line in sys.stdin:
    name = line.strip().removeprefix("new ")
    begun = time.monotonic()
    try:
        if line.startswith("new "):
            open_ones[name] = connection = clients[name].connection_pool.make_connection()
            connection.connect()
        connection = open_ones[name]
        connection.send_command("PING")
        outcome = connection.read_response(disconnect_on_error=False).decode()
    except Exception as error:
        outcome = type(error).__name__
    print(f"{outcome} {time.monotonic() - begun}", flush=True)
"""
#: Connects to an address and a port.
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
#: Seconds that the client waits for an answer: longer than on a slow link.
PATIENCE_S = 1.5


@dataclass
class Linked:
    """A client behind a link."""

    cluster: LocalCluster
    ports: tuple[int, int]  # of the broker and of the records server
    link: Link
    process: subprocess.Popen[str]

    def ask(self, line: str) -> tuple[str, float]:
        """Return what became of a PING, and how many seconds that took."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        outcome, seconds = self.process.stdout.readline().split()
        return outcome, float(seconds)


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[Linked]:
    """Start a broker, a records server, a link to both, and a client at its other end."""
    assert why_no_links() == ""
    (tmp_path / "broker").mkdir()
    with LocalCluster(tmp_path) as cluster:
        broker = TrialBroker(tmp_path / "broker", cluster.reaper, "no")
        cluster.adopt(broker.child)
        ports = broker.port, port_of(cluster.broker_url)
        link = start_link("test", ports, tmp_path, cluster.reaper, cluster.adopt)
        places = (
            f"broker {link.address} {ports[0]} {PATIENCE_S}",
            f"records 127.0.0.1 {ports[1]} {PATIENCE_S}",
        )
        with subprocess.Popen(
            [*link.launcher, sys.executable, "-c", CLIENT, *places],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Linked(cluster, ports, link, process)
            process.kill()


def test_during_a_cut_no_packet_passes_and_no_connection_is_reset(linked: Linked) -> None:
    assert linked.ask("broker")[0] == "PONG"
    linked.link.become("cut")
    assert linked.ask("broker")[0] == "TimeoutError"
    assert linked.ask("new broker")[0] == "TimeoutError"
    assert linked.ask("records")[0] == "PONG"
    assert linked.link.become("whole") > 0


def test_after_a_cut_the_same_connection_goes_on(linked: Linked) -> None:
    linked.link.become("cut")
    assert linked.ask("broker")[0] == "TimeoutError"
    linked.link.become("whole")
    wait_until(
        lambda: linked.ask("broker")[0] == "PONG",
        20,
        lambda: AssertionError("the connection is lost"),
    )


def test_forgotten_connections_stay_silent_and_new_ones_work(linked: Linked) -> None:
    assert linked.ask("broker")[0] == "PONG"
    before = linked.link.forget()
    assert linked.ask("broker")[0] == "TimeoutError"
    assert linked.ask("new broker")[0] == "PONG"
    assert linked.link.become("whole") > before
    assert linked.ask("broker")[0] == "PONG"


def test_on_a_slow_link_each_direction_is_late(linked: Linked) -> None:
    linked.link.become("slow")
    answers = [linked.ask("broker") for _ in range(5)]
    assert all(seconds >= 2 * DELAY_S for outcome, seconds in answers if outcome == "PONG")
    assert linked.link.become("whole") >= 10
    assert "PONG" in [outcome for outcome, _ in answers]


def test_a_link_that_has_died_says_so(linked: Linked) -> None:
    linked.link.child.kill()
    with pytest.raises(WorkerError, match=r"the link test does not answer \(killed by SIGKILL\)"):
        linked.link.become("cut")


def test_a_broker_answers_only_its_own_link(linked: Linked, tmp_path: Path) -> None:
    other = start_link("other", linked.ports, tmp_path, linked.cluster.reaper, linked.cluster.adopt)
    route = ("ip", "route", "add", linked.link.address, "dev", "poolwise0")
    subprocess.run([*other.launcher, *route], check=True)
    outcomes = [
        subprocess.run(
            [*other.launcher, sys.executable, "-c", CONNECT, address, str(linked.ports[0])],
            capture_output=True,
            text=True,
            check=False,
        ).stderr.splitlines()[-1:]
        for address in (other.address, linked.link.address)
    ]
    assert outcomes == [[], ["ConnectionRefusedError: [Errno 111] Connection refused"]]


def test_links_do_not_share_addresses() -> None:
    found = [one for number in range(40_000) for one in addresses(number)]
    assert len(set(found)) == len(found)


def devices() -> set[str]:
    """Return the numbers of this machine's network devices, which are never used again."""
    return {one.read_text() for one in Path("/sys/class/net").glob("poolwise*/ifindex")}


def namespaces(processes: Iterable[psutil.Process]) -> set[str]:
    """Return the network namespaces, except ours, in which these processes run."""
    found = set()
    for one in processes:
        with suppress(OSError):  # it has ended
            found.add(str(Path(f"/proc/{one.pid}/ns/net").readlink()))
    return found - {str(Path("/proc/self/ns/net").readlink())}


def measured(folder: Path) -> ChaosCell:
    """Return the only cell of the only run in a folder."""
    [result] = folder.glob("runs/*/result.json")
    [cell] = read(result, ChaosResult).cells
    return cell


CUT = ("chaos", "--fault", "net-cut", "--pool", "threads", "--settings", "defaults", "--seed", "1")


def test_a_worker_that_was_cut_off_runs_tasks_again(tmp_path: Path) -> None:
    done = poolwise(*CUT, "--kills", "1", cwd=tmp_path, timeout_s=110)
    cell = measured(tmp_path)
    assert (cell.aimed, cell.hits, cell.resumed, cell.skipped) == (1, 1, True, ""), done.stdout
    assert cell.account.accounted == cell.account.submitted > 0
    assert len(cell.first_again_s) == 1


@pytest.mark.parametrize("pool", DEFAULT_POOLS)
@pytest.mark.parametrize(
    "options",
    [("--settings", "poolwise"), ("--settings", "defaults", "--transport", "lease")],
    ids=["poolwise", "lease"],
)
def test_workers_give_up_connections_that_never_answer(
    options: tuple[str, ...], pool: str, tmp_path: Path
) -> None:
    once = ("chaos", "--fault", "net-forgotten", "--pool", pool, "--kills", "1", "--seed", "1")
    done = poolwise(*once, *options, cwd=tmp_path, timeout_s=110)
    cell = measured(tmp_path)
    assert (cell.hits, cell.resumed, cell.skipped) == (1, 1, ""), done.stdout
    assert cell.last_again_s[0] < 2 * SILENT_CONNECTION_S


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_link_when_the_run_ends_early(
    number: signal.Signals, tmp_path: Path
) -> None:
    others = devices()
    with running(*CUT, "--kills", "9", folder=tmp_path) as run:
        run.until(lambda: any(folder.stat().st_size for folder in tmp_path.glob("runs/*/*/ledger")))
        own, inside = devices() - others, namespaces(run.descendants())
        assert len(own) >= len(inside) == 2
        run.signal(number)
        run.ended()
        run.wait_for_descendants()
    wait_until(
        lambda: not own & devices() and not inside & namespaces(psutil.process_iter()),
        10,
        lambda: AssertionError(f"left: {own & devices()}"),
    )
    named = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    assert named.stdout == ""


def test_where_links_are_impossible_the_reason_is_shown_and_the_rest_runs(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(sys.executable)
    faults = ("--fault", "net-cut,exit", "--kills", "1")
    options = ("--pool", "threads", "--settings", "defaults", "--json")
    done = poolwise(
        "chaos", *faults, *options, cwd=tmp_path, env={"PATH": str(tools)}, timeout_s=110
    )
    assert done.returncode == 1
    cells = {one["fault"]: one for one in json.loads(done.stdout)["cells"]}
    assert cells["net-cut"]["skipped"] == (
        "network faults need the program ip, which is not installed"
    )
    assert cells["exit"]["hits"] == 1
