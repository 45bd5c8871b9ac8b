"""Flower takes transport options from the environment, and never redelivers what workers hold."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery

from monitor.extension import set_transport_options
from tasks.errors import UsageError

NAMED = {"POOLWISE_BROKER_OPTIONS": '{"sep": ":", "global_keyprefix": "shop:"}'}
#: More seconds than there have been since 1970.
FOREVER_S = 10**10


@pytest.mark.parametrize(
    ("url", "own", "environ", "expected"),
    [
        ("redis://h/0", {}, {}, {"visibility_timeout": FOREVER_S}),
        (
            "redis://h/0",
            {"sep": "/", "visibility_timeout": 60, "max_connections": 7},
            NAMED,
            {
                "sep": ":",
                "global_keyprefix": "shop:",
                "visibility_timeout": FOREVER_S,
                "max_connections": 7,
            },
        ),
        ("amqp://h//", {"confirm_publish": True}, {}, {"confirm_publish": True}),
    ],
    ids=["address only", "both", "no Redis"],
)
def test_flower_gets_the_options_of_the_app_and_of_the_environment(
    url: str, own: dict[str, Any], environ: dict[str, str], expected: dict[str, Any]
) -> None:
    app = Celery(broker=url, set_as_current=False)
    app.conf.broker_transport_options = own
    set_transport_options(app, environ)
    assert app.connection_for_read().transport_options == expected


def test_a_mistake_in_the_variable_is_refused() -> None:
    app = Celery(broker="redis://h/0", set_as_current=False)
    with pytest.raises(UsageError, match="POOLWISE_BROKER_OPTIONS must be a JSON object"):
        set_transport_options(app, {"POOLWISE_BROKER_OPTIONS": "shop:"})
