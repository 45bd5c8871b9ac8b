"""A message that becomes a dead letter if its body cannot be decoded."""

from __future__ import annotations

from typing import Any

from kombu_lease import stock


class Message(stock.Message):  # type: ignore[misc]
    """Celery acknowledges what it cannot decode; this keeps it with the dead letters instead."""

    _undecodable: str = ""

    def decode(self) -> Any:
        """Return the decoded body."""
        try:
            return super().decode()
        except Exception as error:
            self._undecodable = " ".join(f"its body cannot be decoded: {error!r}".split())[:300]
            raise

    def ack(self, multiple: bool = False) -> None:
        """Acknowledge the message."""
        if self._undecodable and self.channel is not None and not self.acknowledged:
            self.channel.qos.bury(self.delivery_tag, self._undecodable)
            self._state = "ACK"
            return
        super().ack(multiple)
