"""Keeps count of what a channel has delivered, and passes what becomes of it to the lease."""

from __future__ import annotations

from typing import Any

from kombu_lease import stock


class QoS(stock.QoS):  # type: ignore[misc]
    """Counts messages towards the prefetch limit; delivery tags are the lease's fields."""

    def __init__(self, channel: Any, prefetch_count: int = 0) -> None:
        super().__init__(channel, prefetch_count)
        # The lease hands everything back at the end of the process.
        self._on_collect.cancel()

    @property
    def credit(self) -> int | None:
        """How many messages there is room for; None without a limit."""
        if not self.can_consume():
            return 0
        # Celery replaces `can_consume` for worker_disable_prefetch; it cannot say how many.
        return 1 if "can_consume" in vars(self) else self.can_consume_max_estimate()

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message."""
        if lease := self.channel.lease:
            lease.ack(delivery_tag)
        self._done(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Put a message behind all others, as kombu's transport does, or to the dead letters."""
        if requeue:
            self._settle("tail", delivery_tag)
        else:
            self.bury(delivery_tag, "its consumer rejected it")

    def bury(self, delivery_tag: str, reason: str) -> None:
        """Move a message to the dead letters."""
        self._settle("dead", delivery_tag, reason)

    def _settle(self, operation: str, delivery_tag: str, argument: str = "") -> None:
        # Without a lease, there are only broadcasts and messages that need no acknowledgement.
        if lease := self.channel.lease:
            lease.settle(operation, delivery_tag, argument)
        self._done(delivery_tag)

    def _done(self, delivery_tag: str) -> None:
        super().ack(delivery_tag)
        # Without an event loop, another thread or greenlet may wait for messages without credit.
        transport = self.channel.connection
        if transport is not None and transport.cycle.waiting:
            transport.cycle.waiting = False
            self.channel.waker.wake()

    def restore_unacked_once(self, stderr: Any = None) -> None:  # noqa: ARG002
        """Hand back what nobody refers to any more; tasks that still run keep their messages."""
        self._flush()
        if lease := self.channel.lease:
            lease.close(list(self._delivered.items()))
        self._delivered.clear()

    def restore_unacked(self) -> list[Any]:
        """Hand back everything that is not acknowledged, marked as redelivered."""
        self._flush()
        for tag in list(self._delivered):
            self.reject(tag, requeue=True)
        self._flush()
        return []
