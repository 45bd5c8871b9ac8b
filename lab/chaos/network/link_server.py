"""The process behind a link: a network namespace, and the only way between it and the broker.

Usage: `python -m lab.chaos.network.link_server BROKER_PORT RECORDS_PORT`, both on loopback. What
runs in the namespace reaches the broker through a pair of TUN devices: this process moves each
packet from one to the other, as the rules of the moment say. The kernels' TCP at both ends does the
rest. The records server is reached another way, which no fault touches.

It prints the port of loopback on which it takes commands, one a line: the three states of `Rules`
and `forget`. It answers with the number of packets that were dropped or delayed so far and the
broker's address in the namespace.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, get_args

from cluster.ports import LOOPBACK
from lab.chaos.network.namespace import configure, loopback_up, new_namespace, open_tun
from lab.chaos.network.packets import Rules, State

#: No packet is larger, in bytes.
LARGEST: Final = 65_536
#: The descriptor of the namespace, so that others find it at /proc/PID/fd/NUMBER.
NAMESPACE_FD: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Both ends of a link."""

    outer: int  # the device on this machine's side
    inner: int  # the device in the namespace
    address: str  # of the outer end
    broker: socket.socket  # listens for connections that come in over the outer device
    records: socket.socket  # listens in the namespace


def addresses(number: int) -> tuple[str, str]:
    """Return the addresses of both ends of a link, out of a network that is reserved for tests."""
    first = number * 2
    return tuple(f"198.18.{one >> 8}.{one & 255}" for one in (first, first + 1))  # type: ignore[return-value]


def number_of(device: str) -> int:
    """Return the number in the name of an outer device, of which each has its own."""
    return int(device.removeprefix("poolwise"))


def opened(broker_port: int, records_port: int) -> Ends:
    """Make the namespace and the devices; raise OSError if this machine forbids it."""
    outer, name = open_tun("poolwise%d")
    near, far = addresses(number_of(name))
    configure(name, near, far)
    broker = _listening(near, broker_port, device=name)
    with new_namespace() as namespace:
        loopback_up()
        inner, inner_name = open_tun("poolwise%d")
        configure(inner_name, far, near)
        records = _listening(LOOPBACK, records_port)
        os.dup2(namespace, NAMESPACE_FD)
    return Ends(outer=outer, inner=inner, address=near, broker=broker, records=records)


def _listening(address: str, port: int, device: str = "") -> socket.socket:
    """Listen at an address; with `device`, nothing that comes in elsewhere is answered."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if device:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    listener.bind((address, port))
    listener.listen(128)
    return listener


class Relay:
    """Moves packets between the devices."""

    def __init__(self, ends: Ends, rules: Rules) -> None:
        self._rules = rules
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(ends.inner, self._move, ends.inner, ends.outer)
        self._loop.add_reader(ends.outer, self._move, ends.outer, ends.inner)
        self._inner = ends.inner

    def _move(self, source: int, target: int) -> None:
        try:
            packet = os.read(source, LARGEST)
        except BlockingIOError:
            return
        delay_s = self._rules.delay_s(packet, outward=source == self._inner)
        if delay_s:
            self._loop.call_later(delay_s, self._write, target, packet)
        elif delay_s is not None:
            self._write(target, packet)

    def _write(self, target: int, packet: bytes) -> None:
        try:
            os.write(target, packet)
        except OSError:  # its queue is full: the packet is lost, as in any network
            self._rules.hurt += 1


async def serve(ends: Ends, broker_port: int, records_port: int) -> None:
    """Run the link until the process is ended."""
    rules = Rules()
    Relay(ends, rules)

    async def command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode().strip():
            if line == "forget":
                rules.forget()
            elif line in get_args(State):
                rules.state = line  # type: ignore[assignment]
            writer.write(f"{rules.hurt} {ends.address}\n".encode())
        writer.close()

    await asyncio.start_server(_forwarding(broker_port), sock=ends.broker)
    await asyncio.start_server(_forwarding(records_port), sock=ends.records)
    control = await asyncio.start_server(command, LOOPBACK, 0)
    print(control.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - read by `start_link`
    await asyncio.Event().wait()


#: Serves one connection.
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


def _forwarding(port: int) -> Handler:
    """Return a handler that connects each client to a port of this machine's loopback."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))

    return forward


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy what arrives, until either side ends."""
    try:
        while data := await reader.read(LARGEST):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def main() -> None:
    """Open the link and run it; with the ports 0 and 0, only try whether it can be opened."""
    broker_port, records_port = map(int, sys.argv[1:])
    try:
        ends = opened(broker_port, records_port)
    except OSError as error:
        sys.exit(str(error))
    if broker_port:
        asyncio.run(serve(ends, broker_port, records_port))


if __name__ == "__main__":
    main()
