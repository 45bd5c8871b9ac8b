"""A TCP proxy on loopback that passes bytes on after a delay, for both directions.

    python -m benchmarks.delay_proxy LISTEN_PORT SERVER_PORT DELAY_MS

Half of the delay goes to each direction, so it is the time that a round trip takes longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import click

HOST = "127.0.0.1"


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Pass on what arrives, each piece `delay_s` after it came."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(1 << 18):
        loop.call_later(delay_s, writer.write, data)
    loop.call_later(delay_s, writer.close)


def connected(
    port: int, delay_s: float
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return what serves a connection."""

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            server_reader, server_writer = await asyncio.open_connection(HOST, port)
            await asyncio.gather(
                pump(reader, server_writer, delay_s), pump(server_reader, writer, delay_s)
            )

    return serve_one


@click.command()
@click.argument("listen_port", type=int)
@click.argument("server_port", type=int)
@click.argument("delay_ms", type=click.FloatRange(0))
def main(listen_port: int, server_port: int, delay_ms: float) -> None:
    """Pass bytes between a port and a server's, DELAY_MS later for a round trip; until Ctrl-C."""
    asyncio.run(serve(listen_port, server_port, delay_ms))


async def serve(listen: int, port: int, delay_ms: float) -> None:
    """Serve until the process is stopped."""
    server = await asyncio.start_server(connected(port, delay_ms / 2000), HOST, listen)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
