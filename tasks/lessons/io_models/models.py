"""The IO models: functions that read the same sockets, each waiting for them in its own way."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Iterable
from typing import Final

from tasks.lessons.io_models.sockets import CHUNK_BYTES, Sockets
from tasks.lessons.notebook import Notebook

#: Reads all sockets and notes what it waits in.
ReadAll = Callable[[Sockets, Notebook], None]


def _blocking(sockets: Sockets, notebook: Notebook) -> None:
    for number in range(len(sockets)):
        sockets.ask(number)
        with notebook.noting("waits", "recv"):
            sockets.take(number)


def _threads(sockets: Sockets, notebook: Notebook) -> None:
    def one(number: int) -> None:
        sockets.ask(number)
        sockets.take(number)

    many = [
        threading.Thread(target=one, args=(number,), daemon=True) for number in range(len(sockets))
    ]
    with notebook.noting("computes", "start"):
        for thread in many:
            thread.start()
    with notebook.noting("waits", f"{len(many)} threads, each in recv"):
        for thread in many:
            thread.join(sockets.bound_s)


def _polling(sockets: Sockets, notebook: Notebook) -> None:
    with notebook.noting("computes", "recv: nothing yet, recv: nothing yet, …"):
        sockets.non_blocking()
        for number in range(len(sockets)):
            sockets.ask(number)
        waiting = list(range(len(sockets)))
        while waiting and not sockets.late:
            waiting = [number for number in waiting if not _taken(sockets, number)]


def _taken(sockets: Sockets, number: int) -> bool:
    try:
        sockets.take(number)
    except BlockingIOError:
        return False
    return True


def _multiplexed(kind: type[selectors.BaseSelector], name: str) -> ReadAll:
    def read(sockets: Sockets, notebook: Notebook) -> None:
        with kind() as selector:
            with notebook.noting("computes", "ask"):
                sockets.non_blocking()
                for number in range(len(sockets)):
                    sockets.ask(number)
                    selector.register(sockets[number], selectors.EVENT_READ, number)
            while sockets.left and not sockets.late:
                with notebook.noting("waits", name):
                    ready = selector.select(sockets.bound_s)
                with notebook.noting("computes", "read"):
                    for key, _ in ready:
                        selector.unregister(key.fileobj)
                        sockets.take(key.data)

    return read


def _asyncio(sockets: Sockets, notebook: Notebook) -> None:
    class Noting(selectors.DefaultSelector):  # type: ignore[misc, valid-type, unused-ignore]
        """The selector that asyncio's loop waits in, with a note of each wait."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            with notebook.noting("waits", "await"):
                return super().select(timeout)

    async def one(number: int) -> None:
        sockets.ask(number)
        data = await asyncio.get_running_loop().sock_recv(sockets[number], CHUNK_BYTES)
        sockets.took(number, len(data))

    async def every() -> None:
        async with asyncio.timeout(sockets.bound_s):
            await asyncio.gather(*(one(number) for number in range(len(sockets))))

    sockets.non_blocking()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Noting())) as runner:
        runner.run(every())


def _models() -> Iterable[tuple[str, ReadAll]]:
    yield "blocking", _blocking
    yield "threads", _threads
    yield "polling", _polling
    yield "select", _multiplexed(selectors.SelectSelector, "select")
    if hasattr(selectors, "EpollSelector"):
        yield "epoll", _multiplexed(selectors.EpollSelector, "epoll_wait")
    elif hasattr(selectors, "KqueueSelector"):
        yield "kqueue", _multiplexed(selectors.KqueueSelector, "kevent")
    yield "asyncio", _asyncio


#: The models that this system supports, by name, the simplest first.
MODELS: Final[dict[str, ReadAll]] = dict(_models())
