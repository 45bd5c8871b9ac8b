"""The versions and the machine of made-up results."""

from __future__ import annotations

from typing import Final

from lab.results.common import Host, Versions

VERSIONS: Final = Versions(
    poolwise="0.1.0",
    celery="5.7.0",
    kombu="5.7.0",
    redis_py="6.4.0",
    gevent="25.9.1",
    python="3.13.5",
    broker="valkey 9.1.2 (embedded)",
)
HOST: Final = Host(name="box", platform="Linux x86_64", cores=2, memory_bytes=8_340_000_000)
