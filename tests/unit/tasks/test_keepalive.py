"""The options that make the kernel notice a vanished broker."""

from __future__ import annotations

import socket

from tasks.celery import app
from tasks.keepalive import keepalive_options


def test_a_socket_accepts_every_option() -> None:
    options = keepalive_options()
    assert options
    with socket.socket() as one:
        for option, value in options.items():
            one.setsockopt(socket.IPPROTO_TCP, option, value)
            assert one.getsockopt(socket.IPPROTO_TCP, option) == value


def test_workers_use_them() -> None:
    assert app.conf.broker_transport_options["socket_keepalive_options"] == keepalive_options()
