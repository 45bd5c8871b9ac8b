"""A message whose parts have been checked as far as kombu reads them unchecked."""

from __future__ import annotations

from typing import Any

from kombu.transport import virtual

from worker.delivery.payload import encodable


class CheckedMessage(virtual.Message):
    """A message of a queue; creating it raises any exception if it is malformed."""

    queue: str  # that it came from

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        """Read what kombu popped."""
        super().__init__(payload, channel=channel, **kwargs)
        if channel.popped is None:  # not from a queue
            self.queue = self.delivery_info.get("routing_key") or ""
            return
        for name in ("exchange", "routing_key"):
            if not isinstance(self.delivery_info[name], str):
                raise TypeError(f"its {name} is not a string")
        if not isinstance(self.headers, dict):
            raise TypeError("its headers are not an object")
        if not isinstance(self.delivery_tag, str):
            raise TypeError("its delivery_tag is not a string")
        # Both become parts of Redis's keys or commands.
        for name, text in (("delivery_tag", self.delivery_tag), ("id", self.headers.get("id"))):
            if isinstance(text, str) and not encodable(text):
                raise ValueError(f"its {name} contains half a character")
        (key, _), channel.popped = channel.popped, None
        self.queue = channel.queue_of(key)
