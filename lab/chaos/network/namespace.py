"""Network namespaces and TUN devices without names that could outlive their processes.

The kernel removes such a namespace once nothing runs in it and no file of it is open, and such a
device once its file is closed, however their processes end. So nothing has to be cleaned up.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: Programs that this needs, all of which come with any Linux.
PROGRAMS: Final = ("ip", "nsenter")

_OWN: Final = "/proc/thread-self/ns/net"
_CLONE_NEWNET: Final = 0x40000000  # from <sched.h>
_TUNSETIFF: Final = 0x400454CA  # from <linux/if_tun.h>, as are the next two
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000


@contextmanager
def new_namespace() -> Iterator[int]:
    """Enter a new network namespace; on exit return to the old one.

    Yields a file descriptor that leads to the new one and stays open. Raises OSError.
    """
    old = os.open(_OWN, os.O_RDONLY)
    try:
        _call("unshare", _CLONE_NEWNET)
        try:
            yield os.open(_OWN, os.O_RDONLY)
        finally:
            _call("setns", old, _CLONE_NEWNET)
    finally:
        os.close(old)


def open_tun(name: str) -> tuple[int, str]:
    """Create a TUN device; return its file and its name, in which `%d` is the first free number.

    Raises OSError.
    """
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI)
    answer = fcntl.ioctl(device, _TUNSETIFF, request)
    return device, answer[:16].rstrip(b"\0").decode()


def configure(device: str, address: str, peer: str) -> None:
    """Give one end of a link its address, and the route to the other; raise OSError if refused."""
    _ip("address", "add", address, "peer", peer, "dev", device)
    _ip("link", "set", device, "up")


def loopback_up() -> None:
    """Set up the loopback device of the present namespace."""
    _ip("link", "set", "lo", "up")


def _ip(*arguments: str) -> None:
    done = subprocess.run(
        ["ip", *arguments], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
