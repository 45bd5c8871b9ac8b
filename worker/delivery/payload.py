"""What a message that goes back to its queue looks like, and the list that it goes to."""

from __future__ import annotations

from typing import Any

from kombu.utils.json import dumps


def put_back(channel: Any, raw: Any, queue: str) -> tuple[str, str]:
    """Return the key of the list, without the project's prefix, and the text of a message.

    `raw` is the message as kombu decoded it. It is marked as redelivered, as kombu does.
    """
    properties = raw["properties"]
    marked = {
        **raw,
        "headers": {**(raw.get("headers") or {}), "redelivered": True},
        "properties": {
            **properties,
            "delivery_info": {**properties["delivery_info"], "redelivered": True},
        },
    }
    return key_of(channel, raw, queue), dumps(marked)


def key_of(channel: Any, raw: Any, queue: str) -> str:
    """Return the key of the list of a queue that a message belongs to, by its priority."""
    key: str = channel._q_for_pri(queue, channel._get_message_priority(raw))
    return key


def task_id_of(raw: Any, tag: str) -> str:
    """Return the id by which the deaths of a message are counted."""
    found = (raw.get("headers") or {}).get("id")
    return found if isinstance(found, str) and found and encodable(found) else tag


def encodable(text: str) -> bool:
    """Return whether Redis can store a text: JSON may contain half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
