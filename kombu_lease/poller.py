"""Waits for what arrives on all channels' connections, with Celery's event loop or without."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from queue import Empty
from typing import Any

from kombu.log import get_logger
from kombu.utils.eventio import ERR, READ

from kombu_lease import stock
from kombu_lease.errors import UndecodableError

_log = get_logger(__name__)

#: The longest wait for events while a reply is to come, so that an overdue one is noticed, ...
_REPLY_WAIT_S = 1.0
#: ... and while none is: no longer than Celery's own, as other threads may wait for its end.
_IDLE_WAIT_S = 2.0


class Poller(stock.MultiChannelPoller):  # type: ignore[misc]
    """Watches three kinds of files: claims, fanout (LISTEN) and wake-ups."""

    def __init__(self) -> None:
        super().__init__()
        self._watched: dict[int, tuple[Any, str, Any]] = {}  # by file: channel, kind, socket
        self._hub: Any = None
        self._pid = os.getpid()
        self.waiting = False  # whether a thread waits, or is about to, until something arrives

    # What kombu's transport and channels call.

    def use_hub(self, hub: Any) -> None:
        """Watch with Celery's event loop from now on."""
        self._hub = hub
        for fileno in self._watched:
            hub.add_reader(fileno, self.on_readable, fileno)

    def forget(self, channel: Any, kind: str) -> None:
        """Stop watching a file of a channel, before it is closed."""
        self._forget(lambda watched: watched[0] is channel and watched[1] == kind)

    def discard(self, channel: Any) -> None:
        """Forget a channel."""
        self._channels.discard(channel)
        self._forget(lambda watched: watched[0] is channel)

    def close(self) -> None:
        """Forget all channels."""
        self._channels.clear()
        self._forget(lambda _watched: True)

    def on_poll_init(self, poller: Any) -> None:
        """Nothing to do: expired leases are returned by the lease's thread."""

    def on_poll_start(self) -> None:
        """Send what there is to send, and watch new connections."""
        for channel in list(self._channels):
            channel.pump()
            if channel.claims.connected:
                self._watch(channel, "CLAIM", channel.claims.socket)
            if channel.active_queues:
                self._watch(channel, "WAKE", channel.waker.fd)
            if channel.active_fanout_queues:
                self._listen(channel)

    def maybe_restore_messages(self) -> None:
        """Nothing to do: expired leases are returned by the lease's thread."""

    def on_readable(self, fileno: int) -> bool:
        """Read from a file; return whether a message was delivered."""
        channel, kind, _ = self._watched.get(fileno, (None, "", None))
        if kind == "CLAIM":
            return bool(channel.receive())
        if kind == "LISTEN":
            return _heard(channel)
        if kind == "WAKE":
            channel.waker.clear()
            return bool(channel.deliver())
        return False

    def get(self, callback: Any, timeout: float | None = None) -> None:  # noqa: ARG002
        """Wait until a message was delivered. Raises Empty after `timeout` seconds."""
        until_s = None if timeout is None else time.monotonic() + timeout
        while not self._poll_once(until_s):
            if until_s is not None and time.monotonic() >= until_s:
                raise Empty

    @property
    def fds(self) -> dict[int, Any]:
        """The files that are watched."""
        return {fd: (channel, kind) for fd, (channel, kind, _) in self._watched.items()}

    # The rest is this module's own.

    def _poll_once(self, until_s: float | None) -> bool:
        self._in_protected_read = True
        self.waiting = True  # from before the credit is counted, or an acknowledgement is missed
        try:
            if refresh := getattr(self, "maybe_refresh_binding_expiry", None):
                refresh()
            self.on_poll_start()
            return self._read_once(until_s)
        finally:
            self._in_protected_read = self.waiting = False
            while self.after_read:  # such as to cancel a consumer, from another thread
                self.after_read.pop()()

    def _read_once(self, until_s: float | None) -> bool:
        unanswered = any(channel.claims.unanswered for channel in self._channels)
        wait_s = _REPLY_WAIT_S if unanswered else _IDLE_WAIT_S
        if until_s is not None:
            wait_s = min(wait_s, max(0.0, until_s - time.monotonic()))
        events = self.poller.poll(wait_s) or ()
        self.waiting = False
        delivered = False
        for fileno, event in events:
            if event & (READ | ERR):
                with suppress(Empty):
                    delivered = self.on_readable(fileno) or delivered
        return delivered

    def _listen(self, channel: Any) -> None:
        client = channel.subclient
        if not self._client_registered(channel, client, "LISTEN"):
            channel._in_listen = None
            if client.connection._sock is None:
                client.connection.connect()
            self._chan_to_sock[channel, client, "LISTEN"] = client.connection._sock
        self._watch(channel, "LISTEN", client.connection._sock)
        if not channel._in_listen:
            channel._subscribe()

    def _watch(self, channel: Any, kind: str, file: Any) -> None:
        fileno = file if isinstance(file, int) else file.fileno()
        watched = self._watched.get(fileno)
        if watched is not None and watched[0] is channel and watched[2] is file:
            return
        self._forget(lambda old: old[0] is channel and old[1] == kind)
        self._watched[fileno] = (channel, kind, file)
        if self._hub is not None:
            self._hub.add_reader(fileno, self.on_readable, fileno)
        else:
            self.poller.register(fileno, READ | ERR)

    def _forget(self, matches: Any) -> None:
        for fileno, watched in list(self._watched.items()):
            if matches(watched):
                del self._watched[fileno]
                self._unwatch(fileno)
        for ident in [i for i in self._chan_to_sock if matches((i[0], i[2], None))]:
            del self._chan_to_sock[ident]

    def _unwatch(self, fileno: int) -> None:
        if self._pid != os.getpid():  # what polls is shared with the parent, which goes on
            return
        with suppress(KeyError, ValueError, OSError, AttributeError):
            if self._hub is not None:
                self._hub.remove(fileno)
            else:
                self.poller.unregister(fileno)

    def _on_connection_disconnect(self, connection: Any) -> None:
        """Forget the fanout connection of a channel; kombu calls this when redis-py closes it."""
        for ident in list(self._chan_to_sock):
            channel, client, kind = ident
            if getattr(client, "connection", None) is connection:
                channel._in_listen = None
                self._forget(lambda old, ch=channel, k=kind: old[0] is ch and old[1] == k)


def _heard(channel: Any) -> bool:
    """Deliver the broadcasts that have arrived; return whether there were any."""
    while True:
        try:
            return bool(channel._receive())
        except UndecodableError as error:
            _log.error("A broadcast cannot be decoded: %s.", error)
            connection = channel.subclient.connection
            if connection is None or not connection.can_read(timeout=0):
                return False
