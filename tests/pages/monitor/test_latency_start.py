"""Latencies of real tasks start when they were due or sent, or the page says that they do not.

The tests share one cluster, and each of them uses a task of its own pool.
"""

from __future__ import annotations

import re
import time
from typing import Any

from celery import Celery
from celery.signals import before_task_publish

from cluster.wait import wait_until
from monitor.history.latency_start import FROM_RECEPTION
from tests.pages.monitor.conftest import BOUND_S, OpenPage, Watched
from tests.paths import ROOT
from worker.probe import HEADER

PAGE = ROOT / "docs" / "throughput.md"
SLEEP_S = 0.5
COUNT = 3


def client(watched: Watched, **settings: Any) -> Celery:
    """Return a client that knows nothing of Poolwise."""
    found = Celery(broker=watched.cluster.broker_url, set_as_current=False)
    found.conf.update(settings)
    return found


def send(app: Celery, pool: str, **options: Any) -> None:
    for _ in range(COUNT):
        app.send_task("io.sleep", args=(SLEEP_S,), queue=pool, ignore_result=True, **options)


def until_finished(watched: Watched, pool: str, count: int = COUNT) -> dict[str, Any]:
    """Wait until that many tasks of a pool finished; return the pool's data."""
    return wait_until(
        lambda: found if (found := watched.data(pool=pool))["finished"] == count else {},
        BOUND_S,
        lambda: AssertionError(f"{watched.data(pool=pool)}"),
    )


def slowest_s(found: dict[str, Any], pool: str) -> float:
    values: list[float | None] = found["lines"][pool]["p95_s"]
    return max(value for value in values if value is not None)


def test_a_plain_task_counts_from_reception_and_the_page_says_so(
    watched: Watched, open_page: OpenPage
) -> None:
    seen = open_page(f"{watched.url}/throughput?pool=prefork")
    seen.wait("live")
    send(client(watched), "prefork")
    found = until_finished(watched, "prefork")
    assert found["latency_starts"] == {"due": 0, "sent": 0, "received": COUNT}
    assert found["latency_note"] == FROM_RECEPTION
    tile = "document.querySelector('#tp-tiles [data-pool=prefork]').textContent"
    seen.wait_for(f"{tile}.includes('without queue time')")
    seen.wait_for(f"document.querySelector('#tp-from').textContent.includes('{FROM_RECEPTION}')")
    assert seen.complaints == []


def test_an_event_of_the_client_says_when_a_task_was_sent(watched: Watched) -> None:
    send(client(watched, task_send_sent_event=True), "threads")
    found = until_finished(watched, "threads")
    assert found["latency_starts"] == {"due": 0, "sent": COUNT, "received": 0}
    assert found["latency_note"] == ""
    send(client(watched), "threads")
    found = until_finished(watched, "threads", 2 * COUNT)
    assert found["latency_starts"] == {"due": 0, "sent": COUNT, "received": COUNT}
    assert f"due or sent: {COUNT} of {2 * COUNT};" in found["latency_note"]


def test_a_task_with_a_countdown_is_late_only_after_it(watched: Watched) -> None:
    send(client(watched), "gevent", countdown=3)
    found = until_finished(watched, "gevent")
    assert found["latency_starts"] == {"due": COUNT, "sent": 0, "received": 0}
    assert SLEEP_S <= slowest_s(found, "gevent") < 3.0


def test_the_documented_lines_add_the_time_of_sending(watched: Watched) -> None:
    [lines] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(lines, names)  # noqa: S102 - our own page
    try:
        send(client(watched), "prefork")
        send(client(watched), "prefork", countdown=1)
    finally:
        before_task_publish.disconnect(names["stamp"])
    found = until_finished(watched, "prefork", 3 * COUNT)
    assert found["latency_starts"] == {"due": COUNT, "sent": COUNT, "received": COUNT}


def test_a_header_of_any_client_says_when_a_task_was_sent(watched: Watched) -> None:
    sent_us = int((time.time() - 100) * 1e6)
    send(client(watched), "gevent", headers={HEADER: {"sent": sent_us}})
    found = until_finished(watched, "gevent", 2 * COUNT)
    assert found["latency_starts"] == {"due": COUNT, "sent": COUNT, "received": 0}
    assert slowest_s(found, "gevent") > 100
