"""What cannot be processed becomes a dead letter, whole, with the reason, and can be requeued."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kombu_lease import dead
from tests.command import poolwise
from tests.lease.farm import Farm, kill

NOT_JSON = b'{"body": "oh\xff'
NO_PROPERTIES = b'{"body": ""}'
#: How the transport marks a message that came back 20 times.
COUNTED = b'"redelivered": true, "deliveries": 20'


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
        (message(headers={"lang": "py"}, **{"content-type": "application/x"}), "cannot be decoded"),
        (message(headers={"task": "unknown", "id": "x"}), "its consumer rejected it"),
    ],
    ids=["no-json", "no-properties", "null", "deep", "body", "unknown-task"],
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
