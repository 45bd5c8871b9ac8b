"""Bulk submission of any project's tasks puts the same messages in the queue as `apply_async`."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, Task, signals
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kombu import Connection, Exchange, Queue

from producer.plan import Plan, Work, burst
from producer.queues import drain
from producer.submit import SubmitOptions, Submitter, sender
from tasks.errors import UsageError
from tests.shared_session import SharedSession
from worker.probe import HEADER

#: Seconds that two messages of the same task may lie apart.
APART_S = 20.0
FAR = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)


class Tenant(Task[Any, Any]):
    """A base class that adds a header to each message, as projects with tenants do."""

    calls = 0

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Add the number of the call."""
        type(self).calls += 1
        options["headers"] = {**(options.get("headers") or {}), "call": type(self).calls}
        return super().apply_async(*args, **options)


class Forgetful(Task[Any, Any]):
    """A base class that does not pass the headers on."""

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Send the task without its headers."""
        options.pop("headers")
        return super().apply_async(*args, **options)


def shop(shared: SharedSession, **conf: Any) -> Celery:
    """Return the app of a project that is not ours, on the shared broker."""
    app = Celery("shop", broker=shared.cluster.broker_url, set_as_current=False)
    app.conf.update(conf)
    app.task(name="shop.any", shared=False, typing=False)(anything)
    app.task(name="shop.add", shared=False)(add)
    app.task(name="shop.tenant", shared=False, typing=False, base=Tenant)(nothing)
    app.task(name="shop.forgetful", shared=False, base=Forgetful)(nothing)
    app.task(name="shop.stale", shared=False, typing=False, expires=60)(nothing)
    app.finalize()
    return app


def nothing() -> None:
    """Do nothing."""


def anything(*_: Any, **__: Any) -> None:
    """Take any arguments."""


def add(x: int, y: int) -> int:
    """Add two numbers."""
    return x + y


@contextmanager
def shop_on(shared: SharedSession, **conf: Any) -> Iterator[tuple[Celery, Connection, str]]:
    """Open a project's app, with a connection and a queue that is removed afterwards."""
    app, queue = shop(shared, **conf), f"shop-{uuid4()}"
    with app, app.connection_for_write() as connection:
        try:
            yield app, connection, queue
        finally:
            for key in shared.cluster.redis.scan_iter(f"*{queue}*"):
                shared.cluster.redis.delete(key)


def taken(shared: SharedSession, queue: str) -> list[dict[str, Any]]:
    """Remove and return the messages of a queue, whatever their priority, oldest first."""
    found = []
    for key in sorted(shared.cluster.redis.scan_iter(f"{queue}*", _type="list")):
        found += [json.loads(raw) for raw in reversed(shared.cluster.redis.lrange(key, 0, -1))]
        found[-1]["key"] = key.decode().removeprefix(queue)
        shared.cluster.redis.delete(key)
    return found


def comparable(message: dict[str, Any]) -> dict[str, Any]:
    """Decode the body, and drop what differs between messages of the same task and id."""
    body = base64.b64decode(message["body"])
    if message["headers"].get("compression"):
        body = zlib.decompress(body)
    message["body"] = json.loads(body)
    assert message["properties"].pop("delivery_tag")
    message["headers"].pop("call", None)
    return message


def same(ours: Any, theirs: Any, path: str = "") -> None:
    """Compare two decoded messages; times may differ by as long as the test takes."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        assert list(ours) == list(theirs), path
        for key in ours:
            same(ours[key], theirs[key], f"{path}.{key}")
    elif path.rpartition(".")[2] in {"eta", "expires"} and ours and theirs:
        one, other = (datetime.fromisoformat(text) for text in (ours, theirs))
        assert one.tzinfo == other.tzinfo, path
        assert abs(one - other) < timedelta(seconds=APART_S), path
    elif path == ".properties.expiration":
        assert float(ours) == pytest.approx(float(theirs), abs=APART_S * 1e3), path
    else:
        assert ours == theirs, path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.from_regex(r"[a-z]{3,8}", fullmatch=True)
TIMES = st.just(FAR) | st.floats(1, 1e6) | st.integers(1, 10**6)
WORKS = st.builds(
    Work,
    task=st.sampled_from(["shop.any", "shop.tenant", "shop.stale"]).map(str),
    args=st.lists(JSON, max_size=3).map(tuple),
    kwargs=st.dictionaries(NAMES, JSON, max_size=3),
    countdown_s=st.none() | st.floats(1, 1e6),
    expires=st.none() | TIMES,
    priority=st.none() | st.integers(0, 9),
    headers=st.dictionaries(NAMES.map("x-{}".format), JSON, max_size=2),
) | st.builds(Work, task=st.just("shop.any"), eta=st.just(FAR), priority=st.integers(0, 9))
CONF = st.fixed_dictionaries(
    {"task_protocol": st.sampled_from([1, 2])},
    optional={
        "task_compression": st.just("zlib"),
        "task_default_priority": st.integers(0, 9),
        "task_ignore_result": st.booleans(),
        "task_time_limit": st.integers(1, 100),
        "timezone": st.just("Europe/Berlin"),
        "enable_utc": st.booleans(),
    },
)


def send_one_more(
    app: Celery, connection: Connection, work: Work, queue: str, task_id: str
) -> None:
    """Send a task as a project would, with the header that Poolwise adds."""
    task: Any = app.tasks[work.task]
    chosen = {"countdown": work.countdown_s, "expires": work.expires, "priority": work.priority}
    task.apply_async(
        work.args,
        dict(work.kwargs),
        eta=work.eta,
        task_id=task_id,
        queue=queue,
        ignore_result=True,
        headers={**work.headers, HEADER: {"run": "r", "due": 1_500_000, "sent": 2_250_000}},
        connection=connection,
        **{name: value for name, value in chosen.items() if value is not None},
    )


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(work=WORKS, conf=CONF)
def test_bulk_messages_equal_those_of_apply_async(
    shared: SharedSession, work: Work, conf: Mapping[str, Any]
) -> None:
    ids = [str(uuid4()) for _ in range(3)]
    with shop_on(shared, **conf) as (app, connection, queue):
        way = sender(app, connection, work, SubmitOptions(run="r", queue=queue))
        way.push(ids, [1.5] * len(ids), 2.25)
        ours = taken(shared, queue)
        for task_id in ids:
            send_one_more(app, connection, work, queue, task_id)
        theirs = taken(shared, queue)
    timed = work.countdown_s or work.eta or work.expires is not None or work.task == "shop.stale"
    assert bool(way.why_one_by_one) == bool(
        conf["task_protocol"] == 1 or timed or work.task == "shop.tenant"
    )
    assert len(ours) == len(theirs) == len(ids)
    for one, other in zip(ours, theirs, strict=True):
        same(comparable(one), comparable(other))


@pytest.mark.parametrize("protocol", [1, 2])
def test_a_countdown_and_an_expiry_count_from_the_moment_of_sending(
    shared: SharedSession, protocol: int
) -> None:
    work = Work(task="shop.any", countdown_s=60, expires=120)
    with shop_on(shared, task_protocol=protocol) as (app, connection, queue):
        submitter = Submitter(app, connection, shared.session.clock)
        plan = Plan(work=work, due_s=(0.0, 0.4))
        submission = submitter.submit(plan, SubmitOptions(run="r", queue=queue))
        messages = [comparable(message) for message in taken(shared, queue)]
    assert submission.why_one_by_one
    for field in ("eta", "expires"):
        times = [message["headers"].get(field) or message["body"][field] for message in messages]
        first, second = (datetime.fromisoformat(text) for text in times)
        assert timedelta(seconds=0.3) < second - first < timedelta(seconds=APART_S)


def before(seen: list[Any]) -> Callable[[], None]:
    """Note the ids that `before_task_publish` shows."""
    return _connected(signals.before_task_publish, lambda headers, **_: seen.append(headers["id"]))


def after(seen: list[Any]) -> Callable[[], None]:
    """Note the ids that `after_task_publish` shows."""
    return _connected(signals.after_task_publish, lambda headers, **_: seen.append(headers["id"]))


def old_signal(seen: list[Any]) -> Callable[[], None]:
    """Note the ids that the deprecated `task_sent` shows."""
    return _connected(signals.task_sent, lambda task_id, **_: seen.append(task_id))


def _connected(signal: Any, note: Any) -> Callable[[], None]:
    signal.connect(note, weak=False, dispatch_uid="a test")
    return lambda: signal.disconnect(note, dispatch_uid="a test")


@pytest.mark.parametrize("receiver", [before, after, old_signal])
def test_every_message_fires_the_signals_with_its_own_id(
    shared: SharedSession, receiver: Any
) -> None:
    seen: list[Any] = []
    with shop_on(shared) as (app, connection, queue), ExitStack() as stack:
        stack.callback(receiver(seen))
        submitter = Submitter(app, connection, shared.session.clock)
        plan = burst(Work(task="shop.any"), 250)
        submission = submitter.submit(plan, SubmitOptions(run="r", queue=queue))
        assert len(taken(shared, queue)) == len(plan)
    assert seen == list(submission.ids)
    assert submission.why_one_by_one.startswith("the app has receivers of ")


def test_every_message_fires_its_task_sent_event(shared: SharedSession) -> None:
    with (
        shop_on(shared, task_send_sent_event=True) as (app, connection, queue),
        shared.cluster.redis.pubsub() as events,  # type: ignore[no-untyped-call]
    ):
        events.psubscribe("*celeryev/task.sent")
        assert events.get_message(timeout=5)  # the broker knows the subscription
        submitter = Submitter(app, connection, shared.session.clock)
        plan = burst(Work(task="shop.any"), 5)
        submission = submitter.submit(plan, SubmitOptions(run="r", queue=queue))
        heard = [events.get_message(timeout=5) for _ in plan.due_s]
    bodies = [base64.b64decode(json.loads(event["data"])["body"]) for event in heard if event]
    assert [json.loads(body)["uuid"] for body in bodies] == list(submission.ids)
    assert "task_send_sent_event" in submission.why_one_by_one


def test_an_apply_async_of_the_projects_own_runs_for_each_message(shared: SharedSession) -> None:
    with shop_on(shared) as (app, connection, queue):
        submitter = Submitter(app, connection, shared.session.clock)
        options = SubmitOptions(run="r", queue=queue)
        submission = submitter.submit(burst(Work(task="shop.tenant"), 3), options)
        messages = taken(shared, queue)
    first = messages[0]["headers"]["call"]
    assert [m["headers"]["call"] for m in messages] == [first, first + 1, first + 2]
    assert submission.why_one_by_one == "apply_async is not Celery's own"


class Ticket:
    """An argument that is encoded as another number each time."""

    drawn = 0

    def __json__(self) -> int:
        """Draw a number."""
        Ticket.drawn += 1
        return Ticket.drawn


def wrapped(app: Celery) -> None:
    """Wrap the task's `apply_async`, as tools for tracing do."""
    task: Any = app.tasks["shop.any"]
    original = task.apply_async

    @functools.wraps(original)
    def traced(*args: Any, **options: Any) -> Any:
        return original(*args, **options)

    task.apply_async = traced


REASONS: dict[str, tuple[Work, dict[str, Any], Callable[[Celery], None], str]] = {
    "protocol 1": (Work(task="shop.any"), {"task_protocol": 1}, lambda _: None, "differ in body"),
    "an argument that changes": (
        Work(task="shop.any", args=(Ticket(),)), {}, lambda _: None, "differ in body",
    ),
    "a header that changes": (
        Work(task="shop.any", headers={"ticket": Ticket()}), {}, lambda _: None,
        "differ in headers.ticket",
    ),
    "an ETA": (Work(task="shop.any", eta=FAR), {}, lambda _: None, "time of sending"),
    "an expiry of the task": (Work(task="shop.stale"), {}, lambda _: None, "differ in headers.exp"),
    "a router": (
        Work(task="shop.any"), {"task_routes": [lambda *_, **__: None]}, lambda _: None, "a router",
    ),
    "a wrapper": (Work(task="shop.any"), {}, wrapped, "apply_async is not Celery's own"),
    "an expiring queue": (
        Work(task="shop.any"), {"task_queues": [Queue("shop-brief", expires=60)]}, lambda _: None,
        "its queue expires",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REASONS)
def test_tasks_that_no_template_can_replace_are_sent_one_by_one(
    shared: SharedSession, case: str
) -> None:
    work, conf, change, words = REASONS[case]
    with shop_on(shared, **conf) as (app, connection, new_queue):
        change(app)
        queue = conf["task_queues"][0].name if "task_queues" in conf else new_queue
        way = sender(app, connection, work, SubmitOptions(run="r", queue=queue))
        ids = [str(uuid4()) for _ in range(3)]
        way.push(ids, [1.0, 2.0, 3.0], 4.0)
        expires = shared.cluster.redis.ttl(queue)
        messages = taken(shared, queue)
    assert words in way.why_one_by_one
    assert [m["properties"]["correlation_id"] for m in messages] == ids
    stamps = [message["headers"][HEADER] for message in messages]
    assert stamps == [{"run": "r", "due": n * 10**6, "sent": 4 * 10**6} for n in (1, 2, 3)]
    assert len({str(message) for message in messages}) == len(ids)
    assert (expires > 0) == ("task_queues" in conf)


def topic(*bound: str) -> dict[str, Any]:
    """Return settings that bind queues to one topic exchange, with one routing key."""
    exchange = Exchange("shop-topic-" + "-".join(bound), type="topic")
    return {"task_queues": [Queue(name, exchange, routing_key="shop.#") for name in bound]}


def test_a_topic_exchange_with_one_queue_is_supported(shared: SharedSession) -> None:
    with shop_on(shared, **topic("alone")) as (app, connection, _):
        submitter = Submitter(app, connection, shared.session.clock)
        options = SubmitOptions(run="r", queue="alone")
        submission = submitter.submit(burst(Work(task="shop.any"), 3), options)
        messages = taken(shared, "alone")
    assert not submission.why_one_by_one
    assert tuple(message["headers"]["id"] for message in messages) == submission.ids
    assert messages[0]["properties"]["delivery_info"]["routing_key"] == "shop.#"


REFUSED: dict[str, tuple[Work, dict[str, Any], str, str]] = {
    "eager": (
        Work(task="shop.any"), {"task_always_eager": True}, "q",
        "the app sets task_always_eager, so no task reaches a worker: set it to False",
    ),
    "fanout": (
        Work(task="shop.any"),
        {"task_queues": [Queue("loud", Exchange("loud", type="fanout"))]}, "loud",
        "queue 'loud' has a fanout exchange, which gives each task to every worker: name a queue "
        "with a direct exchange",
    ),
    "two queues": (
        Work(task="shop.any"), topic("left", "right"), "left",
        "tasks for queue 'left' also arrive in 'right', so each would run more than once: name a "
        "queue with an exchange of its own",
    ),
    "elsewhere": (
        Work(task="shop.any"),
        {
            "task_queues": [Queue("near"), Queue("away", Exchange("away"), "away")],
            "task_routes": {"shop.any": {"exchange": "away", "routing_key": "away"}},
        }, "near",
        "shop.any always goes to queue 'away', even if you name another: submit it to 'away'",
    ),
    "no header": (
        Work(task="shop.forgetful"), {}, "q",
        "shop.forgetful did not send exactly one task with the given id: its own apply_async() "
        "must pass on task_id, queue, headers and producer",
    ),
    "unknown task": (
        Work(task="shop.ad"), {}, "q", "no task named 'shop.ad' (did you mean shop.add? known: ",
    ),
    "unknown queue": (
        Work(task="shop.any"),
        {"task_create_missing_queues": False, "task_queues": [Queue("tills")]}, "till",
        "no queue named 'till' (did you mean tills? known: tills)",
    ),
    "wrong arguments": (
        Work(task="shop.add", args=(1,)), {}, "q",
        "shop.add cannot be sent with these arguments: add() missing 1 required",
    ),
    "not JSON": (
        Work(task="shop.any", args=(object(),)), {}, "q",
        "shop.any cannot be sent with these arguments: Object of type object is not JSON",
    ),
    "countdown and ETA": (
        Work(task="shop.any", countdown_s=1, eta=FAR), {}, "q",
        "shop.any has a countdown and an ETA: leave one of them out",
    ),
    "a header that is not JSON": (
        Work(task="shop.any", headers={"x": object()}), {}, "q",
        "the headers of shop.any cannot be sent as JSON: Object of type object is not JSON",
    ),
    "our header": (
        Work(task="shop.any", headers={HEADER: 1}), {}, "q",
        "the header 'poolwise' is Poolwise's own: leave it out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("quiet", [True, False], ids=["template", "one by one"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_measured_is_refused_before_anything_is_sent(
    shared: SharedSession, case: str, quiet: bool
) -> None:
    work, conf, queue, words = REFUSED[case]
    conf = conf if quiet else {**conf, "task_send_sent_event": True}
    with shop_on(shared, **conf) as (app, connection, _):
        for declared in conf.get("task_queues", ()):
            declared(connection.default_channel).declare()
        submitter = Submitter(app, connection, shared.session.clock)
        with pytest.raises(UsageError) as caught:
            submitter.submit(burst(work, 2), SubmitOptions(run="r", queue=queue))
        sent = [
            taken(shared, name) for name in (queue, *(q.name for q in app.amqp.queues.values()))
        ]
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert not any(sent)


def test_another_transport_gets_its_tasks_one_by_one(shared: SharedSession) -> None:
    app = shop(shared, broker_url="memory://")
    with app, app.connection_for_write("memory://") as connection:
        submitter = Submitter(app, connection, shared.session.clock)
        options = SubmitOptions(run="r", queue="in-memory")
        submission = submitter.submit(burst(Work(task="shop.add", args=(1, 2)), 3), options)
        assert tuple(drain(connection, "in-memory")) == submission.ids
    assert submission.why_one_by_one == "the broker's transport is not kombu's for Redis"
