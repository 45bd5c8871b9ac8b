"""A user of Redis needs no rights but those that the documentation lists."""

from __future__ import annotations

import re
from typing import Any

import pytest
import redis

from kombu_lease import dead
from tests.lease.farm import Farm, kill
from tests.paths import ROOT

PREFIX = "shop:"
LUA = ROOT / "kombu_lease" / "lua"
#: Only the result backend runs this, and the rights are those of the transport.
RESULT_SCRIPT = "result.lua"


def documented() -> list[str]:
    """Return the words of the command in the documentation."""
    text = (ROOT / "docs" / "transport.md").read_text()
    found = re.search(r"```\n(ACL SETUSER shop .*?)```", text, re.DOTALL)
    assert found
    return found[1].split()


def test_the_rights_cover_the_scripts() -> None:
    """Also what a script rarely does, such as removing the copy of a message that was done late."""
    scripts = [path for path in LUA.glob("*.lua") if path.name != RESULT_SCRIPT]
    text = "".join(path.read_text() for path in scripts)
    called = set(re.findall(r"redis\.p?call\('([A-Z]+)'", text))
    called |= set(re.findall(r"push\('([A-Z]+)'", text))
    assert len(called) > 10
    assert {f"+{name.lower()}" for name in called} <= set(documented())


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_the_documented_rights_are_enough(pool: str, farm: Farm) -> None:
    client: Any = farm.broker.client
    rights = documented()
    version = client.info("server")["redis_version"].split(".")
    if tuple(map(int, version[:2])) < (7, 2):
        rights.remove("+client|setinfo")  # as the documentation says
    client.execute_command(*rights)
    farm.place = f"shop:PASSWORD@{farm.place}"
    app = farm.app(prefix=PREFIX)
    # Looking for other workers, it subscribes to their events.
    victim = farm.worker(pool, alone=False, prefix=PREFIX, lease_s=2)
    for mark in range(30):
        app.send_task("tests.lease.shop.wait", (mark, 0.2), priority=mark % 10)
    farm.send(app, "again", 30, 1)
    farm.until_more_ran(10)
    kill(victim)
    worker = farm.worker(pool, alone=False, prefix=PREFIX, lease_s=2)
    app.send_task("tests.lease.shop.note", (30,), countdown=4)
    app.send_task("tests.lease.shop.unknown", (31,))  # becomes a dead letter
    with app.connection_for_read() as connection:
        events = app.events.Receiver(connection, handlers={"worker-heartbeat": lambda _: None})
        events.capture(limit=1, timeout=20)
    farm.until_ran(31)
    assert app.control.inspect(timeout=5, limit=1).ping()
    with users_client(farm) as user:
        farm.until(lambda: dead.entries(user, PREFIX), 10)
        [letter] = dead.entries(user, PREFIX)
        assert dead.requeue(user, PREFIX, [letter.id]) == 1
        farm.until(lambda: dead.entries(user, PREFIX), 10)
        [letter] = dead.entries(user, PREFIX)
        assert dead.drop(user, PREFIX, [letter.id]) == 1
        with pytest.raises(redis.exceptions.NoPermissionError):
            user.llen("celery")
    worker.stop(30)
    assert worker.exit_code == 0, worker.log_tail()
    refused = [(one["reason"], one["object"]) for one in client.acl_log()]
    assert refused == [("key", "celery")]  # this test's own attempt
    assert all(key.startswith(PREFIX.encode()) for key in client.scan_iter())


def users_client(farm: Farm) -> redis.Redis:
    """Return a client with the user's rights."""
    return redis.Redis.from_url(f"redis://{farm.place}")
