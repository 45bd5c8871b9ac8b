"""The kernel accepts the options for silent connections, and they mean the number of seconds."""

from __future__ import annotations

import socket

import pytest

from kombu_lease.silence import give_up_after
from tasks.settings import SILENT_CONNECTION_S, broker_transport_options


@pytest.mark.parametrize("seconds", [9, 15, 60])
def test_a_socket_accepts_the_options(seconds: int) -> None:
    with socket.socket() as client:
        for option, value in give_up_after(seconds).items():
            client.setsockopt(socket.IPPROTO_TCP, option, value)
            assert client.getsockopt(socket.IPPROTO_TCP, option) == value


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux has all options")
@pytest.mark.parametrize("seconds", [9, 15, 60])
def test_an_idle_connection_is_given_up_as_soon_as_one_with_data(seconds: int) -> None:
    options = give_up_after(seconds)
    first, interval = options[socket.TCP_KEEPIDLE], options[socket.TCP_KEEPINTVL]
    assert first + interval * options[socket.TCP_KEEPCNT] == seconds
    assert options[socket.TCP_USER_TIMEOUT] == seconds * 1_000


def test_workers_use_them() -> None:
    assert broker_transport_options["socket_keepalive"] is True
    assert broker_transport_options["socket_keepalive_options"] == give_up_after(
        SILENT_CONNECTION_S
    )
