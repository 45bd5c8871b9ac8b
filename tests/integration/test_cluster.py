"""The cluster starts its children, measures them and always stops them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from cluster import ports
from cluster.footprint import MemoryWatch, children_bytes, cpu_s, pss_bytes
from cluster.local import LocalCluster, WorkerSpec
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.signals import deferred_signals
from cluster.wait import wait_until
from producer import broker
from tasks.errors import BrokerError, UsageError, WorkerError

#: It lives, and so does its child, until the test kills them.
STUBBORN = """
import signal, subprocess, sys, tempfile, time
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", tempfile.mkdtemp(), flush=True)
time.sleep(60)
"""


def python(script: str, folder: Path, reaper: Reaper) -> Child:
    return Child("script", [sys.executable, "-c", script], log=folder / "log", registry=reaper)


def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(tmp_path: Path) -> None:
    reaper = Reaper()
    child = python(STUBBORN, tmp_path, reaper)
    wait_until(lambda: "ready" in child.log_tail(), 10, lambda: AssertionError(child.log_tail()))
    [grandchild] = psutil.Process(child.pid).children()
    child.ask_to_stop()
    wait_until(lambda: "asked" in child.log_tail(), 10, lambda: AssertionError(child.log_tail()))
    child.stop(grace_s=0.1)
    assert child.how_it_ended() == "killed by SIGKILL"
    assert child.log.read_text().count("asked") == 1
    wait_until(lambda: not grandchild.is_running(), 5, lambda: AssertionError(str(grandchild)))
    assert list(reaper.scratch.iterdir())
    reaper.close()
    assert not reaper.scratch.exists()


def test_the_reaper_stops_the_children_of_a_killed_process(tmp_path: Path) -> None:
    owner = f"""
import sys
from pathlib import Path
from cluster.process import Child
from cluster.reaper import Reaper
reaper = Reaper()
child = Child("c", [sys.executable, "-c", "import time; time.sleep(60)"],
              log=Path({str(tmp_path / "log")!r}), registry=reaper)
print(child.pid, flush=True)
print(reaper.scratch, flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", owner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        scratch = Path(process.stdout.readline().strip())
        assert child.is_running()
        assert scratch.is_dir()
        process.kill()
    wait_until(lambda: not child.is_running(), 10, lambda: AssertionError(str(child)))
    wait_until(lambda: not scratch.exists(), 10, lambda: AssertionError(str(scratch)))


#: Starts a child and is killed before it has even seen that the child runs.
KILLED_AT_ONCE = """
import os, signal, subprocess, sys
from pathlib import Path
from cluster import process, reaper

class Killing(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        print(self.pid, ours.scratch, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

ours = reaper.Reaper()
process.subprocess.Popen = Killing
process.Child("c", ["sleep", "60"], log=Path("log"), registry=ours)
"""


def test_the_reaper_stops_a_child_whose_parent_was_killed_while_starting_it(tmp_path: Path) -> None:
    owner = subprocess.run(
        [sys.executable, "-c", KILLED_AT_ONCE],
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
        cwd=tmp_path,
    )
    assert owner.returncode == -signal.SIGKILL
    pid, scratch = owner.stdout.split()
    wait_until(lambda: not psutil.pid_exists(int(pid)), 10, lambda: AssertionError(pid))
    wait_until(lambda: not Path(scratch).exists(), 10, lambda: AssertionError(scratch))


def test_a_child_is_the_program_itself_without_input(tmp_path: Path) -> None:
    script = (
        "import os, sys; print(os.getpid(), os.getpgid(0), sys.stdin.read(), os.listdir('/dev/fd'))"
    )
    reaper = Reaper()
    child = python(script, tmp_path, reaper)
    wait_until(lambda: not child.alive, 10, lambda: AssertionError(child.log_tail()))
    assert child.log_tail().split()[:3] == [str(child.pid), str(child.pid), "['0',"]
    assert child.log_tail().count(",") == 3  # three streams, and the listing itself
    child.kill()
    reaper.close()


@pytest.mark.parametrize("lives_s", [0.0, 0.5])
def test_a_server_that_dies_soon_after_it_caused_an_error_is_blamed(
    lives_s: float, tmp_path: Path
) -> None:
    # A dying process closes its connections first, and on a busy machine it takes a while to end.
    with LocalCluster(tmp_path) as cluster:
        server, _ = cluster.start_echo_server("asyncio")
        end = threading.Timer(lives_s, os.kill, (server.pid, signal.SIGKILL))
        end.start()
        with pytest.raises(WorkerError, match="echo server asyncio died"), cluster.blamed():
            raise ConnectionResetError
        end.join()


def test_a_deferred_signal_is_raised_after_the_block() -> None:
    steps = []

    def interrupted() -> None:
        with deferred_signals():
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("after the signal")
        steps.append("after the block")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert steps == ["after the signal"]


def test_the_embedded_broker_listens_only_on_loopback_until_the_cluster_stops(
    tmp_path: Path,
) -> None:
    with LocalCluster(tmp_path) as cluster:
        assert "valkey" in broker.version(cluster.redis) or "redis" in broker.version(cluster.redis)
        port = int(cluster.broker_url.rpartition(":")[2].partition("/")[0])
        # Brokers of other tests may be running; ours has this working directory.
        [child] = [c for c in psutil.Process().children() if c.cwd() == str(tmp_path)]
        listening = {tuple(c.laddr) for c in child.net_connections() if c.status == "LISTEN"}
        assert listening == {(ports.LOOPBACK, port)}
    assert not ports.is_listening(port)


def test_the_error_for_a_worker_that_dies_while_starting_contains_its_log(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as cluster:
        spec = WorkerSpec(
            name="broken",
            pool="threads",
            concurrency=1,
            queues=("q",),
            broker_url=cluster.broker_url,
            flags=("--no-such-flag",),
        )
        with pytest.raises(WorkerError, match="no-such-flag"):
            cluster.start_workers([spec])


def test_port_0_means_any_free_port_and_an_invalid_port_is_rejected() -> None:
    port = ports.claimed_port(0, "a test")
    assert ports.claimed_port(port, "a test") == port
    with pytest.raises(UsageError, match="is not available for a test"):
        ports.claimed_port(70_000, "a test")


def test_the_cpu_time_of_a_process_tree_includes_its_children() -> None:
    burn = "import subprocess, sys; [subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"
    burn += " for _ in range(2)]; print('done', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        own = psutil.Process(process.pid).cpu_times()
        assert cpu_s(process.pid) > own.user + own.system
        process.kill()


def test_shared_memory_is_not_counted_twice() -> None:
    hold = "import os, sys; data = bytearray(80_000_000)\nfor _ in range(3):\n"
    hold += "    if os.fork() == 0: sys.stdin.read(); os._exit(0)\n"
    hold += "print('held', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        assert len(tree) == 4
        together = pss_bytes(process.pid)
        apart = sum(member.memory_info().rss for member in tree)
        assert 80_000_000 < together < 0.6 * apart
        for member in tree:
            member.kill()


def test_what_a_child_has_loaded_is_told_from_what_its_parent_has() -> None:
    load = "import os, sys\nif os.fork() == 0:\n    data = bytearray(b'x' * 80_000_000)\n"
    load += "    print('loaded', flush=True); sys.stdin.read(); os._exit(0)\nos.wait()"
    process = subprocess.Popen(
        [sys.executable, "-c", load], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loaded\n"
        in_child, together = children_bytes(process.pid), pss_bytes(process.pid)
        assert in_child is not None
        assert in_child > 80_000_000 > together - in_child
        process.communicate()
    assert children_bytes(process.pid) is None


def test_the_memory_watch_sees_a_peak_between_its_start_and_its_end() -> None:
    sizes = iter([5, 900, 7, *[6] * 10_000])
    with MemoryWatch(1, measure=lambda _pid: next(sizes)) as watch:
        wait_until(lambda: (watch.peak_bytes or 0) >= 900, 10, lambda: AssertionError("no peak"))
    assert watch.peak_bytes == 900


def test_a_broker_that_lost_its_port_to_another_program_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCluster(tmp_path) as other:
        port = int(other.broker_url.rpartition(":")[2].partition("/")[0])
        monkeypatch.setattr("cluster.broker.free_port", lambda: port)
        with pytest.raises(BrokerError, match="in use"), LocalCluster(tmp_path):
            pytest.fail("the other broker answered")


def test_workers_write_their_records_where_the_cluster_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POOLWISE_RECORDS_URL", "redis://127.0.0.1:1/0")
    with LocalCluster(tmp_path) as cluster:
        spec = WorkerSpec(
            name="w", pool="solo", concurrency=1, queues=["q"], broker_url=cluster.broker_url
        )
        assert cluster.start_workers([spec])


def test_a_process_that_is_not_ready_in_time_was_stopped_and_one_that_ended_did_not_start(
    tmp_path: Path,
) -> None:
    reaper = Reaper()
    try:
        silent, slow, broken = (
            Child(name, ["/bin/sh", "-c", code], log=tmp_path / name, registry=reaper)
            for name, code in (
                ("silent", "exec sleep 600"),
                ("slow", "echo loading; exec sleep 600"),
                ("broken", "exit 3"),
            )
        )
        assert broken.ends_within(60)
        wait_until(slow.log_tail, 60, lambda: AssertionError("it said nothing"))
        late = "was not ready after 30 s, so it was stopped; "
        assert slow.failed_start(30.4).startswith(f"the slow {late}the last lines of ")
        assert silent.failed_start(30.4).startswith(f"the silent {late}its log ")
        assert "is empty" in silent.failed_start(30.4)
        assert broken.failed_start(30.4).startswith("the broken did not start (exit code 3)")
    finally:
        silent.kill()
        slow.kill()
        reaper.close()
