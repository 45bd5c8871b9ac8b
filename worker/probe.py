"""The probe: records when each task was received, started and finished, and which slot ran it.

It is one self-contained file that needs only the standard library, redis-py, and Celery 5.2 or
newer, so you can load it into any such worker: `celery -A proj worker -I worker.probe`, or copy it
to a directory on `PYTHONPATH` and use `-I probe`. It does not know who reads the records.

It runs in the worker's main process, where every pool reports the start and the end of a task, and
appends a batch of rows to the Redis stream `poolwise:records` every 50 to 200 ms. Only the outcome
of a call of celery-batches is noted in its slot.
docs/architecture.md describes the message header and the entries of the stream.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from itertools import count
from types import BuiltinFunctionType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import redis
from billiard import einfo
from celery import Celery, signals
from celery.exceptions import (
    Ignore,
    Reject,
    Retry,
    Terminated,
    TimeLimitExceeded,
    WorkerLostError,
)
from celery.worker import state
from kombu import Connection
from kombu.transport import redis as redis_transport
from kombu.utils.imports import symbol_by_name
from kombu.utils.url import url_to_parts
from redis.sentinel import Sentinel

#: The stream's key.
STREAM = "poolwise:records"
#: The message header with the run and what its producer knew.
HEADER = "poolwise"
#: Its keys: the run, and when the message was due and sent, in whole microseconds since 1970 by the
#: records server's clock.
HEADER_KEYS = ("run", "due", "sent")
#: The longest task id and name of a run, in characters; readers reject longer ones.
LONGEST_NAME = 1_000
#: The latest time in a valid header.
LATEST = 10**18
#: The Redis for the records, if not the broker; several are separated by semicolons.
URL_VARIABLE = "POOLWISE_RECORDS_URL"
#: Version of the format of an entry.
VERSION = 3
#: Shortest interval between two writes, in seconds.
FLUSH_INTERVAL_S = 0.05
#: Share of the time that writing may take. Writing is slow if the server is far away or if other
#: threads hold the GIL, and each handover of the GIL delays those threads. The interval then grows,
FLUSH_SHARE = 0.0025
#: up to this many seconds.
LONGEST_FLUSH_INTERVAL_S = 0.2
#: Seconds between two gauges.
GAUGE_INTERVAL_S = 1.0
#: Share of one core that reading the memory may take; this sets the interval between reads.
MEMORY_SHARE = 0.001
#: Seconds between two comparisons of the clocks.
CLOCK_INTERVAL_S = 10.0
#: Minimum time that an entry stays in the stream, in seconds.
RETENTION_S = 60
#: Maximum time that a worker waits at its end until its last records are written, in seconds.
STOP_S = 1.0
#: Maximum number of entries in the stream of a server older than Redis 6.2, which cannot remove
#: entries by their age.
ENTRIES_KEPT = 20_000
#: Seconds that the server may take to connect and to answer.
PATIENCE_S = 5.0
#: Seconds from a failure to the next attempt to write.
RETRY_S = 1.0
#: Maximum number of rows in one entry.
ROWS_PER_ENTRY = 2_000
#: Maximum number of rows kept while the records server is unreachable; the oldest are dropped.
ROWS_KEPT = 200_000

#: The fields of a row, in order. `header` is null if the message has no valid `poolwise` header;
#: `runtime` is Celery's own measurement in microseconds, or null.
ROW = (
    "header",
    "task_id",
    "task",
    "slot",
    "received",
    "started",
    "finished",
    "outcome",
    "redelivered",
    "runtime",
)

logger = logging.getLogger(__name__)
_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=str)


def microseconds(seconds: float) -> int:
    """Convert seconds to the unit of rows and message headers."""
    return int(seconds * 1e6)


class Clock(NamedTuple):
    """How this process's monotonic clock maps to the server's."""

    offset_s: float  # server's time = monotonic time + offset
    error_s: float  # half of the round trip: the true offset is within ± this

    @classmethod
    def read(cls, server: redis.Redis, samples: int = 8) -> Clock:
        """Ask `server` for its time `samples` times and use the fastest answer.

        Raises redis.RedisError if the server does not answer.
        """
        readings = []
        for _ in range(samples):
            before = time.monotonic()
            seconds, microseconds = server.time()
            after = time.monotonic()
            middle = (before + after) / 2
            readings.append(cls(seconds + microseconds / 1e6 - middle, (after - before) / 2))
        return min(readings, key=lambda clock: clock.error_s)


class _Errors:
    """Counts errors in the probe's own code, which never reach the worker, and logs the first."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, error: Exception) -> None:
        """Count an error. Further ones are not logged, because there may be one for each task."""
        self.count += 1
        if self.count == 1:
            logger.warning(
                "poolwise probe: an error in the probe; tasks run as usual, but some may be missing"
                " from the records: %r",
                error,
                exc_info=error,
            )


_errors = _Errors()


def _guarded(noting: Callable[..., None]) -> Callable[..., None]:
    """Count an error in `noting`, instead of raising it into the worker."""

    @wraps(noting)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            noting(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the edge between the probe and the worker
            _errors.add(error)

    return guarded


#: What a hook notes about a finished attempt, before the flusher turns it into a row. In order: the
#: header, the ETA, task_id, task, Celery's `worker_pid`, the id of the reporting
#: thread, received (ns, monotonic), started (s, since 1970 by this machine's clock), finished (ns,
#: monotonic), outcome, redelivered, runtime (s).
Note = tuple[Any, ...]

#: One attempt at a task, in the order of `ROW`.
Row = tuple[Any, ...]

#: Names the slot from Celery's `worker_pid` of a task and the id of the reporting thread. Greenlets
#: have no such id: it is 0, or the number of the batch.
SlotName = Callable[[int, int], str]


def _by_process() -> SlotName:
    return lambda pid, _: str(pid)


def _by_thread() -> SlotName:
    """Use the kernel's thread ids, because Celery passes the same pid for all threads."""
    worker, names = os.getpid(), dict[int, str]()

    def slot_name(_: int, number: int) -> str:
        if number not in names:
            threads = {thread.ident: thread.native_id for thread in threading.enumerate()}
            names[number] = f"{worker}/{threads.get(number, number)}"
        return names[number]

    return slot_name


def _by_greenlet() -> SlotName:
    """Number the greenlets, one per task, because Celery passes id(), which is soon reused.

    The messages of a batch, which come one after another, share a greenlet.
    """
    worker, numbers = os.getpid(), count(1)
    last = (0, "")

    def slot_name(_: int, batch: int) -> str:
        nonlocal last
        if not batch or batch != last[0]:
            last = batch, f"{worker}#{next(numbers)}"
        return last[1]

    return slot_name


#: For each pool, by the module of its TaskPool: its name and how its slots are named.
_POOLS: dict[str, tuple[str, Callable[[], SlotName]]] = {
    "celery.concurrency.prefork": ("prefork", _by_process),
    "celery.concurrency.thread": ("threads", _by_thread),
    "celery.concurrency.gevent": ("gevent", _by_greenlet),
    "celery.concurrency.solo": ("solo", _by_process),
}


def _own(header: Any) -> Any:
    """Return the header if it is valid, else None: other clients may send anything in it."""
    if (
        isinstance(header, dict)
        and header.keys() <= set(HEADER_KEYS)
        and isinstance(run := header.get("run", ""), str)
        and len(run) <= LONGEST_NAME
        and run == _text(run)
        and _is_time(header.get("due", 0))
        and _is_time(header.get("sent", 0))
    ):
        return header
    return None


def _is_time(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LATEST  # a bool is an int to isinstance


def _text(value: Any) -> str:
    """Return any task id as text that JSON can hold; it may be a UUID, or half a character."""
    text = str(value)[:LONGEST_NAME]
    return text if text.isascii() else text.encode(errors="replace").decode()


class Gauge:
    """Measures the worker now: slots, queues, CPU time and memory."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._ready_at = time.monotonic()
        self._memory: tuple[int | None, str | None] = (None, None)
        self._memory_due = 0.0
        self._machine = _machine_ticks()

    def read(self) -> dict[str, Any]:
        """Return the gauge as written to an entry."""
        pool, now = self._consumer.pool, time.monotonic()
        pids = _children(pool)
        if now >= self._memory_due:
            before_s = time.thread_time()
            self._memory = _memory([os.getpid(), *pids])
            self._memory_due = now + (time.thread_time() - before_s) / MEMORY_SHARE
        return {
            "up_s": round(now - self._ready_at, 3),
            "slots": slots_of(pool),
            "busy": len(state.active_requests),
            "queues": sorted(self._consumer.app.amqp.queues.consume_from),
            "cpu_s": _cpu_s(pids),
            "memory_bytes": self._memory[0],
            "memory": self._memory[1],
            "held": len(state.reserved_requests),
            "fetching": _is_fetching(self._consumer),
            "main_cpu_s": round(time.process_time(), 3),
            "machine_percent": self._machine_percent(),
        }

    def _machine_percent(self) -> float | None:
        """Return how busy all cores of the machine have been since the last call."""
        before, self._machine = self._machine, _machine_ticks()
        busy, every = (now - then for now, then in zip(self._machine, before, strict=True))
        return round(min(max(100 * busy / every, 0), 100), 1) if every > 0 else None


def slots_of(pool: Any) -> int:
    """Return how many tasks the pool can run at once, now; 0 while it shuts down."""
    try:
        return int(pool.num_processes or pool.limit)
    except AttributeError:
        return 0


def _is_fetching(consumer: Any) -> bool | None:
    """Return whether the worker asks for more messages; None if only the broker knows."""
    try:
        return bool(consumer.task_consumer.channel.qos.can_consume())
    except AttributeError:  # no virtual transport, or not connected
        return None


def _machine_ticks() -> tuple[int, int]:
    """Return the busy time and all time of the machine's cores; 0 and 0 without /proc."""
    fields = [int(field) for field in _read("/proc/stat").partition("\n")[0].split()[1:9]]
    return sum(fields) - sum(fields[3:5]), sum(fields)  # idle, and waiting for a disk


def _children(pool: Any) -> list[int]:
    """Return the pool's processes; the solo pool lists the worker itself, which is none of them."""
    try:
        return [pid for pid in pool.info.get("processes", ()) if pid != os.getpid()]
    except AttributeError:  # the pool is shutting down
        return []


def _cpu_s(children: list[int]) -> float | None:
    """Add up the CPU time of the tree; exited processes count once their parent reaps them."""
    total = sum(os.times()[:4])
    if children and not os.path.exists("/proc/self/stat"):  # noqa: PTH110 - once a second
        return None
    ticks = 0
    for pid in children:
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return round(total + ticks / os.sysconf("SC_CLK_TCK"), 3)


def _memory(pids: list[int]) -> tuple[int | None, str | None]:
    """Add up the memory of the tree, main process first; PSS if the kernel reports it."""
    for kind, measure in (("pss", _pss_bytes), ("rss", _rss_bytes)):
        if main := measure(pids[0]):
            return main + sum(map(measure, pids[1:])), kind
    return None, None


def _pss_bytes(pid: int) -> int:
    found = _read(f"/proc/{pid}/smaps_rollup").partition("\nPss:")[2].split(maxsplit=1)
    return int(found[0]) * 1_024 if found else 0


def _rss_bytes(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if fields else 0


def _read(path: str) -> str:
    """Return the contents of a file in /proc; empty if the file does not exist."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - Path is slow
            return file.read()
    except OSError:
        return ""


def flush_interval_s(writing_s: float) -> float:
    """Return the seconds until the next write, given that the last one took `writing_s`."""
    return min(max(FLUSH_INTERVAL_S, writing_s / FLUSH_SHARE), LONGEST_FLUSH_INTERVAL_S)


class Server:
    """The Redis for the records: the first of the places that answers, until it is lost."""

    def __init__(
        self, places: Callable[[], Sequence[Place]], patience_s: float = PATIENCE_S
    ) -> None:
        """Connect to nothing yet; `places` is called whenever the server must be found."""
        self._places = places
        self._patience_s = patience_s
        self._found: tuple[Place, redis.Redis] | None = None

    def client(self) -> redis.Redis:
        """Return a client for the server, which remains the same until the server is lost.

        Raises redis.RedisError or OSError if no server answers.
        """
        if self._found is None:
            try:
                self._found = connect(self._places(), self._patience_s)
            except NoRecordsError as error:
                raise redis.ConnectionError(str(error)) from None
        return self._found[1]

    def lose(self) -> None:
        """Look for a server again when one is needed next, because this one failed."""
        if self._found is not None:
            self._found[1].connection_pool.disconnect()
        self._found = None

    def follow(self) -> None:
        """Look for a server again if another place is better now, as the worker has moved."""
        if self._found is not None and self._found[0].name != self._places()[0].name:
            self.lose()


class _Line:
    """A connection to the records server with at most one entry whose reply is still unread.

    The reply is read when the next entry may be due, because it has arrived by then. Waiting for it
    would wake the flusher twice per entry, and each wake-up takes the GIL away from the tasks.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: redis.Redis | None = None
        self._connection: Any = None
        self._sent: tuple[int, list[Note]] | None = None

    def send(self, seq: int, notes: list[Note], *command: Any) -> None:
        """Send the command that writes an entry; raises redis.RedisError or OSError."""
        connection = self._open()
        connection.connect()  # by itself, it would connect without asking a Sentinel where to
        packed = connection.pack_command(*command)
        # Joined, because the connection makes one system call per piece.
        connection.send_packed_command([b"".join(packed)])
        self._sent = seq, notes

    def _open(self) -> Any:
        """Return the connection; open another if the server is another one now."""
        client = self._server.client()
        if client is not self._client:
            self.close()
            # Takes half the CPU of the client's own commands, which also track and retry.
            self._connection = client.connection_pool.make_connection()
            self._client = client
        return self._connection

    def settle(self) -> int | None:
        """Read the reply and return the number of the written entry; None if none was sent.

        Raises redis.RedisError or OSError if it is unknown whether the entry was written.
        """
        if self._sent is None:
            return None
        self._connection.read_response()
        (seq, _), self._sent = self._sent, None
        return seq

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.disconnect()

    def give_up(self) -> list[Note]:
        """Return the notes of the unconfirmed entry, so that they can be sent again."""
        (_, notes), self._sent = self._sent or (0, []), None
        return notes


class Recorder:
    """Collects notes and writes them to the stream from a background thread.

    In a worker that gevent has patched, the thread is a greenlet. Only the thread waits for the
    server, which may be slow or never answer; the worker's main thread must not.
    """

    def __init__(
        self,
        server: Server,
        *,
        node: str,
        pool: object,
        slots: int,
        gauge: Gauge | None = None,
    ) -> None:
        module = type(pool).__module__
        self.pool, slot_names = _POOLS.get(module, (module, _by_process))
        self._slot_name = slot_names()
        self._server = server
        self._line = _Line(server)
        self._gauge = gauge
        self._gauge_due = 0.0
        self._about = {
            "v": VERSION,
            "node": node,
            "pool": self.pool,
            "slots": slots,
            "pid": os.getpid(),
        }
        #: Notes to be written; any thread may append to it.
        self.notes = deque[Note]()
        self._dropped = 0
        self._seq = 0
        self._clock: Clock | None = None
        self._clock_read_at = 0.0
        self._clock_of: redis.Redis | None = None
        self._retry_at = 0.0
        self._trims_by_age = True
        self._unreachable = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="poolwise-probe", daemon=True)

    def start(self) -> None:
        """Start the thread, which records that the worker is ready."""
        self._thread.start()

    def stop(self) -> None:
        """Write the remaining rows and record that the worker stopped, within `STOP_S`."""
        self._closing = True
        self._thread.join(timeout=STOP_S)
        if self._thread.is_alive():
            logger.warning(
                "poolwise probe: the last records could not be written within %g s", STOP_S
            )

    def _run(self) -> None:
        while True:
            before = time.monotonic()
            self._turn()
            if self._closing:
                return self._finish()
            # Cheaper than an event; stop() can wait this long.
            time.sleep(flush_interval_s(time.monotonic() - before))

    @_guarded
    def _turn(self) -> None:
        """Confirm the previous entry, and write the next one if there is anything to write."""
        self._settle()
        if time.monotonic() < self._retry_at:
            return
        if not self._seq:
            self._write("ready", [])  # again, until the server confirms it
        elif gauge := self._gauge_if_due():
            self._write("gauge", self._take(), gauge)
        elif self.notes:
            self._write("rows", self._take())

    @_guarded
    def _finish(self) -> None:
        self._settle()
        self._line.close()  # it may be broken, which shows only when a reply does not arrive
        while self.notes and self._write("rows", self._take()) and self._settle():
            pass
        if self._write("stopped", []):
            self._settle()
        self._line.close()

    def _gauge_if_due(self) -> dict[str, Any] | None:
        now = time.monotonic()
        if self._gauge is None or now < self._gauge_due:
            return None
        self._gauge_due = now + GAUGE_INTERVAL_S
        try:
            return self._gauge.read()
        except Exception as error:  # noqa: BLE001 - rows are written even if it cannot be measured
            _errors.add(error)
            return None

    def _write(self, kind: str, notes: list[Note], gauge: dict[str, Any] | None = None) -> bool:
        """Send one entry and return True; on failure, keep its notes for the next attempt."""
        try:
            self._send(kind, notes, gauge)
        except (redis.RedisError, OSError) as error:
            self._keep(notes, error)
            return False
        return True

    def _settle(self) -> bool:
        """Confirm the previous entry and return True; on failure, keep its notes."""
        try:
            seq = self._line.settle()
        except Exception as error:  # noqa: BLE001 - whatever it was, the entry may not be written
            self._line.close()
            self._keep(self._line.give_up(), error)
            return False
        if seq is not None:
            self._seq = seq + 1
            self._unreachable = False
        return True

    def _take(self) -> list[Note]:
        notes: list[Note] = []
        while self.notes and len(notes) < ROWS_PER_ENTRY:
            notes.append(self.notes.popleft())
        return notes

    def _keep(self, notes: list[Note], error: Exception) -> None:
        self.notes.extendleft(reversed(notes))
        while len(self.notes) > ROWS_KEPT:
            self.notes.popleft()
            self._dropped += 1
        if self._trims_by_age and _is_unknown_trim(error):
            self._trims_by_age = False
            logger.warning(_OLD_SERVER, ENTRIES_KEPT)
            return
        self._server.lose()
        self._retry_at = time.monotonic() + RETRY_S
        if not self._unreachable:
            logger.warning("poolwise probe: cannot write records right now: %s", _reason(error))
        self._unreachable = True

    def _send(self, kind: str, notes: list[Note], gauge: dict[str, Any] | None) -> None:
        clock = self._current_clock()
        offset = clock.offset_s
        rows = self._rows(notes, offset)
        trim: tuple[Any, ...] = ("MAXLEN", "~", ENTRIES_KEPT)
        if self._trims_by_age:
            trim = ("MINID", "~", int((time.monotonic() + offset - RETENTION_S) * 1_000))
        body = {
            **self._about,
            "kind": kind,
            "seq": self._seq,
            "dropped": self._dropped,
            "errors": _errors.count,
            "offset_s": offset,
            "error_s": clock.error_s,
            "rows": rows,
        }
        if gauge is not None:
            body["gauge"] = gauge
        self._line.send(self._seq, notes, "XADD", STREAM, *trim, "*", "b", _ENCODER.encode(body))

    def _rows(self, notes: list[Note], offset_s: float) -> list[Row]:
        """Return the rows of all notes that make one."""
        since_1970_s = time.time() - time.monotonic()
        rows = []
        for note in notes:
            try:
                rows.append(self._row(note, since_1970_s, offset_s))
            except Exception as error:  # noqa: BLE001 - the other rows are written
                _errors.add(error)
        return rows

    def _row(self, note: Note, since_1970_s: float, offset_s: float) -> Row:
        """Return a row in the order of `ROW`."""
        header, eta, task_id, task, pid, thread, received_ns, start, finished_ns, *end = note
        received, finished = received_ns // 1_000, finished_ns // 1_000
        slot = started = None
        if start is not None:
            slot = self._slot_name(pid, thread)
            # The system clock may have been set since then, unlike the monotonic clock.
            started = min(max(received, microseconds(start - since_1970_s)), finished)
        outcome, redelivered, runtime_s = end
        runtime = None if runtime_s is None else microseconds(runtime_s)
        header = _own(header)
        if eta is not None and "due" not in (header or ()):
            due = microseconds(eta.timestamp() - since_1970_s + offset_s)
            header = {**(header or {}), "due": min(max(0, due), LATEST)}
        row = (header, _text(task_id), task, slot, received, started, finished)
        return (*row, outcome, bool(redelivered), runtime)

    def _current_clock(self) -> Clock:
        now = time.monotonic()
        is_due = now - self._clock_read_at > CLOCK_INTERVAL_S and not self._closing
        if is_due:
            self._server.follow()
        client = self._server.client()
        if self._clock is None or is_due or client is not self._clock_of:
            self._clock, self._clock_of, self._clock_read_at = Clock.read(client), client, now
        return self._clock


_OLD_SERVER = (
    "poolwise probe: the Redis for the probe's records is older than 6.2, so it keeps the last %d "
    "entries, whatever their age"
)


def _is_unknown_trim(error: Exception) -> bool:
    """Return whether the server does not know `MINID`, which it then takes for an entry's id."""
    unknown = ("Invalid stream ID", "syntax error")
    return isinstance(error, redis.ResponseError) and any(one in str(error) for one in unknown)


def _reason(error: Exception) -> str:
    """Describe an error of the records server with what to do about it."""
    if isinstance(error, redis.exceptions.NoPermissionError):
        return (
            "the ACL of the user does not allow it; add the rules ~poolwise:* +xadd +time +ping, "
            f"or name another Redis in {URL_VARIABLE}"
        )
    if "unknown command" in str(error):
        return f"the server is older than Redis 5; name another Redis in {URL_VARIABLE}"
    return str(error)


#: Finished attempts. Until the recorder takes over, which may never happen if a program runs the
#: worker by itself, only the newest are kept.
_notes: deque[Note] = deque(maxlen=ROWS_PER_ENTRY)

# gevent replaces the C function with slow Python whose result the probe does not need.
_caller = threading.get_ident if isinstance(threading.get_ident, BuiltinFunctionType) else int


class _Probed:
    """The probe's mixin for a task's `Request` class.

    A worker runs so much other code between two tasks that the code here is never in the
    processor's caches and takes ten times as long as in a loop. A successful task therefore runs
    little of it: Celery itself notes when a task starts, and the flusher turns notes into rows.

    Every hook passes its arguments on as they are, because projects have request classes of their
    own. Errors in the probe's own code are counted: in `_guarded`, and in the two hooks that run
    for every task, where a call more would cost too much.
    """

    _received_ns: int | None = None  # None: not noted, or the attempt has its row already
    _fate = ""  # what Celery did with a task that did not succeed, if that is no plain failure

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Wrap the methods of `cls` that run for every task.

        Celery's `create_request_cls` makes a subclass whose `on_success` calls no other.
        """
        super().__init_subclass__(**kwargs)
        _wrap(cls)

    def on_failure(self, exc_info: Any, *args: Any, **kwargs: Any) -> Any:
        """Note an attempt that raised, or whose slot was lost."""
        ended_ns = time.monotonic_ns()
        try:
            return super().on_failure(exc_info, *args, **kwargs)  # type: ignore[misc]
        finally:
            self._note_failure(exc_info, ended_ns)

    def on_timeout(self, soft: bool, *args: Any, **kwargs: Any) -> Any:
        """Note an attempt that hit its hard time limit."""
        ended_ns = time.monotonic_ns()
        try:
            return super().on_timeout(soft, *args, **kwargs)  # type: ignore[misc]
        finally:
            if not soft:
                self._note_timeout(ended_ns)

    def reject(self, *args: Any, **kwargs: Any) -> Any:
        """Remember whether the message goes back to its queue, so that the task runs again."""
        if kwargs.get("requeue", args and args[0]):
            self._remember("requeued")
        return super().reject(*args, **kwargs)  # type: ignore[misc]

    def _retry_worker_lost(self, *args: Any, **kwargs: Any) -> Any:
        """Remember whether Celery sends the task of a lost slot again."""
        sent = super()._retry_worker_lost(*args, **kwargs)  # type: ignore[misc]
        if sent:
            self._remember("retried")
        return sent

    def _success_was_stored(self, *args: Any, **kwargs: Any) -> Any:
        """Remember whether a task had succeeded before its slot was lost."""
        meta = super()._success_was_stored(*args, **kwargs)  # type: ignore[misc]
        if meta:
            self._remember("succeeded")
        return meta

    def _announce_revoked(self, *args: Any, **kwargs: Any) -> Any:
        """Note an attempt that was revoked or had expired."""
        self._note_revoked()
        return super()._announce_revoked(*args, **kwargs)  # type: ignore[misc]

    @_guarded
    def _remember(self, fate: str) -> None:
        self._fate = fate

    @_guarded
    def _note_failure(self, exc_info: Any, ended_ns: int) -> None:
        self._note(self._outcome(_outcome_of(exc_info.exception)), ended_ns=ended_ns)

    @_guarded
    def _note_timeout(self, ended_ns: int) -> None:
        self._note(self._outcome("time-limit"), ended_ns=ended_ns)

    @_guarded
    def _note_revoked(self) -> None:
        self._note("revoked")

    def _outcome(self, outcome: str) -> str:
        """Return what became of an attempt, now that Celery has dealt with it.

        The task of a lost slot will run again if its message is still unacknowledged.
        """
        request: Any = self
        if outcome == "slot-lost" and not self._fate and not request.acknowledged:
            return "requeued"
        return self._fate or outcome

    def _note(
        self,
        outcome: str,
        runtime_s: float | None = None,
        ended_ns: int | None = None,
        batch: int = 0,
    ) -> None:
        received_ns, self._received_ns = self._received_ns, None
        if received_ns is None:  # already noted: a terminated task also returns
            return
        request: Any = self
        _notes.append(
            (
                request._request_dict.get(HEADER),
                request._eta,
                request.id,
                request._type,
                request.worker_pid,
                _caller() or batch,
                received_ns,
                request.time_start,
                ended_ns or time.monotonic_ns(),
                outcome,
                request._delivery_info["redelivered"],
                runtime_s,
            )
        )


@_guarded
def _wrap(cls: Any) -> None:
    for name, noting in (("__init__", _noting_receipt), ("on_success", _noting_success)):
        if (method := cls.__dict__.get(name)) is not None:
            setattr(cls, name, noting(method))


def _noting_receipt(init: Callable[..., None]) -> Callable[..., None]:
    now = time.monotonic_ns

    def __init__(self: _Probed, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        try:
            self._received_ns = now()
        except Exception as error:  # noqa: BLE001 - the edge between the probe and the worker
            _errors.add(error)
        init(self, *args, **kwargs)

    return __init__


def _noting_success(on_success: Callable[..., Any]) -> Callable[..., Any]:
    def noted(self: _Probed, result: Any, **kwargs: Any) -> Any:
        try:
            if isinstance(result, tuple) and not result[0]:
                self._note("succeeded", result[2])
        except Exception as error:  # noqa: BLE001 - the edge between the probe and the worker
            _errors.add(error)
        return on_success(self, result, **kwargs)

    return noted


def _probed(plain: Any) -> type:
    """Return a subclass of a request class that notes receipt and end.

    A project's own `Strategy` may use it as it is, without Celery's `create_request_cls`.
    """
    methods = {"__init__": plain.__init__, "on_success": plain.on_success}
    return type("Request", (_Probed, plain), methods)


#: The outcome of each type of exception; any other type is a failure.
_OUTCOMES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (Retry, "retried"),
    (Ignore, "ignored"),
    (Terminated, "revoked"),
    (TimeLimitExceeded, "time-limit"),
    ((WorkerLostError, SystemExit, KeyboardInterrupt), "slot-lost"),
)


#: How child processes of the prefork pool send an exception; before billiard 4, they sent it as is.
_SENT_EXCEPTION: Any = getattr(einfo, "ExceptionWithTraceback", ())


def _outcome_of(error: BaseException) -> str:
    if isinstance(error, _SENT_EXCEPTION):
        error = error.exc
    if isinstance(error, Reject):
        return "requeued" if error.requeue else "rejected"  # type: ignore[attr-defined]
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), "failed")


class _Batching(threading.local):
    """What this thread, or greenlet, does for celery-batches."""

    requests: Sequence[Any] = ()  # the messages that `flush` hands to the pool
    succeeded: bool | None = None  # whether the last batch succeeded; None: unknown


_batching = _Batching()
_batch_numbers = count(1)


class _Returned(NamedTuple):
    """What a slot returns for a batch."""

    result: Any
    succeeded: bool | None


class _Batch:
    """One call of celery-batches, which runs the tasks of many messages.

    No other part of Celery reports how it ended.
    """

    def __init__(self, requests: Sequence[Any], accept: Any, end: Any) -> None:
        """`accept` and `end` are the callbacks of celery-batches, which acknowledge."""
        self._requests: list[Any] = [one for one in requests if isinstance(one, _Probed)]
        self._accept, self._end = accept, end
        self._number = next(_batch_numbers)
        self._slot: tuple[int, float] | None = None  # Celery's `worker_pid` and `time_start`

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Note the start."""
        self._note_start(pid, time_accepted)
        if self._accept is not None:
            self._accept(pid, time_accepted)

    def on_returned(self, value: Any) -> None:
        """Note the end, and pass on the result of celery-batches."""
        if isinstance(value, _Returned):
            self._note_end(value.succeeded)
            value = value.result
        if self._end is not None:
            self._end(value)

    @_guarded
    def _note_start(self, pid: int, time_accepted: float) -> None:
        self._slot = pid, time.time() - (time.monotonic() - time_accepted)

    @_guarded
    def _note_end(self, succeeded: bool | None) -> None:
        if self._slot is None or succeeded is None:
            return
        outcome, ended_ns = "succeeded" if succeeded else "failed", time.monotonic_ns()
        for request in self._requests:
            request.worker_pid, request.time_start = self._slot
            request._note(outcome, ended_ns=ended_ns, batch=self._number)


def _has_batches(task: Any) -> bool:
    """Return whether the task is one of celery-batches, which may not be installed."""
    return any(cls.__module__ == "celery_batches" for cls in type(task).__mro__)


def _noting_flush(flush: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(flush)
    def flushed(requests: Any, *args: Any, **kwargs: Any) -> Any:
        _batching.requests = requests
        try:
            return flush(requests, *args, **kwargs)
        finally:
            _batching.requests = ()

    return flushed


def _noting_batches(apply_async: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(apply_async)
    def applied(*args: Any, **options: Any) -> Any:
        try:
            if _batching.requests:
                args, options = _watched(*args, **options)
        except Exception as error:  # noqa: BLE001 - the edge between the probe and the worker
            _errors.add(error)
        return apply_async(*args, **options)

    return applied


def _watched(
    call: Any, args: Any, kwargs: Any = None, **options: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments for the pool with which a call of celery-batches reports its end."""
    if (call.__module__, call.__name__) != ("celery_batches.trace", "apply_batches_task"):
        return (call, args, kwargs), options
    handed = {one.id for one in args[1][0]}
    requests = [one for one in _batching.requests if one.id in handed]
    batch = _Batch(requests, options.get("accept_callback"), options.get("callback"))
    callbacks = {"accept_callback": batch.on_accepted, "callback": batch.on_returned}
    return (_run_batch, (call, *args), kwargs), {**options, **callbacks}


def _run_batch(call: Callable[..., Any], task: Any, *args: Any) -> _Returned:
    """Run a batch, in its slot, and report whether it succeeded.

    celery-batches logs an error and returns None, as it does for most batches that succeed, but it
    sends `task_success` only if there was no error.
    """
    _batching.succeeded = None
    _await_success(task)
    result = call(task, *args)
    return _Returned(result, _batching.succeeded)


@_guarded
def _await_success(task: Any) -> None:
    signals.task_success.connect(_note_batch_success, sender=task, weak=False)
    _batching.succeeded = False


@_guarded
def _note_batch_success(sender: Any, **_: Any) -> None:
    if not sender.request.is_eager:  # `apply` in the body of a batch runs another one
        _batching.succeeded = True


class NoRecordsError(ValueError):
    """Raised if no Redis is known for the records; its text is the reason, without secrets."""


class Place(NamedTuple):
    """A Redis for the records, or the Sentinels that know where it is."""

    connection_class: Any
    options: Mapping[str, Any]  # of redis-py's connections
    sentinels: tuple[tuple[str, int], ...] = ()
    sentinel_options: Mapping[str, Any] = {}
    master: str = ""  # how the Sentinels name the Redis

    @property
    def name(self) -> str:
        """Return the address without its user, password and TLS options."""
        options = self.options
        if self.sentinels:
            hosts = ",".join(f"{host}:{port}" for host, port in self.sentinels)
            return f"sentinel://{hosts}/{self.master}"
        if "path" in options:
            return f"unix://{options['path']}"
        scheme = "rediss" if issubclass(self.connection_class, redis.SSLConnection) else "redis"
        host, port = options.get("host", "localhost"), options.get("port", 6379)
        return f"{scheme}://{host}:{port}/{options.get('db', 0)}"

    def client(self, timeout_s: float) -> redis.Redis:
        """Return a client, which connects when it is first used."""
        limits = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
        if "path" in self.options:  # redis-py 4 has no such option for a socket's path
            del limits["socket_connect_timeout"]
        options: dict[str, Any] = {**self.options, **limits}
        if not self.sentinels:
            pool = redis.ConnectionPool(connection_class=self.connection_class, **options)
            return redis.Redis(connection_pool=pool)
        sentinel_options = {**limits, **self.sentinel_options}
        make: Any = Sentinel  # untyped
        known = make(self.sentinels, sentinel_kwargs=sentinel_options, **options)
        server: redis.Redis = known.master_for(self.master, connection_class=self.connection_class)
        return server


def connect(places: Sequence[Place], timeout_s: float) -> tuple[Place, redis.Redis]:
    """Return the first of `places` that answers, and a client for it.

    Raises redis.RedisError or OSError if none does.
    """
    failure: Exception = redis.ConnectionError("there is no address")
    for place in places:
        server = place.client(timeout_s)
        try:
            server.ping()
        except (redis.RedisError, OSError) as error:
            failure = error
            server.connection_pool.disconnect()
        else:
            return place, server
    raise failure


def records_places(app: Celery, broker: Connection | None = None) -> list[Place]:
    """Return where the records may be kept, best first, without connecting to anything.

    If `POOLWISE_RECORDS_URL` is not set, these are the brokers of the app, first the one to which
    `broker`, a worker's connection, leads now.

    Raises NoRecordsError if there is none.
    """
    if url := os.environ.get(URL_VARIABLE):
        return _named_places(url, app.conf.broker_transport_options)
    listed = app.connection_for_read()
    found = [_place(broker or listed), *_alternatives(listed)]
    places = {place.name: place for place in found if place is not None}
    if not places:
        raise NoRecordsError(f"the broker is not Redis and {URL_VARIABLE} is not set")
    return list(places.values())


def _alternatives(listed: Connection) -> Iterator[Place | None]:
    """Yield where kombu would connect next, read as kombu reads its list of brokers."""
    for address in listed.alt[1:]:
        try:
            listed.switch(address)
            yield _place(listed)
        except (ImportError, KeyError, ValueError):
            continue  # the worker reports it, if it ever needs this one


def _named_places(url: str, transport_options: Mapping[str, Any]) -> list[Place]:
    """Return the places in `POOLWISE_RECORDS_URL`, which semicolons separate."""
    addresses = url.split(";")
    try:
        if all(address.startswith("sentinel://") for address in addresses):
            return [_named_sentinels(addresses, transport_options)]
        return [place_at(address) for address in addresses]
    except NoRecordsError:
        raise
    except (KeyError, TypeError, ValueError):  # its text may contain the password
        raise NoRecordsError(f"{URL_VARIABLE} is not the address of a Redis") from None


def _named_sentinels(addresses: Sequence[str], transport_options: Mapping[str, Any]) -> Place:
    query = dict(parse_qsl(addresses[0].partition("?")[2]))
    named = {"master_name": query["master_name"]} if "master_name" in query else {}
    hosts = ";".join(address.partition("?")[0] for address in addresses)
    place = _place(Connection(hosts, transport_options={**transport_options, **named}))
    assert place is not None  # noqa: S101 - sentinel:// is a Redis
    return place


def place_at(address: str) -> Place:
    """Return the place at one address of `POOLWISE_RECORDS_URL`.

    Raises NoRecordsError if it has another scheme, ValueError or the like if it is invalid.
    """
    if address.startswith(("redis://", "rediss://", "unix://")):
        pool = redis.ConnectionPool.from_url(address)
        return Place(pool.connection_class, pool.connection_kwargs)
    if address.startswith("redis+socket://") and (place := _place(Connection(address))):
        return place
    raise NoRecordsError(
        f"{URL_VARIABLE} must start with redis://, rediss://, unix://, redis+socket:// or "
        "sentinel://"
    )


def _place(broker: Connection) -> Place | None:
    """Return where a connection leads, as kombu's Redis transport reads it; None if not to Redis.

    Raises NoRecordsError if an option is missing, ValueError if one is invalid.
    """
    try:
        transport = broker.get_transport_cls()
    except ImportError:  # of a library that Redis does not need
        return None
    if not issubclass(transport, redis_transport.Transport):
        return None
    if "://" in (broker.hostname or ""):
        return _socket(broker.hostname)
    channel = transport.Channel
    connection_class = channel.connection_class
    options = {**_login(broker), "db": _number(broker.virtual_host)}
    if isinstance(broker.ssl, dict):
        connection_class = channel.connection_class_ssl
        options.update(broker.ssl)
    host, port = broker.hostname or "127.0.0.1", broker.port or transport.default_port
    if issubclass(transport, redis_transport.SentinelTransport):
        return _behind_sentinels(Place(connection_class, options), broker, (host, port))
    return Place(connection_class, {**options, "host": host, "port": port})


def _socket(address: Any) -> Place:
    """Read `socket:///PATH`, which is how kombu keeps `redis+socket:///PATH`."""
    *_, user, password, path, query = url_to_parts(address)
    options = {"path": f"/{path}", "db": _number(query.get("virtual_host"))}
    login = {"username": user, "password": password}
    return Place(redis.UnixDomainSocketConnection, {**options, **login})


def _behind_sentinels(place: Place, broker: Connection, first: tuple[str, int]) -> Place:
    """Add the Sentinels; `first` is the only one if the broker is no list."""
    settings = broker.transport_options or {}
    if not settings.get("master_name"):
        raise NoRecordsError("sentinel:// needs the transport option master_name")
    port = redis_transport.SentinelTransport.default_port
    parts = [url_to_parts(address) for address in broker.alt]
    sentinels = [part for part in parts if part.scheme.endswith("sentinel")]  # or leasesentinel
    listed = [(part.hostname or first[0], part.port or port) for part in sentinels]
    return place._replace(
        sentinels=tuple(listed or [first]),
        sentinel_options=settings.get("sentinel_kwargs") or {},
        master=settings["master_name"],
    )


def _number(db: Any) -> int:
    return int(str(db or 0).lstrip("/") or 0)


def _login(broker: Connection) -> dict[str, Any]:
    """Return the user and the password, or the provider of both, which kombu 5.5 introduced."""
    provider = getattr(broker, "credential_provider", None)
    if provider:
        made = symbol_by_name(provider)() if isinstance(provider, str) else provider
        return {"credential_provider": made}
    password = broker.password() if callable(broker.password) else broker.password
    return {"username": broker.userid, "password": password}


@signals.worker_init.connect(weak=False)
@_guarded
def _install(sender: Any, **_: Any) -> None:
    """Give every task of the worker's app a request class that notes its outcome."""
    try:
        records_places(sender.app)
    except NoRecordsError:
        return  # `_start` reports it
    classes: dict[type, type] = {}
    for task in sender.app.tasks.values():
        _install_in(task, classes)
        _install_in_flush(task)


@_guarded
def _install_in_flush(task: Any) -> None:
    if _has_batches(task):
        task.flush = _noting_flush(task.flush)


@_guarded
def _install_in_pool(app: Celery, pool: Any) -> None:
    """Watch the calls of celery-batches; Celery's own tasks keep the pool's method."""
    if any(map(_has_batches, app.tasks.values())):
        pool.apply_async = _noting_batches(pool.apply_async)


@_guarded
def _install_in(task: Any, classes: dict[type, type]) -> None:
    plain = symbol_by_name(task.Request)
    if not issubclass(plain, _Probed):
        if plain not in classes:
            classes[plain] = _probed(plain)
        task.Request = classes[plain]


@signals.task_unknown.connect(weak=False)
@signals.task_rejected.connect(weak=False)
@_guarded
def _note_refused(message: Any, **known: Any) -> None:
    """Note a message that Celery refuses: its task is not registered, or its headers are wrong."""
    now_ns, headers = time.monotonic_ns(), message.headers or {}
    task_id, task = known.get("id", headers.get("id")), known.get("name", headers.get("task"))
    if task_id is None or task is None:
        return
    redelivered = (message.delivery_info or {}).get("redelivered", False)
    about = (headers.get(HEADER), None, task_id, _text(task), None, _caller())
    _notes.append((*about, now_ns, None, now_ns, "rejected", redelivered, None))


_recorder: Recorder | None = None


@signals.worker_ready.connect(weak=False)
@_guarded
def _start(sender: Any, **_: Any) -> None:
    """Start writing. `sender` is the consumer; Celery sends this again after a reconnection."""
    global _recorder, _notes
    if _recorder is not None:
        return
    try:
        records_places(sender.app)
    except NoRecordsError as error:
        logger.warning("poolwise probe: disabled, because %s", error)
        return
    recorder = Recorder(
        Server(lambda: records_places(sender.app, sender.connection)),
        node=sender.hostname,
        pool=sender.pool,
        slots=slots_of(sender.pool),
        gauge=Gauge(sender),
    )
    _install_in_pool(sender.app, sender.pool)
    recorder.start()
    early, _recorder, _notes = _notes, recorder, recorder.notes
    _notes.extendleft(reversed(early))


@signals.worker_shutdown.connect(weak=False)
@_guarded
def _stop(**_: Any) -> None:
    global _recorder, _notes  # noqa: PLW0603 - one worker in one process
    if _recorder is not None:
        stopped, _recorder = _recorder, None
        _notes = deque(maxlen=ROWS_PER_ENTRY)
        stopped.stop()
