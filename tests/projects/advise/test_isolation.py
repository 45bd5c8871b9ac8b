"""No process of the user's project connects to the project's own broker, however it is set."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.machine import Machine
from lab.project.project import SHELL_VARIABLES, Project, open_project
from lab.project.sending import CallSender
from lab.project.strays import Strays
from lab.project.window import Measurement
from lab.project.workers import GroupSpec, ProjectWorkers
from lab.session.session import open_session
from producer.plan import Work
from tests.projects.advise.projects import BROKERS, Listener, listening, write_shop
from worker.pools import POOLS

PYTHON = Path(sys.executable)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as one:
        yield one


def opened(folder: Path, listener: Listener, app: str = BROKERS["in code"]) -> Project:
    write_shop(folder, f"redis://:hunter2@127.0.0.1:{listener.port}/0", app)
    logs = folder / "logs"
    logs.mkdir()
    return open_project("shop", folder, PYTHON, logs)


def run_one(project: Project, call: Work, pool: str = "threads") -> tuple[float, int]:
    """Run a call for a moment; return how many tasks ended and how many messages they sent."""
    folder = project.tools.parent
    with open_session(folder, None, Machine.this()) as session:
        group = ProjectWorkers(session, project).start(GroupSpec(pool=POOLS[pool], concurrency=2))
        sender = CallSender(session, [call], seed=1)
        window = Measurement(session, sender, group, f"{session.run}.1").measure(
            0.3, service_s=0.02, rate_per_s=50
        )
        return window.tasks - window.failed, Strays(session).remove()


@pytest.mark.parametrize("app", BROKERS)
def test_no_way_to_set_a_broker_leads_to_it(app: str, listener: Listener, tmp_path: Path) -> None:
    project = opened(tmp_path, listener, BROKERS[app])
    finished, _ = run_one(project, Work(task="shop.pause", args=(5,)))
    assert finished > 1
    assert listener.count == 0
    assert project.refused() == []


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_the_tasks_that_a_task_sends_go_to_the_private_broker(
    pool: str, listener: Listener, tmp_path: Path
) -> None:
    project = opened(tmp_path, listener)
    finished, sent = run_one(project, Work(task="shop.chain"), pool)
    assert finished > 1
    assert sent >= 2 * int(finished)
    assert listener.count == 0


def test_a_rate_limit_is_off(listener: Listener, tmp_path: Path) -> None:
    project = opened(tmp_path, listener)
    assert project.description.task("shop.limited").options["rate_limit"] == "60/m"
    finished, _ = run_one(project, Work(task="shop.limited", args=(5,)))
    assert finished > 5


STUBBORN = """
@app.task(name="shop.stubborn")
def stubborn():
    from kombu import Connection
    try:
        Connection(BROKER).connect()
    except OSError as error:
        return str(error)
"""


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_a_task_that_connects_to_the_broker_itself_is_refused(
    pool: str, listener: Listener, tmp_path: Path
) -> None:
    app = f"{BROKERS['in code']}\n{STUBBORN}"
    project = opened(tmp_path, listener, app)
    run_one(project, Work(task="shop.stubborn"), pool)
    assert listener.count == 0
    assert project.refused() == [f"127.0.0.1:{listener.port}"]


def test_nothing_that_is_kept_holds_the_password(listener: Listener, tmp_path: Path) -> None:
    project = opened(tmp_path, listener)
    run_one(project, Work(task="shop.pause", args=(5,)))
    for file in project.tools.parent.rglob("*"):
        if file.is_file():
            assert b"hunter2" not in file.read_bytes(), file


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_options_in_the_shell_are_not_those_of_the_measured_workers(
    pool: str, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_URL", f"redis://127.0.0.1:{listener.port}/0")
    monkeypatch.setenv("CELERY_WORKER_AUTOSCALE", "8,1")
    monkeypatch.setenv("CELERY_WORKER_BEAT", "1")
    files = ("LOGFILE", "PIDFILE", "SCHEDULE_FILENAME", "STATEDB")
    for name in files:
        monkeypatch.setenv(f"CELERY_WORKER_{name}", str(tmp_path / name))
    finished, _ = run_one(opened(tmp_path, listener), Work(task="shop.pause", args=(5,)), pool)
    assert finished > 1
    assert listener.count == 0
    assert not [path for name in files for path in tmp_path.glob(f"{name}*")]


@pytest.mark.parametrize("variable", SHELL_VARIABLES)
def test_the_shells_own_broker_is_not_reached_either(
    variable: str, listener: Listener, tmp_path: Path
) -> None:
    write_shop(tmp_path, "memory://", "app = Celery('shop')")
    (tmp_path / "logs").mkdir()
    shell = {variable: f"redis://127.0.0.1:{listener.port}/0"}
    project = open_project("shop", tmp_path, PYTHON, tmp_path / "logs", environment=shell)
    assert ("127.0.0.1", listener.port) in project.forbidden
