"""A broker is named again by words that a shell reads as one option each."""

from __future__ import annotations

import json
import shlex

from producer.broker_words import flags, variables

URL = "redis://:***@host:6379/0"
#: A shell would take the hidden password for a pattern, and Redis for a password.
TYPED = "redis://:PASSWORD@host:6379/0"
OPTIONS = {"global_keyprefix": "it's: ", "visibility_timeout": 60, "priority_steps": (0, 5)}
SHOWN = {"global_keyprefix": "it's: ", "priority_steps": [0, 5]}


def test_only_options_that_place_messages_are_repeated() -> None:
    address, url, name, text = shlex.split(flags(URL, OPTIONS))
    assert (address, url, name) == ("--broker", TYPED, "--transport-options")
    assert json.loads(text) == SHOWN
    broker, options = shlex.split(variables(URL, OPTIONS))
    assert broker == f"CELERY_BROKER_URL={TYPED}"
    assert json.loads(options.removeprefix("POOLWISE_BROKER_OPTIONS=")) == SHOWN


def test_without_options_only_the_address_is_repeated() -> None:
    assert flags("redis://host/0", {}) == "--broker redis://host/0"
    assert variables("redis://host/0", {}) == "CELERY_BROKER_URL=redis://host/0"
