"""Running workers switch to another pool without losing a task."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cluster.discovery import RemoteControl, discover_workers
from cluster.local import LocalCluster, RunningWorker, WorkerSpec
from cluster.process import Child
from cluster.switching import SwitchEvents, SwitchRequest, switch
from cluster.wait import wait_until
from producer.plan import Work, burst
from producer.submit import SubmitOptions, Submitter
from tasks.celery import app
from tasks.errors import UsageError, WorkerError
from tests.command import poolwise, running
from tests.hostile.real_server import real
from tests.integration.background_load import RUN, BackgroundLoad
from worker.control import WorkerInfo
from worker.pools import pool_named
from worker.probe import Clock

#: Every ordered pair of the three pools, as one sequence of switches.
WALK = ("threads", "gevent", "prefork", "gevent", "threads", "prefork")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("switch")) as running:
        app.loader.import_default_modules()
        yield running


@pytest.fixture(scope="module")
def remote(cluster: LocalCluster) -> Iterator[RemoteControl]:
    with RemoteControl(app, cluster.broker_url) as ask:
        yield ask


def spec(name: str, pool: str, slots: int, cluster: LocalCluster) -> WorkerSpec:
    return WorkerSpec(
        name=name,
        pool=pool,
        concurrency=slots,
        queues=(name,),
        broker_url=cluster.broker_url,
        flags=pool_named(pool).flags,
    )


def start(cluster: LocalCluster, name: str, pool: str, slots: int) -> RunningWorker:
    return cluster.start_workers([spec(name, pool, slots, cluster)])[0]


@pytest.fixture(scope="module")
def patient(cluster: LocalCluster) -> RunningWorker:
    return start(cluster, "patient", "threads", 2)


def send(cluster: LocalCluster, queue: str, work: Work) -> None:
    clock = Clock.read(cluster.redis)
    with app.connection_for_write(cluster.broker_url) as connection:
        options = SubmitOptions(run="something-to-do", queue=queue)
        Submitter(app, connection, clock).submit(burst(work, 1), options)


def wait_for_task(remote: RemoteControl, node: str) -> None:
    """Wait until the worker runs a task."""
    wait_until(
        lambda: remote.ask("active", [node]).get(node),
        10,
        lambda: AssertionError(f"{node} runs nothing"),
    )


def open_files(pid: int) -> set[str]:
    """Return the sockets and pipes that a process has open beyond its standard streams."""
    links = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # a worker under load may close files in the meantime
            links.add(str(entry.readlink()) if int(entry.name) > 2 else "")
    return {link for link in links if link.startswith(("socket:", "pipe:"))}


def test_no_task_is_lost_in_any_switch_between_two_pools(
    cluster: LocalCluster, remote: RemoteControl
) -> None:
    worker = start(cluster, "walker", "prefork", 3)
    node, pid = worker.spec.node, worker.child.pid
    with app.connection_for_write(cluster.broker_url) as connection:
        load = BackgroundLoad(
            app=app,
            connection=connection,
            server=cluster.redis,
            queue="walker",
            work=Work(task="io.sleep", args=(0.15,)),
            rate_per_s=12,
        )
        with load:
            for number, pool in enumerate(WALK):
                before = open_files(pid)
                slots = 3 + number % 2
                done = switch(remote, node, SwitchRequest(pool=pool, concurrency=slots))
                assert (done.after.pool, done.after.concurrency) == (pool, slots)
                assert done.after.pid == pid
                assert not before & open_files(pid), "inherited over exec"
                children = psutil.Process(pid).children(recursive=True)
                assert len(children) == pool_named(pool).processes(slots) - 1
        totals = load.settled()
    assert totals.submitted > 60
    assert len(totals.finished) == totals.submitted
    assert totals.duplicated == 0
    assert worker.child.alive
    assert {record.pool for record in totals.finished} == {"prefork", "threads", "gevent"}
    kinds = [
        (b.kind, b.pool) for b in load.batches if b.kind in {"stopped", "ready"} and b.node == node
    ]
    walked = ["prefork", *WALK]
    assert kinds == [
        step
        for old, new in zip(walked, WALK, strict=False)
        for step in (("stopped", old), ("ready", new))
    ]


@pytest.mark.parametrize(("pool", "other"), [("threads", "gevent"), ("gevent", "threads")])
def test_a_worker_whose_tasks_take_too_long_keeps_its_pool(
    cluster: LocalCluster, remote: RemoteControl, pool: str, other: str
) -> None:
    worker = start(cluster, f"busy-{pool}", pool, 2)
    node = worker.spec.node
    [queue] = worker.spec.queues
    send(cluster, queue, Work(task="io.sleep", args=(3,)))
    wait_for_task(remote, node)
    heard: list[WorkerInfo | None] = []
    events = SwitchEvents(waiting=heard.append)
    with pytest.raises(WorkerError, match="was not switched: 1 task was still running"):
        switch(remote, node, SwitchRequest(pool=other, concurrency=4, wait_s=0.5), events)
    assert any(info is not None and info.running == 1 for info in heard)
    assert worker.child.alive
    clock = Clock.read(cluster.redis)
    with app.connection_for_write(cluster.broker_url) as connection:
        work = Work(task="io.sleep", args=(0.01,))
        load = BackgroundLoad(
            app=app,
            connection=connection,
            server=cluster.redis,
            queue=queue,
            work=work,
            rate_per_s=10,
        )
        options = SubmitOptions(run=RUN, queue=queue)
        load.ledger.submit(Submitter(app, connection, clock).submit(burst(work, 4), options).ids)
        totals = load.settled(10)
    assert {record.pool for record in totals.finished} == {pool}


def test_a_second_switch_at_the_same_time_is_rejected(
    cluster: LocalCluster, remote: RemoteControl, patient: RunningWorker
) -> None:
    node = patient.spec.node
    send(cluster, "patient", Work(task="io.sleep", args=(2,)))
    wait_for_task(remote, node)
    reply = remote.ask("poolwise_switch", [node], pool="threads", concurrency=3, wait_s=20)
    assert "ok" in reply[node]
    with pytest.raises(UsageError, match="a switch to threads ×3 is in progress"):
        switch(remote, node, SwitchRequest(pool="gevent", concurrency=4))

    def done() -> WorkerInfo | None:
        info = remote.info(node)
        return info if info and info.concurrency == 3 else None

    after = wait_until(done, 30, lambda: AssertionError("the first switch did not happen"))
    assert after is not None
    assert (after.pool, after.pid) == ("threads", patient.child.pid)


def test_the_command_shows_the_pool_before_and_after_and_what_it_waits_for(
    cluster: LocalCluster, remote: RemoteControl, patient: RunningWorker
) -> None:
    node = patient.spec.node
    # Long enough to be still running when the command has started and sent its request.
    send(cluster, "patient", Work(task="io.sleep", args=(6,)))
    wait_for_task(remote, node)
    words = ("switch", "patient", "--pool", "threads", "--concurrency", "5")
    done = poolwise(*words, "--broker", cluster.broker_url)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.splitlines()
    assert before == f"before   {node}   threads ×3, pid {patient.child.pid}"
    assert after.startswith(f"after    {node}   threads ×5, pid {patient.child.pid}")
    assert "waiting for 1 running task …" in done.stderr
    again = poolwise(*words, "--broker", cluster.broker_url, "--json")
    assert json.loads(again.stdout)["after"]["concurrency"] == 5
    assert json.loads(again.stdout)["command"] == ""


@pytest.mark.parametrize(
    "options", [["-b", "URL"], ["--broker=URL"], ["--result-backend", "URL"]], ids=" ".join
)
def test_a_password_that_the_worker_was_started_with_is_not_shown(
    options: Sequence[str], tmp_path: Path
) -> None:
    password = "s3cret"  # noqa: S105 - of the test's own server
    with real(tmp_path, "--requirepass", password) as port:
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        with LocalCluster(tmp_path, url) as cluster:
            typed = [word.replace("URL", url) for word in options]
            # Celery's own options stand before the word `worker`.
            launcher = (sys.executable, "-m", "celery", *typed)
            started = spec("secretive", "threads", 1, cluster)
            cluster.start_workers([replace(started, launcher=launcher)])
            words = ("switch", "secretive", "--pool", "threads", "--concurrency", "2", "--json")
            done = poolwise(*words, env={"POOLWISE_BROKER": url})
    assert done.returncode == 0, done.stderr
    assert "--concurrency 2" in json.loads(done.stdout)["command"]
    assert password not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["patient", "--pool", "thrads"], 2, "did you mean threads?"),
        (["patient", "--pool", "solo", "--concurrency", "4"], 2, "solo runs 1 task at a time"),
        (["patient", "--pool", "threads", "--concurrency", "0"], 2, "not in the range"),
    ],
    ids=["pool", "solo", "range"],
)
def test_an_impossible_switch_gives_a_one_line_error(
    cluster: LocalCluster, patient: RunningWorker, words: Sequence[str], code: int, said: str
) -> None:
    done = poolwise("switch", *words, "--broker", cluster.broker_url)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr.splitlines()[-1]
    assert patient.child.alive


def test_a_worker_without_the_switch_module_is_rejected_and_undisturbed(
    cluster: LocalCluster, remote: RemoteControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = cluster.folder / "plain.log"
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-n", "plain@x"]
    env = {"CELERY_BROKER_URL": cluster.broker_url}
    flags = ["-Psolo", "-Qplain", "-lWARNING", "--without-gossip", "--without-mingle"]
    child = Child("plain", [*command, *flags], log=log, registry=cluster.reaper, env=env)
    cluster.adopt(child)
    [worker] = wait_until(
        lambda: [worker for worker in discover_workers(remote) if worker.node == "plain@x"],
        30,
        lambda: AssertionError(child.log_tail()),
    )
    assert (worker.pool, worker.probe, worker.switchable) == ("solo", False, False)
    with pytest.raises(WorkerError, match=r"start it with -I worker\.startup"):
        switch(remote, "plain", SwitchRequest(pool="threads"))
    assert "Traceback" not in log.read_text()
    send(cluster, "plain", Work(task="io.sleep", args=(8,)))
    wait_until(
        lambda: not remote.ask("ping", ["plain@x"]),
        10,
        lambda: AssertionError("the solo worker answers while it runs a task"),
    )
    monkeypatch.setattr("cluster.switching.TRIES", 1)
    with pytest.raises(WorkerError, match="a solo worker answers only between tasks"):
        switch(remote, "plain@x", SwitchRequest(pool="threads"))
    cluster.stop([child], grace_s=0.1)


def test_ctrl_c_leaves_an_accepted_switch_to_the_worker_and_says_so(
    cluster: LocalCluster, remote: RemoteControl, tmp_path: Path
) -> None:
    worker = start(cluster, "left-alone", "threads", 1)
    node = worker.spec.node
    send(cluster, "left-alone", Work(task="io.sleep", args=(4,)))
    wait_for_task(remote, node)
    options = ("--pool", "gevent", "--concurrency", "3", "--broker", cluster.broker_url)
    with running("switch", node, *options, folder=tmp_path) as asked:
        asked.until(lambda: "waiting for 1 running task" in asked.output())
        asked.signal(signal.SIGINT)
        assert asked.ended() == 130
        [line] = [line for line in asked.output().splitlines() if "interrupted" in line]
    assert f"if {node} has accepted the switch, it goes on" in line
    wait_until(
        lambda: [
            one for one in discover_workers(remote) if (one.node, one.pool) == (node, "gevent")
        ],
        20,
        lambda: AssertionError(worker.child.log_tail()),
    )


def test_a_sigterm_takes_precedence_over_a_switch(
    cluster: LocalCluster, remote: RemoteControl
) -> None:
    worker = start(cluster, "leaver", "threads", 1)
    node = worker.spec.node
    send(cluster, "leaver", Work(task="io.sleep", args=(1.2,)))
    wait_for_task(remote, node)
    reply = remote.ask("poolwise_switch", [node], pool="prefork", concurrency=1, wait_s=20)
    assert "ok" in reply[node]
    worker.child.ask_to_stop()
    wait_until(lambda: not worker.child.alive, 20, lambda: AssertionError(worker.child.log_tail()))
    assert worker.child.exit_code == 0


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_a_remote_shutdown_takes_precedence_over_a_switch(
    cluster: LocalCluster, remote: RemoteControl, pool: str
) -> None:
    worker = start(cluster, f"dismissed-{pool}", pool, 1)
    node = worker.spec.node
    send(cluster, f"dismissed-{pool}", Work(task="io.sleep", args=(4,)))
    wait_for_task(remote, node)
    reply = remote.ask("poolwise_switch", [node], pool="solo", concurrency=1, wait_s=20)
    assert "ok" in reply[node]
    remote.ask("shutdown", [node], patience_s=0.1)
    wait_until(lambda: not worker.child.alive, 20, lambda: AssertionError(worker.child.log_tail()))
    assert worker.child.exit_code == 0


def test_a_relative_path_to_celery_is_found_from_another_folder(
    cluster: LocalCluster, remote: RemoteControl, tmp_path: Path
) -> None:
    for name in ("bin", "src"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "celery").symlink_to(Path(sys.executable).with_name("celery"))
    started = spec("relative", "threads", 1, cluster)
    launcher = ("bin/celery", "--workdir", "src")
    [worker] = cluster.start_workers([replace(started, launcher=launcher, folder=tmp_path)])
    done = switch(remote, worker.spec.node, SwitchRequest(pool="threads", concurrency=2))
    assert (done.after.pid, done.after.concurrency) == (worker.child.pid, 2)
    assert Path(f"/proc/{worker.child.pid}/cwd").readlink() == tmp_path / "src"


def test_queues_added_by_remote_control_are_kept(
    cluster: LocalCluster, remote: RemoteControl, patient: RunningWorker
) -> None:
    node = patient.spec.node
    remote.ask("add_consumer", [node], queue="mail")
    with app.connection_for_write(cluster.broker_url) as connection:
        load = BackgroundLoad(
            app=app,
            connection=connection,
            server=cluster.redis,
            queue="mail",
            work=Work(task="io.sleep", args=(0.01,)),
            rate_per_s=10,
        )
        clock = Clock.read(cluster.redis)
        work = Work(task="io.sleep", args=(0.01,))
        done = switch(remote, node, SwitchRequest(pool="prefork", concurrency=1))
        sent = Submitter(app, connection, clock).submit(
            burst(work, 3), SubmitOptions(run=RUN, queue="mail")
        )
        load.ledger.submit(sent.ids)
        totals = load.settled(10)
    assert done.after.pool == "prefork"
    assert len(totals.finished) == 3
    assert {record.pool for record in totals.finished} == {"prefork"}
