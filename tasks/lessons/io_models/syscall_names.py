"""Names of the system calls that reading sockets can make, by machine and number."""

from __future__ import annotations

from typing import Final

#: By `platform.machine()`; source: the kernel's tables for x86-64 and arm64.
NAMES: Final[dict[str, dict[int, str]]] = {
    "x86_64": {
        0: "read", 1: "write", 3: "close", 7: "poll", 9: "mmap", 10: "mprotect", 11: "munmap",
        12: "brk", 13: "rt_sigaction", 14: "rt_sigprocmask", 16: "ioctl", 23: "select",
        28: "madvise", 39: "getpid", 41: "socket", 44: "sendto", 45: "recvfrom", 53: "socketpair",
        56: "clone", 60: "exit", 62: "kill", 72: "fcntl", 186: "gettid", 202: "futex",
        230: "clock_nanosleep", 232: "epoll_wait", 233: "epoll_ctl", 270: "pselect6",
        271: "ppoll", 273: "set_robust_list", 281: "epoll_pwait", 291: "epoll_create1",
        334: "rseq", 425: "io_uring_setup", 426: "io_uring_enter", 435: "clone3",
        441: "epoll_pwait2",
    },
    "aarch64": {
        20: "epoll_create1", 21: "epoll_ctl", 22: "epoll_pwait", 25: "fcntl", 29: "ioctl",
        57: "close", 63: "read", 64: "write", 72: "pselect6", 73: "ppoll", 93: "exit",
        98: "futex", 99: "set_robust_list", 115: "clock_nanosleep", 129: "kill",
        134: "rt_sigaction", 135: "rt_sigprocmask", 172: "getpid", 178: "gettid", 198: "socket",
        199: "socketpair", 206: "sendto", 207: "recvfrom", 214: "brk", 215: "munmap",
        220: "clone", 222: "mmap", 226: "mprotect", 233: "madvise", 293: "rseq",
        425: "io_uring_setup", 426: "io_uring_enter", 435: "clone3", 441: "epoll_pwait2",
    },
}  # fmt: skip
