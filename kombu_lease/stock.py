"""The classes of kombu that this package extends, untyped: their stubs lack most of them."""

from __future__ import annotations

from typing import Any

from kombu.transport import redis, virtual

Channel: Any = redis.Channel
SentinelChannel: Any = redis.SentinelChannel
MultiChannelPoller: Any = redis.MultiChannelPoller
Transport: Any = redis.Transport
SentinelTransport: Any = redis.SentinelTransport
QoS: Any = virtual.QoS
Message: Any = virtual.Message
