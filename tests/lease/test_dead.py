"""What cannot be processed becomes a dead letter, whole, with the reason, and can be requeued."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from kombu_lease import dead
from tests.command import poolwise
from tests.faults.malformed import MALFORMED
from tests.lease.farm import Farm, kill

NOT_JSON = b'{"body": "oh\xff'
NO_PROPERTIES = b'{"body": ""}'
#: How the transport marks a message that came back 20 times.
COUNTED = b'"redelivered": true, "deliveries": 20'
#: How it marks one that came back once, with other entries behind.
COUNTED_ONCE = b'"redelivered": true, "deliveries": 1, '
#: What Celery runs all the same: this transport sets the tag, and tasks with such parts fail.
RUN = {
    *("no delivery tag", "a delivery tag that is a number", "a delivery tag with half a character"),
    "an id with half a character",
    *("args that are text", "kwargs that are a list"),
    *("retries that are text", "stamps that are a number"),
}


def message(**changes: Any) -> bytes:
    """Return a message as kombu writes it."""
    content = {
        "body": base64.b64encode(b'[[0], {}, {"callbacks": null}]').decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "tests.lease.shop.note", "id": "x", "root_id": "x"},
        "properties": {
            "correlation_id": "x",
            "body_encoding": "base64",
            "delivery_tag": "t",
            "delivery_info": {"exchange": "", "routing_key": "celery"},
        },
    }
    return json.dumps(content | changes).encode()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (NOT_JSON, "it is not JSON"),
        (NO_PROPERTIES, "it has no properties"),
        (b"null", "it has no properties"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"__type__": "bytes", "__value__": 1}', "it is not JSON"),
        (message(headers={"lang": "py"}, **{"content-type": "application/x"}), "cannot be decoded"),
        (message(headers={"compression": "application/x-gzip"}), "cannot be decoded"),
        (message(headers={"compression": "unknown"}), "cannot be decoded"),
        (message(headers={"lang": "py"}, **{"content-type": "x/\ud800"}), "cannot be decoded"),
        (message(headers=["a"]), "it is not a kombu message"),
        (message(body="a"), "it is not a kombu message"),
        (message(headers={"task": "unknown", "id": "x"}), "its consumer rejected it"),
    ],
    ids=[
        *("no-json", "no-properties", "null", "deep", "type", "body", "compression"),
        *("unknown-compression", "half-a-character", "headers", "base64", "unknown-task"),
    ],
)
def test_bad_messages_are_kept_and_others_run(bad: bytes, reason: str, farm: Farm) -> None:
    worker = farm.worker("solo")
    client = farm.broker.client
    client.lpush("celery", bad)
    farm.send(farm.app(), "note", 1)
    farm.until_ran(1)
    farm.until(lambda: dead.entries(client), 5)
    [letter] = dead.entries(client)
    assert letter.message == bad
    assert reason in letter.reason
    assert letter.key == "celery"
    assert worker.alive


def test_no_malformed_message_stops_the_others(farm: Farm) -> None:
    client = farm.broker.client
    task = b"tests.lease.shop.note"
    malformed = {what: bad.replace(b"io.sleep", task) for what, (bad, _) in MALFORMED.items()}
    for mark, bad in enumerate(malformed.values(), start=1):
        client.lpush("celery", bad)
        farm.app().send_task(task.decode(), (mark,))
    marks = set(range(1, len(malformed) + 1))

    def idle() -> bool:
        return farm.ran().keys() >= marks and not client.llen("celery") and not farm.held()

    for _ in malformed:  # each may end one worker
        worker = farm.worker("solo", max_deliveries=1, ready=False)
        farm.until(lambda child=worker: idle() or not child.alive, 30)  # type: ignore[misc]
        if worker.alive:
            break
    assert worker.alive
    assert max(farm.ran()[mark] for mark in marks) == 1
    kept = {letter.message.replace(COUNTED_ONCE, b"") for letter in dead.entries(client)}
    assert {what for what, bad in malformed.items() if bad not in kept} == RUN


def test_a_message_that_kills_its_worker_is_given_up(farm: Farm) -> None:
    farm.send(farm.app(), "wait", 1, 60)
    for times in range(3):
        victim = farm.worker("solo", lease_s=1, max_deliveries=3)
        farm.until_began(times + 1)
        kill(victim)
    farm.worker("solo", lease_s=1, max_deliveries=3)
    client = farm.broker.client
    farm.until(lambda: dead.entries(client), 20)
    [letter] = dead.entries(client)
    assert (letter.deliveries, letter.key) == (3, "celery")
    assert "delivered 3 times" in letter.reason
    assert dead.requeue(client, "", [letter.id]) == 1
    farm.until_began(4)
    assert not dead.entries(client)


def test_the_command_gives_a_requeued_message_all_its_deliveries_again(farm: Farm) -> None:
    client = farm.broker.client
    given_up = message().replace(b'"delivery_info": {', b'"delivery_info": {' + COUNTED + b", ")
    dead.bury(client, "", "celery", given_up, "delivered 20 times", 20)
    done = poolwise("dead", "requeue", "--all", "--broker", farm.broker.url)
    assert done.returncode == 0, done.stderr
    [requeued] = client.lrange("celery", 0, -1)
    assert requeued == given_up.replace(b"20", b"0")
    assert not dead.entries(client)


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("-A", "shop"), {}),
        (("--broker", "URL"), {}),
        ((), {"POOLWISE_BROKER": "URL"}),
        ((), {"CELERY_BROKER_URL": "URL"}),
    ],
)
def test_the_command_takes_the_url_that_the_app_names(
    words: tuple[str, ...], variables: dict[str, str], farm: Farm, tmp_path: Path
) -> None:
    url = farm.url("lease")
    app = f"import kombu_lease\nfrom celery import Celery\napp = Celery('shop', broker='{url}')\n"
    (tmp_path / "shop.py").write_text(app)
    entry = dead.bury(farm.broker.client, "", "celery", message(), "it is bad")
    named = [word.replace("URL", url) for word in words]
    env = {name: value.replace("URL", url) for name, value in variables.items()}
    done = poolwise("dead", "list", "--json", *named, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert [letter["id"] for letter in json.loads(done.stdout)] == [entry]
