"""The transport: kombu's own for Redis, with this package's channels and poller."""

from __future__ import annotations

import ssl
from typing import Any

from kombu_lease import SCHEMES, stock
from kombu_lease.channel import Channel, SentinelChannel
from kombu_lease.forgotten import drop_forgotten
from kombu_lease.poller import Poller

#: The periodic tasks of kombu's poller that this transport needs, with their intervals in seconds
#: and the transport options that change them. Versions of kombu that lack one do without it.
_PERIODIC_S = {
    "maybe_check_subclient_health": (25, "health_check_interval"),
    "maybe_reauth": (10, "reauth_check_interval"),
    "maybe_refresh_binding_expiry": (1, ""),
}


class LeaseTransportMixin:
    """What a transport does differently, for any of kombu's Redis transports."""

    Channel: Any = Channel
    scheme = "lease"

    def __init__(self: Any, client: Any, **kwargs: Any) -> None:
        _keep(self.scheme, client)
        super().__init__(client, **kwargs)  # type: ignore[call-arg]
        self.cycle = Poller()
        self._on_tick: Any = None
        self._timers: list[Any] = []

    def register_with_event_loop(self: Any, connection: Any, loop: Any) -> None:
        """Let Celery's event loop wait for messages."""
        drop_forgotten()
        self.unregister()
        cycle = self.cycle
        cycle.use_hub(loop)
        loop.on_tick.add(cycle.on_poll_start)
        self._on_tick = (loop, cycle.on_poll_start)
        chosen_s = connection.client.transport_options
        for name, (default_s, option) in _PERIODIC_S.items():
            interval_s = chosen_s.get(option, default_s)
            if (run := getattr(cycle, name, None)) and interval_s:
                self._timers.append(loop.call_repeatedly(interval_s, run))

    def unregister(self: Any) -> None:
        """Take the transport out of Celery's event loop."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._on_tick is not None:
            loop, on_tick = self._on_tick
            loop.on_tick.discard(on_tick)
            self._on_tick = None

    def close_connection(self: Any, connection: Any) -> None:
        """Close all channels."""
        self.unregister()
        super().close_connection(connection)  # type: ignore[misc]


class Transport(LeaseTransportMixin, stock.Transport):  # type: ignore[misc]
    """`lease://`: one Redis server."""


class TLSTransport(Transport):
    """`leases://`: one Redis server, with TLS. Certificates are checked unless options say no."""

    scheme = "leases"

    def __init__(self, client: Any, **kwargs: Any) -> None:
        client.ssl = _checking(client.ssl if isinstance(client.ssl, dict) else {})
        super().__init__(client, **kwargs)


def _checking(chosen: dict[str, Any]) -> dict[str, Any]:
    """Return TLS options that check certificate and host name unless `chosen` says no.

    By itself, redis-py before 6.0 does not check the host name.
    """
    required = {"ssl_cert_reqs": ssl.CERT_REQUIRED, **chosen}
    unchecked = required["ssl_cert_reqs"] in (None, "none", ssl.CERT_NONE)
    return {"ssl_check_hostname": not unchecked, **required}


class SentinelTransport(LeaseTransportMixin, stock.SentinelTransport):  # type: ignore[misc]
    """`leasesentinel://`: the server that Sentinel names."""

    Channel = SentinelChannel
    scheme = "leasesentinel"


def _keep(scheme: str, client: Any) -> None:
    """Stay with a transport that was named by its class when kombu tries the next address.

    kombu then takes the transport from the scheme of that address, which is stock's.
    """
    if not isinstance(client.alt, list):
        return
    own = [_with_scheme(scheme, url) for url in client.alt]
    if own != client.alt:
        client.alt = own
        client.cycle = client.failover_strategy(own)
        next(client.cycle)  # the one in use


def _with_scheme(scheme: str, url: str) -> str:
    named, colon, rest = url.partition("://")
    return f"{scheme}://{rest}" if colon and named not in SCHEMES else url
