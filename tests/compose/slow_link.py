"""A TCP proxy that delays data in one direction only.

    python slow_link.py PORT TARGET TARGET_PORT DELAY_MS

A delay in one direction is the worst case for comparing clocks, because a round trip cannot show
in which direction the time was spent. The proxy must not know the protocol that it forwards.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial

Piece = tuple[float, bytes]


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Forward data in order, each piece `delay_s` after it arrived."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[Piece] = asyncio.Queue()

    async def take() -> None:
        while data := await reader.read(65_536):
            pieces.put_nowait((loop.time() + delay_s, data))
        pieces.put_nowait((loop.time() + delay_s, b""))

    taking = asyncio.create_task(take())
    try:
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(due - loop.time())  # the link's delay
            if not data:
                return
            writer.write(data)
            await writer.drain()
    finally:
        taking.cancel()
        writer.close()


async def serve(
    target: str,
    port: int,
    delay_s: float,
    near_in: asyncio.StreamReader,
    near_out: asyncio.StreamWriter,
) -> None:
    """Forward one connection in both directions."""
    far_in, far_out = await asyncio.open_connection(target, port)
    ways = (carry(near_in, far_out, delay_s), carry(far_in, near_out, 0.0))
    await asyncio.gather(*ways, return_exceptions=True)


async def main(port: int, target: str, target_port: int, delay_s: float) -> None:
    """Listen on all addresses of the container until stopped."""
    answer = partial(serve, target, target_port, delay_s)
    server = await asyncio.start_server(answer, "0.0.0.0", port)  # noqa: S104 - in a container
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]) / 1_000))
