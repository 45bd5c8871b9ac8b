"""The price server: it answers every request after 50 ms.

usage: python server.py [PORT]
"""

import asyncio
import contextlib
import sys

BODY = b'{"price": 1999}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(BODY), BODY)
)


async def answer(reader, writer):
    """Answer one request, and close the connection."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.write(ANSWER)
        await writer.drain()
    writer.close()


async def main(port):
    """Serve until the process is stopped."""
    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1024)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8099))
