"""A race from the command line to the report, as a user sees it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from cluster.local import LocalCluster
from lab.results import files as result_files
from lab.results.race import RaceResult
from tests.command import POOLWISE, poolwise, running
from worker.pools import DEFAULT_POOLS

SLOTS = "prefork={0},threads={0},gevent={0}"
SMALL = ("--quick", "--concurrency", SLOTS.format(2), "--seed", "5")
#: For tests of signals: the pool whose worker has child processes.
FAMILY = (*SMALL, "--pools", "prefork", "--concurrency", "prefork=2", "--workloads", "burn")
#: kombu's key for queues that expire, such as those of remote control.
KOMBUS_OWN = "_kombu.binding_deadlines"


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Run one small race; return its folder, stdout and stderr."""
    folder = tmp_path_factory.mktemp("race")
    more = ("--concurrency", SLOTS.format(16), "--workloads", "burn,mixed")
    done = poolwise("race", *SMALL, *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    [run] = (folder / "runs").iterdir()
    return run, done.stdout, done.stderr


def test_every_task_is_accounted_for_on_every_pool(raced: tuple[Path, str, str]) -> None:
    result = result_files.read(raced[0] / "result.json", RaceResult)
    assert [workload.name for workload in result.workloads] == ["burn", "mixed"]
    for workload in result.workloads:
        assert tuple(pool.pool for pool in workload.pools) == DEFAULT_POOLS
        for pool in workload.pools:
            assert pool.summary is not None
            account = pool.summary.account
            assert account.submitted == account.finished == workload.tasks_per_repeat
            assert account.lost == account.duplicated == 0


def test_the_table_names_pools_figures_and_the_report(raced: tuple[Path, str, str]) -> None:
    run, stdout, stderr = raced
    for word in (*DEFAULT_POOLS, "makespan", "of ideal", "submitted =", "report.html"):
        assert word in stdout
    assert "calibrated" in stderr
    assert "\x1b" not in stdout + stderr
    assert (run / "report.html").stat().st_size > 100_000
    assert "--seed 5" in stdout


def test_threads_and_greenlets_use_one_core_because_of_the_gil(
    raced: tuple[Path, str, str],
) -> None:
    # Which pool is faster depends on what else uses the cores; that these two never use more than
    # one, apart from a little kernel time, does not.
    burn = result_files.read(raced[0] / "result.json", RaceResult).workloads[0]
    for pool in burn.pools:
        if pool.pool in {"threads", "gevent"}:
            for repeat in pool.repeats:
                assert 0.1 < (repeat.cpu_s or 0.0) / repeat.makespan_s < 1.25


def test_the_result_contains_the_settings(raced: tuple[Path, str, str]) -> None:
    result = result_files.read(raced[0] / "result.json", RaceResult)
    assert result.settings.seed == 5
    assert result.settings.broker == "embedded"
    assert 0 < result.clock_error_s < 0.1
    assert result.calibration.burn_iterations_per_ms > 100
    assert result.settings.command.startswith(f"{POOLWISE} race --quick")


def test_only_json_goes_to_stdout_and_results_and_events_can_be_switched_on(tmp_path: Path) -> None:
    options = ("--with-results", "--with-events", "--json", "--pools", "threads")
    done = poolwise(
        "race", "--quick", "--workloads", "burn", "--concurrency", "threads=2", *options,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["kind"] == "race"
    assert document["settings"]["with_results"]
    assert document["settings"]["with_events"]
    [pool] = document["workloads"][0]["pools"]
    assert pool["summary"]["account"]["finished"] == pool["summary"]["account"]["submitted"]


def test_the_users_broker_is_used_and_left_unchanged(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as cluster:
        cluster.redis.set("someone-elses", "value")
        done = poolwise(
            "race", *SMALL, "--pools", "gevent", "--concurrency", "gevent=2",
            "--workloads", "burn", "--broker", cluster.broker_url, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert cluster.broker_url in done.stdout
        left = {key.decode() for key in cluster.redis.scan_iter("*")}
    assert left <= {"someone-elses", "poolwise:records", KOMBUS_OWN}


def test_ctrl_c_while_workers_start_leaves_the_users_broker_unchanged(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as cluster:
        with running("race", *FAMILY, "--broker", cluster.broker_url, folder=tmp_path) as race:
            race.until(lambda: "0 of 1 worker ready" in race.output())
            clients = len(cluster.redis.client_list())
            # The worker has connected, and declares its queue next.
            race.until(lambda: len(cluster.redis.client_list()) > clients + 1)
            race.signal(signal.SIGINT)
            assert race.ended() == 130, race.output()
        left = {key.decode() for key in cluster.redis.scan_iter("*")}
    assert left <= {"poolwise:records", KOMBUS_OWN}


def test_the_report_command_compares_several_races(
    raced: tuple[Path, str, str], tmp_path: Path
) -> None:
    result = str(raced[0] / "result.json")
    done = poolwise("report", result, result, "-o", "both.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "both.html"
    assert (tmp_path / "both.html").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_race_and_leaves_no_process(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with running("race", *FAMILY, folder=tmp_path) as race:
        race.until(lambda: "repeat 1" in race.output())
        assert race.descendants()
        race.signal(number)
        assert race.ended() == code, race.output()
        assert "Traceback" not in race.output()
        race.wait_for_descendants()


@pytest.mark.parametrize("moment", ["", "calibrated", "worker ready", "burn"])
def test_ctrl_c_twice_at_any_moment_leaves_no_process(moment: str, tmp_path: Path) -> None:
    with running("race", *FAMILY, folder=tmp_path) as race:
        race.until(lambda: moment in race.output() and race.descendants())
        race.signal(signal.SIGINT)
        race.signal(signal.SIGINT)
        assert race.ended() == 130, race.output()
        assert "Traceback" not in race.output()
        race.wait_for_descendants()


def test_ctrl_c_while_the_command_is_being_imported_shows_no_traceback(tmp_path: Path) -> None:
    loading = {"PYTHONPROFILEIMPORTTIME": "1"}  # lists imports on stderr
    with running("race", *FAMILY, folder=tmp_path, env=loading) as race:
        race.until(lambda: " click\n" in race.output())
        race.signal(signal.SIGINT)
        assert race.ended() == 130, race.output()
        assert "Traceback" not in race.output()
        assert not race.descendants()


def test_a_killed_race_leaves_no_process(tmp_path: Path) -> None:
    with running("race", *SMALL, "--workloads", "burn", folder=tmp_path) as race:
        race.until(lambda: "repeat 1" in race.output())
        race.signal(signal.SIGKILL)
        race.ended()
        race.wait_for_descendants()


def test_an_interrupted_race_keeps_its_complete_workloads(tmp_path: Path) -> None:
    threads = ("--pools", "threads", "--concurrency", "threads=2")
    with running("race", *SMALL, *threads, "--workloads", "burn,fetch", folder=tmp_path) as race:
        race.until(lambda: "fetch ·" in race.output())
        race.signal(signal.SIGINT)
        assert race.ended() == 130, race.output()
        [run] = (tmp_path / "runs").iterdir()
        result = result_files.read(run / "result.json", RaceResult)
    assert result.interrupted
    assert [workload.name for workload in result.workloads] == ["burn"]
    assert "Interrupted" in race.output()
