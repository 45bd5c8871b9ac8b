"""A message that becomes a dead letter if nobody can read it."""

from __future__ import annotations

from typing import Any

from kombu_lease import stock
from kombu_lease.errors import UndecodableError, in_a_line


class Message(stock.Message):  # type: ignore[misc]
    """Celery acknowledges what it cannot decode; this keeps it with the dead letters instead.

    Raises UndecodableError if kombu cannot make a message of `payload` at all.
    """

    _undecodable: str = ""

    def __init__(self, payload: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(payload, *args, **kwargs)
        except Exception as error:
            raise UndecodableError(f"it is not a kombu message: {in_a_line(error)}") from error
        if self.errors:  # kombu notes here that it could not decompress the body
            self._cannot_decode(self.errors[0][1])

    def decode(self) -> Any:
        """Return the decoded body."""
        try:
            return super().decode()
        except Exception as error:
            self._cannot_decode(error)
            raise

    def ack(self, multiple: bool = False) -> None:
        """Acknowledge the message."""
        if self._undecodable and self.channel is not None and not self.acknowledged:
            self.channel.qos.bury(self.delivery_tag, self._undecodable)
            self._state = "ACK"
            return
        super().ack(multiple)

    def _cannot_decode(self, error: BaseException) -> None:
        self._undecodable = f"its body cannot be decoded: {in_a_line(error)}"
