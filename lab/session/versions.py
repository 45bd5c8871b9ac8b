"""The software and the machine of a session, as results name them."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from cluster.local import LocalCluster
from cluster.machine import Machine
from lab.results.common import Host, Versions
from producer import broker


def versions(cluster: LocalCluster) -> Versions:
    """Return the version of each piece of software that takes part."""
    server = broker.version(cluster.redis)
    return installed(f"{server} (embedded)" if cluster.embedded else server)


def installed(server: str) -> Versions:
    """Return the version of each piece of software here, with the broker as `server`."""
    return Versions(
        poolwise=version("poolwise"),
        celery=version("celery"),
        kombu=version("kombu"),
        redis_py=version("redis"),
        gevent=_version_or_none("gevent"),
        python=platform.python_version(),
        broker=server,
    )


def _version_or_none(distribution: str) -> str:
    """Return the version of an optional distribution; "none" if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"


def host(machine: Machine) -> Host:
    """Return the machine as results name it."""
    return Host(
        name=machine.name,
        platform=machine.platform,
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
    )
