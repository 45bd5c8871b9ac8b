"""`poolwise chaos` with bad messages on real workers: each is accounted for, and so is the load."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.chaos.bad.timed import MANY
from lab.chaos.judge import GROUPS
from lab.results.chaos import BadMessages, ChaosCell
from tasks.transport_options import VARIABLE
from tests.faults.test_chaos import BOUND_S, cells

#: What becomes of messages that no worker can run, by Celery's defaults and Poolwise's settings.
FATES = {
    "not-json": ("lost", "dead"),
    "other-json": ("lost", "dead"),
    "not-a-task": ("refused", "dead"),
    "broken-body": ("refused", "dead"),
    "unknown-task": ("refused", "dead"),
    "wrong-signature": ("failed", "failed"),
    "large-arguments": ("finished", "finished"),
    "revoked": ("revoked", "revoked"),
}
#: What becomes of a task that kills its process each time, by pool and settings.
KILLER_FATES = {
    ("prefork", "defaults"): "failed",
    ("prefork", "acks-late"): "failed",
    ("prefork", "reject-on-lost"): "held",
    ("prefork", "poolwise"): "dead",
    ("threads", "acks-late"): "held",
    ("threads", "poolwise"): "dead",
}


def fate(cell: ChaosCell) -> str:
    """Return the one group that all bad messages of a cell are in."""
    bad = messages(cell).account
    [name] = [one for one in GROUPS if getattr(bad, one)]
    assert getattr(bad, name) == bad.submitted
    return name


def messages(cell: ChaosCell) -> BadMessages:
    assert cell.messages is not None
    return cell.messages


@pytest.mark.timeout(BOUND_S + 30)
@pytest.mark.parametrize("pool", ["prefork", "gevent"])
def test_poolwise_keeps_what_no_worker_can_run_and_celery_does_not(
    pool: str, tmp_path: Path
) -> None:
    options = ("--pool", pool, "--settings", "defaults,poolwise", "--kills", "1")
    found = cells(tmp_path, "--fault", ",".join(FATES), *options)
    for name, fates in FATES.items():
        for settings, expected in zip(("defaults", "poolwise"), fates, strict=True):
            one = found[name, pool, settings]
            assert fate(one) == expected, (name, settings, one)
            ends = name == "not-json" and settings == "defaults"
            harmed = messages(one).workers_ended > 0 or one.resumed < one.aimed
            assert harmed == ends, (name, settings)
        assert found[name, pool, "poolwise"].account.lost == 0


@pytest.mark.timeout(BOUND_S + 30)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_task_that_kills_its_worker_circles_unless_its_deaths_are_counted(
    pool: str, tmp_path: Path
) -> None:
    expected = {settings: one for (where, settings), one in KILLER_FATES.items() if where == pool}
    found = cells(tmp_path, "--fault", "killer", "--pool", pool, "--settings", ",".join(expected))
    for settings, group in expected.items():
        assert fate(found["killer", pool, settings]) == group, settings
    careful = found["killer", pool, "poolwise"]
    assert careful.account.dead == 1
    assert 1 < messages(careful).deliveries <= 6
    if pool == "prefork":
        assert messages(found["killer", pool, "reject-on-lost"]).deliveries > 1
    else:
        assert messages(careful).workers_ended > 1


@pytest.mark.timeout(BOUND_S + 30)
def test_options_for_the_broker_of_the_user_do_not_reach_private_ones(tmp_path: Path) -> None:
    env = {VARIABLE: '{"global_keyprefix": "shop:", "sep": "/"}'}
    options = ("--pool", "threads", "--settings", "poolwise", "--kills", "1")
    found = cells(tmp_path, "--fault", "killer,not-json", *options, env=env)
    for one in found.values():
        assert fate(one) == "dead", one


@pytest.mark.timeout(BOUND_S + 30)
def test_callers_learn_of_results_that_cannot_be_stored_but_not_of_ignored_ones(
    tmp_path: Path,
) -> None:
    callers = {
        "unencodable": ("failed", "EncodeError"),
        "unpicklable": ("failed", "UnpickleableExceptionWrapper"),
        "ignored-result": ("finished", "nothing in 5 s"),
    }
    options = ("--pool", "prefork,threads", "--settings", "defaults", "--kills", "1")
    found = cells(tmp_path, "--fault", ",".join(callers), *options)
    for (name, pool, _), one in found.items():
        assert (fate(one), *messages(one).callers) == callers[name], (name, pool)


@pytest.mark.timeout(BOUND_S + 30)
def test_only_late_acknowledgement_runs_a_task_again_that_outlasts_the_visibility_timeout(
    tmp_path: Path,
) -> None:
    options = ("--pool", "prefork", "--settings", "defaults,acks-late,poolwise")
    found = cells(tmp_path, "--fault", "long-task,late-eta", *options)
    runs = {(name, settings): messages(one).runs for (name, _, settings), one in found.items()}
    assert runs["long-task", "defaults"] == 1
    assert runs["long-task", "acks-late"] > 1
    assert runs["late-eta", "defaults"] > 1  # a task that waits for its ETA is not acknowledged
    assert runs["long-task", "poolwise"] == runs["late-eta", "poolwise"] == 1


@pytest.mark.timeout(BOUND_S + 30)
def test_the_memory_that_waiting_tasks_need_is_measured(tmp_path: Path) -> None:
    options = ("--pool", "threads", "--settings", "defaults")
    found = cells(tmp_path, "--fault", "many-etas", *options)
    one = found["many-etas", "threads", "defaults"]
    assert fate(one) == "held"
    assert messages(one).account.submitted == MANY
    grown_bytes = messages(one).grown_bytes
    assert grown_bytes is not None
    assert 500 < grown_bytes / MANY < 50_000
