"""Results of kombu_lease's backend are those of Celery's, in every pool."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import chain, chord, group
from celery.exceptions import ChordError, TaskRevokedError

from tests.lease.result_tasks import ComplaintError
from tests.lease.site import WAIT_S, Site

STOCK, LEASE = "redis", "lease+redis"
#: Whether `result_extended` is set, by pool.
EXTENDED = {"prefork": False, "threads": True, "gevent": True, "solo": False}
VALUES = [None, 0, 1.5, "ü\n", [1, [2]], {"a": [None], "status": "SUCCESS"}, "x" * 300_000]


#: Celery's backend uses what redis-py wants to replace.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")


@pytest.fixture(
    scope="module",
    params=[(pool, results) for pool in EXTENDED for results in (STOCK, LEASE)],
    ids="-".join,
)
def site(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pool, results = request.param
    site = Site(tmp_path_factory.mktemp("site"), pool, results, EXTENDED[pool])
    try:
        yield site
    finally:
        site.close()


@pytest.fixture
def key() -> str:
    """What a task waits for."""
    return f"release-{uuid4()}"


def test_a_value_comes_back(site: Site) -> None:
    results = [site.send("echo", value) for value in VALUES]
    assert [result.get(timeout=WAIT_S) for result in results] == VALUES
    assert {result.state for result in results} == {"SUCCESS"}


def test_an_error_comes_back_with_its_traceback(site: Site) -> None:
    result = site.send("complain")
    with pytest.raises(ComplaintError) as caught:
        result.get(timeout=WAIT_S)
    assert caught.value.args == ("no", 2)
    assert result.state == "FAILURE"
    assert 'raise ComplaintError("no", 2)' in str(result.traceback)


def test_what_is_stored_has_the_same_fields(site: Site) -> None:
    result = site.send("echo", 1)
    result.get(timeout=WAIT_S)
    expected = {"status", "result", "traceback", "children", "date_done", "task_id"}
    if site.extended:
        expected |= {"name", "args", "kwargs", "worker", "retries", "queue"}
    meta = site.meta(result.id)
    assert set(meta) == expected
    assert meta["task_id"] == result.id
    assert datetime.fromisoformat(meta["date_done"]) - datetime.now(UTC) < timedelta(minutes=5)
    if site.extended:
        assert (meta["name"], meta["args"], meta["kwargs"]) == (site.task("echo").task, [1], {})
        assert result.queue == "celery"
        assert str(result.worker).endswith("@farm")


def test_ignored_results_are_not_stored(site: Site) -> None:
    silent, ignored = site.send("silent"), site.send("echo", 1, ignore_result=True)
    site.send("echo", 2).get(timeout=WAIT_S)
    site.until(lambda: not site.farm.held(), "tasks are not done")
    assert not site.meta(silent.id)
    assert not site.meta(ignored.id)


def test_a_task_is_started_until_it_ends(site: Site, key: str) -> None:
    result = site.send("started", key)
    site.until_state(result, "STARTED")
    assert set(result.info) == {"pid", "hostname"}
    site.release(key)
    assert result.get(timeout=WAIT_S) == "end"
    assert site.meta(result.id)["status"] == "SUCCESS"


def test_states_of_its_own_replace_each_other(site: Site, key: str) -> None:
    result = site.send("progress", key)
    site.until(lambda: site.meta(result.id).get("result") == {"step": 2}, "no progress")
    site.until_state(result, "PROGRESS")
    site.release(key)
    assert result.get(timeout=WAIT_S) == "end"


def test_a_retry_is_a_state(site: Site, key: str) -> None:
    result = site.send("again", key)
    site.until_state(result, "RETRY")
    assert repr(result.info) == "ValueError('first')"
    assert "self.retry" in str(result.traceback)
    site.release(key)
    assert result.get(timeout=WAIT_S) == "end"
    assert result.traceback is None


def test_a_group_has_its_results_in_order(site: Site) -> None:
    result: Any = group(site.task("echo", number) for number in range(30)).apply_async()
    assert result.get(timeout=WAIT_S) == list(range(30))
    result.save()
    restored = site.app.GroupResult.restore(result.id)
    assert restored is not None
    assert restored.get(timeout=WAIT_S) == list(range(30))
    restored.delete()
    assert site.app.GroupResult.restore(result.id) is None


def test_a_chord_gets_the_results_of_its_header(site: Site) -> None:
    header = [site.task("echo", number) for number in range(20)]
    result = chord(header, app=site.app)(site.task("total"))
    assert result.get(timeout=WAIT_S) == sum(range(20))
    later = chord(header, app=site.app)(site.task("total", kwargs={"more": 5}))
    assert later.get(timeout=WAIT_S) == sum(range(20)) + 5


def test_a_chord_of_groups_gets_their_results(site: Site) -> None:
    header = [group(site.task("echo", one), site.task("echo", one)) for one in (1, 2)]
    result = chord(header, app=site.app)(site.task("echo"))
    assert result.get(timeout=WAIT_S) == [1, 1, 2, 2]


def test_a_chord_fails_with_its_header(site: Site) -> None:
    header = [site.task("echo", 1), site.task("complain")]
    result = chord(header, app=site.app)(site.task("total"))
    site.until_state(result, "FAILURE")
    assert isinstance(result.result, ChordError)
    assert "ComplaintError" in str(result.result)


def test_a_chain_stores_each_step(site: Site) -> None:
    steps = chain(site.task("add", 1, 2), site.task("add", 10), site.task("add", 100))
    result: Any = steps.apply_async()
    assert result.get(timeout=WAIT_S) == 113
    assert [result.parent.parent.get(), result.parent.get()] == [3, 13]
    assert site.meta(result.parent.id)["parent_id"] == result.parent.parent.id


def test_a_chain_fails_as_a_whole(site: Site) -> None:
    result: Any = chain(site.task("complain"), site.task("add", 1)).apply_async()
    with pytest.raises(ComplaintError):
        result.get(timeout=WAIT_S)
    assert result.parent.state == "FAILURE"


def test_children_are_part_of_the_result(site: Site) -> None:
    result = site.send("nested", 7)
    assert result.get(timeout=WAIT_S) == 7
    children: Any = result.children
    [child] = children
    assert child.get(timeout=WAIT_S) == 7


def test_callbacks_run(site: Site) -> None:
    linked = site.task("add", 1)
    linked_id = linked.freeze().id
    site.send("add", 1, 1, link=linked).get(timeout=WAIT_S)
    assert site.app.AsyncResult(linked_id).get(timeout=WAIT_S) == 3
    failed = site.send("complain", link_error=site.task("note_error"))
    noted = f"errors-{failed.id}"
    site.until(lambda: site.farm.notes.lrange(noted, 0, -1), "the error callback did not run")
    assert site.farm.notes.lrange(noted, 0, -1) == [b"ComplaintError('no', 2)"]


def test_a_task_that_expired_is_revoked(site: Site) -> None:
    result = site.send("echo", 1, expires=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(TaskRevokedError, match="expired"):
        result.get(timeout=WAIT_S)


def test_a_success_is_final(site: Site) -> None:
    result = site.send("echo", 1)
    result.get(timeout=WAIT_S)
    before = site.meta(result.id)
    site.app.backend.store_result(result.id, ValueError("late"), "FAILURE")
    site.app.backend.store_result(result.id, 2, "SUCCESS")
    assert site.meta(result.id) == before


def test_a_failure_may_become_a_success(site: Site) -> None:
    result = site.send("complain")
    with pytest.raises(ComplaintError):
        result.get(timeout=WAIT_S)
    site.app.backend.store_result(result.id, 2, "SUCCESS")
    assert site.meta(result.id)["result"] == 2


def test_a_forgotten_result_is_gone(site: Site) -> None:
    result = site.send("echo", 1)
    result.get(timeout=WAIT_S)
    result.forget()
    assert not site.meta(result.id)
    assert site.app.AsyncResult(result.id).state == "PENDING"


def test_a_callback_runs_for_each_result(site: Site) -> None:
    seen: dict[str, Any] = {}
    result = group(site.task("echo", number) for number in range(5)).apply_async()
    result.get(timeout=WAIT_S, callback=seen.__setitem__)
    assert sorted(seen.values()) == list(range(5))


@pytest.mark.parametrize("reader", [STOCK, LEASE])
def test_either_backend_reads_what_the_other_stored(reader: str, site: Site) -> None:
    result = site.send("echo", [reader])
    app = site.producer(reader)
    assert app.AsyncResult(result.id).get(timeout=WAIT_S) == [reader]
