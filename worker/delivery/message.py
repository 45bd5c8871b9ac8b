"""A message whose parts have been checked as far as kombu reads them unchecked."""

from __future__ import annotations

from typing import Any

from kombu.transport import virtual


class CheckedMessage(virtual.Message):
    """A message of a queue; creating it raises any exception if it is malformed."""

    queue: str  # that it came from

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        """Read what kombu popped."""
        super().__init__(payload, channel=channel, **kwargs)
        for name in ("exchange", "routing_key"):
            if not isinstance(self.delivery_info[name], str):
                raise TypeError(f"its {name} is not a text")
        if not isinstance(self.headers, dict):
            raise TypeError("its headers are not an object")
        if not isinstance(self.delivery_tag, str):
            raise TypeError("its delivery_tag is not a text")
        popped, channel.popped = channel.popped, None
        self.queue = channel.queue_of(popped[0]) if popped else self.delivery_info["routing_key"]
