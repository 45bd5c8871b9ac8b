"""Bulk submission sends the same messages as `apply_async`, field by field."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from kombu import Connection

from producer import message_template
from producer.plan import Plan, VariedPlan, Work, burst
from producer.queues import drain, remove
from producer.submit import Push, SubmitOptions, Submitter, batching, stamping
from tests.shared_session import SharedSession
from worker.probe import HEADER


def published(shared: SharedSession, queue: str) -> list[dict[str, Any]]:
    """Remove and return the messages of a queue of the stock transport, oldest first."""
    raw = shared.cluster.redis.lrange(queue, 0, -1)
    shared.cluster.redis.delete(queue)
    return [json.loads(message) for message in reversed(raw)]


def flat(message: Any, path: str = "") -> dict[str, Any]:
    """Flatten nested values, including the decoded body, to one value per path."""
    if isinstance(message, dict):
        parts = [flat(value, f"{path}.{key}") for key, value in message.items()]
        return {key: value for part in parts for key, value in part.items()}
    if path == ".body":
        return {path: json.loads(base64.b64decode(message))}
    return {path: message}


@pytest.mark.parametrize(
    "work",
    [
        Work(task="cpu.burn", args=(1_000,)),
        Work(task="mixed.work", args=(1, 2), kwargs={"iterations_per_ms": 7.5}),
        Work(task="io.fetch", args=("127.0.0.1", 1, 1), kwargs={}),
        Work(task="faults.fail", args=('a "quoted" text, é and \\ too',)),
    ],
    ids=lambda work: work.task,
)
@pytest.mark.parametrize("way", [stamping, batching])
@pytest.mark.parametrize("store_result", [False, True])
def test_a_bulk_message_equals_one_of_apply_async(
    shared: SharedSession, work: Work, way: Any, store_result: bool
) -> None:
    queue, task_id = f"equal-{uuid4()}", str(uuid4())
    options = SubmitOptions(run="a run", queue=queue, store_result=store_result)
    push: Push = way(shared.app, shared.connection, work, options)
    push([task_id], [1.5], 2.25)
    task: Any = shared.app.tasks[work.task]
    task.apply_async(
        work.args,
        dict(work.kwargs),
        task_id=task_id,
        queue=queue,
        ignore_result=not store_result,
        headers={HEADER: {"run": "a run", "due": 1_500_000, "sent": 2_250_000}},
        connection=shared.connection,
    )
    ours, theirs = (flat(message) for message in published(shared, queue))
    tag = ".properties.delivery_tag"
    assert UUID(ours.pop(tag)) != UUID(theirs.pop(tag))
    assert ours == theirs


def test_templates_support_only_the_stock_redis_transport(shared: SharedSession) -> None:
    assert message_template.supports(shared.connection)
    with Connection("memory://") as other:
        assert not message_template.supports(other)


def test_different_tasks_are_sent_in_their_order_and_all_due_at_the_start(
    shared: SharedSession,
) -> None:
    queue = f"varied-{uuid4()}"
    one, two = Work(task="cpu.burn", args=(1,)), Work(task="mixed.work", args=(0, 1))
    plan = VariedPlan(works=(one, two, two, one))
    submitter = Submitter(shared.app, shared.connection, shared.session.clock)
    submission = submitter.submit(plan, SubmitOptions(run="varied", queue=queue))
    messages = published(shared, queue)
    assert [message["headers"]["task"] for message in messages] == [
        work.task for work in plan.works
    ]
    assert [message["headers"]["id"] for message in messages] == list(submission.ids)
    [due] = {message["headers"][HEADER]["due"] for message in messages}
    assert due / 1e6 == pytest.approx(submission.started, abs=2e-6)


def test_every_task_of_a_plan_gets_its_own_id_and_times(shared: SharedSession) -> None:
    queue = f"plan-{uuid4()}"
    plan = Plan(work=Work(task="cpu.burn", args=(1,)), due_s=(0.0, 0.0, 0.05, 0.1))
    submitter = Submitter(shared.app, shared.connection, shared.session.clock)
    submission = submitter.submit(plan, SubmitOptions(run="r", queue=queue))
    messages = published(shared, queue)
    assert tuple(message["headers"]["id"] for message in messages) == submission.ids
    assert len(set(submission.ids)) == len(plan)
    stamps = [message["headers"][HEADER] for message in messages]
    due_s = [stamp["due"] / 1e6 - submission.started for stamp in stamps]
    assert due_s == pytest.approx(plan.due_s, abs=2e-6)
    assert all(stamp["sent"] >= stamp["due"] for stamp in stamps)
    assert submission.submit_s >= 0.1
    assert 0 <= submission.worst_slip_s < submission.submit_s


def test_a_plan_larger_than_a_chunk_arrives_complete_and_in_order(shared: SharedSession) -> None:
    queue = f"many-{uuid4()}"
    submitter = Submitter(shared.app, shared.connection, shared.session.clock)
    plan = burst(Work(task="cpu.burn", args=(1,)), 2_500)
    submission = submitter.submit(plan, SubmitOptions(run="r", queue=queue))
    assert drain(shared.connection, queue) == list(submission.ids)
    assert drain(shared.connection, queue) == []


def test_removing_a_queue_leaves_no_keys_behind(shared: SharedSession) -> None:
    queue = f"gone-{uuid4()}"
    shared.app.send_task("cpu.burn", (1,), queue=queue, connection=shared.connection)
    assert list(shared.cluster.redis.scan_iter(f"*{queue}*"))
    remove(shared.connection, [queue, "never-there"])
    assert not list(shared.cluster.redis.scan_iter(f"*{queue}*"))
