"""One session: a broker, a clock and a connection, with workers that all stop when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis
from celery import Celery
from kombu import Connection

from cluster.discovery import RemoteControl
from cluster.local import LocalCluster
from cluster.machine import Machine
from lab.session.lease import LEASE_S, PREFIX, Lease, remove_dead
from lab.session.queues import Queues
from lab.session.renewal import renewed
from lab.session.server_clock import ServerClock
from producer import broker
from producer.address import redacted
from producer.broker_words import flags
from tasks.celery import app, using_broker
from tasks.transport_options import placing
from worker.probe import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What everything that is run in a session uses."""

    run: str  # id of this run; unique, because several may begin in one minute on one broker
    app: Celery
    cluster: LocalCluster
    remote: RemoteControl
    connection: Connection
    server_clock: ServerClock  # of the records' server
    machine: Machine
    queues: Queues

    @property
    def clock(self) -> Clock:
        """This process's clock against that of the records' server, as last read."""
        return self.server_clock.reading

    @property
    def records(self) -> redis.Redis:
        """The server that holds the probe's records."""
        return self.cluster.redis

    @property
    def url(self) -> str:
        """The broker's URL without its password."""
        return redacted(self.cluster.broker_url)

    @property
    def transport_options(self) -> dict[str, Any]:
        """The transport options that decide where messages are."""
        return placing(self.app.conf.broker_transport_options)

    @property
    def broker_flags(self) -> str:
        """The options of a command that name the broker again, without its password."""
        return flags(self.url, self.transport_options)


@contextmanager
def open_session(
    folder: Path, broker_url: str | None, machine: Machine, advice: str = broker.EMBEDDED
) -> Iterator[Session]:
    """Open a session on the broker at `broker_url`, or on an embedded one if that is None.

    `advice` is what to do if the broker does not answer, as a sentence.

    `folder` takes the logs, and its name is part of the run's id. On the way out every process that
    was started stops, and then the session's queues are removed: a worker that is still starting
    would declare its queue again. Queues of earlier runs that were killed, or could not give all
    borrowed workers back, are removed at the start.

    Raises BrokerError or UsageError if there is no usable broker.
    """
    app.loader.import_default_modules()
    run = f"{PREFIX}{folder.name}-{uuid4().hex[:8]}"
    with (
        LocalCluster(folder, broker_url, advice=advice) as cluster,
        RemoteControl(app, cluster.broker_url) as remote,
        broker.connection(app, cluster.broker_url) as connection,
        using_broker(cluster.broker_url),
    ):
        # Now, because kombu repeats a connection's first attempt for seconds if the broker is gone.
        connection.connect()
        # An embedded broker does not outlive the run, and neither do its queues.
        prefix = placing(app.conf.broker_transport_options).get("global_keyprefix", "")
        lease = None if cluster.embedded else Lease(cluster.redis, run, prefix)
        session = Session(
            run=run,
            app=app,
            cluster=cluster,
            remote=remote,
            connection=connection,
            server_clock=ServerClock(cluster.redis),
            machine=machine,
            queues=Queues(connection, run, lease.note if lease else None),
        )
        try:
            with cluster.blamed(), _held(lease, session):
                yield session
        finally:
            try:
                cluster.stop_all_but_broker()
            finally:
                if lease is not None:
                    session.queues.remove()
                    if not session.queues.lent:  # else a later run needs the note
                        lease.end()


@contextmanager
def _held(lease: Lease | None, session: Session) -> Iterator[None]:
    """Hold the lease, if there is one, after removing the queues of runs that have lost theirs."""
    if lease is None:
        yield
        return
    prefix = session.transport_options.get("global_keyprefix", "")
    remove_dead(session.records, session.connection, session.remote, prefix)
    lease.begin()
    with renewed(lease.renew, LEASE_S / 4):
        yield
