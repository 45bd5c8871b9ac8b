"""Small Celery projects that know nothing of Poolwise, written into a folder of their own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TASKS = '''
import time

def pause(ms):
    time.sleep(ms / 1000)
    return ms

def fail(word):
    raise ValueError("cannot " + word)

shelf = []

def unsafe(word):
    """Return the wrong word if another task runs meanwhile."""
    shelf.append(word)
    time.sleep(0.02)
    last, shelf[:] = shelf[-1] if len(shelf) == 1 else "mixed up", []
    return last

def block(ms):
    """Wait in C, without a greenlet's chance to yield."""
    import ctypes
    ctypes.CDLL(None).usleep(int(ms * 1000))
'''

#: How an app can name its broker; BROKER is the URL of the one that must not be reached.
BROKERS = {
    "in code": "app = Celery('shop', broker=BROKER, backend=BROKER)",
    "as a list": "app = Celery('shop', broker=[BROKER, BROKER])",
    "in settings": "app = Celery('shop'); app.conf.broker_url = BROKER",
    "for reading and writing": (
        "app = Celery('shop'); app.conf.update(broker_read_url=BROKER, broker_write_url=BROKER)"
    ),
    "from an object": (
        "class Settings: broker_url = BROKER; result_backend = BROKER\n"
        "app = Celery('shop'); app.config_from_object(Settings)"
    ),
    "with a namespace": (
        "class Settings: CELERY_BROKER_URL = BROKER; CELERY_RESULT_BACKEND = BROKER\n"
        "app = Celery('shop'); app.config_from_object(Settings, namespace='CELERY')"
    ),
    "in on_configure": (
        "class Shop(Celery):\n"
        "    def on_configure(self): self.conf.broker_url = BROKER\n"
        "app = Shop('shop')"
    ),
    "in a signal": (
        "app = Celery('shop')\n"
        "@app.on_after_configure.connect\n"
        "def configure(sender, **_): sender.conf.broker_url = BROKER"
    ),
    "in the environment": (
        "import os; os.environ['CELERY_BROKER_URL'] = BROKER; app = Celery('shop')"
    ),
    "with TLS and options": (
        "app = Celery('shop', broker=BROKER)\n"
        "app.conf.update(broker_use_ssl=True,\n"
        "    broker_transport_options={'global_keyprefix': 'shop:', 'sep': '.'})"
    ),
}

SHOP = """
from celery import Celery
import plain
BROKER = {broker!r}
{app}
app.conf.task_routes = {{"shop.*": {{"queue": "orders"}}}}
app.conf.beat_schedule = {{"often": {{"task": "shop.pause", "schedule": 0.1, "args": [1]}}}}
pause = app.task(name="shop.pause")(plain.pause)
fail = app.task(name="shop.fail", queue="mail")(plain.fail)
unsafe = app.task(name="shop.unsafe")(plain.unsafe)
block = app.task(name="shop.block")(plain.block)
limited = app.task(name="shop.limited", rate_limit="60/m")(plain.pause)

# It asks for a retry, in an hour, in each run whose number `every` divides.
@app.task(name="shop.busy", bind=True)
def busy(self, every):
    with open("runs-of-busy", "a") as file:
        file.write(".")
        if file.tell() % every == 0 and not self.request.retries:
            raise self.retry(countdown=3600, exc=ValueError("busy"))
    plain.pause(20)

@app.task(name="shop.chain")
def chain():
    pause.delay(1)
    app.send_task("shop.pause", args=[1], queue="elsewhere")
"""


def write_shop(folder: Path, broker: str, app: str = BROKERS["in code"]) -> None:
    """Write the project `shop` into `folder`."""
    (folder / "plain.py").write_text(TASKS)
    (folder / "shop.py").write_text(SHOP.format(broker=broker, app=app))


class Listener:
    """Counts the connections to a port."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.count = 0

    def accept(self) -> None:
        """Accept until the socket is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.count += 1
                connection.close()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def listening() -> Iterator[Listener]:
    """Run a listener in the place of a production broker."""
    listener = Listener()
    thread = threading.Thread(target=listener.accept, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.close()
        thread.join(5)
