"""The record reader turns stream entries into records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from producer.entry import Row
from producer.records import Batch, Gauge, RecordReader, _entries, _order
from worker.probe import ROW, VERSION


def entry(**changes: Any) -> bytes:
    header = {"run": "run", "due": 1_000_000, "sent": 1_100_000}
    instants = [1_200_000, 1_300_000, 1_400_000]
    row = [header, "id", "cpu.burn", "7", *instants, "succeeded", False, 100_000]
    body = {
        "v": VERSION,
        "kind": "rows",
        "node": "w@here",
        "pool": "prefork",
        "slots": 2,
        "pid": 7,
        "seq": 0,
        "dropped": 0,
        "offset_s": 1_000.0,
        "error_s": 1e-5,
        "rows": [row],
    }
    return json.dumps({**body, **changes}).encode()


def test_the_fields_of_a_row_are_those_that_the_probe_writes() -> None:
    assert Row.__struct_fields__ == ROW


def test_times_are_converted_to_the_clock_of_the_server() -> None:
    _, [batch] = read(entry())
    [record] = batch.records
    assert record.sent == 1.1
    assert record.started == 1_001.3
    assert record.runtime == 0.1
    assert record.node == "w@here"


class Stream:
    """A stand-in for Redis whose stream has the given entries."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = bodies

    def xrevrange(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def xread(self, *_: Any, **__: Any) -> list[Any]:
        entries = [(b"%d-0" % n, {b"b": body}) for n, body in enumerate(self.bodies)]
        return [[b"stream", entries]]


def read(*bodies: bytes) -> tuple[RecordReader, list[Batch]]:
    reader = RecordReader(Stream(*bodies))  # type: ignore[arg-type]
    return reader, reader.read(0.01)


def test_no_entries_are_missing_between_consecutive_numbers() -> None:
    reader, batches = read(entry(seq=4), entry(seq=5), entry(seq=0, pid=8))
    assert len(batches) == 3
    assert reader.missed == 0


def test_errors_in_the_probe_are_read_and_older_probes_report_none() -> None:
    _, batches = read(entry(errors=3), entry(seq=1))
    assert [batch.errors for batch in batches] == [3, 0]


def test_missing_entries_are_counted_per_worker() -> None:
    reader, _ = read(entry(seq=4), entry(seq=0, pid=8), entry(seq=7), entry(seq=1, pid=8))
    assert reader.missed == 2


def row(task_id: str) -> list[Any]:
    return [None, task_id, "cpu.burn", "7", 1, 2, 3, "succeeded", False, None]


def test_rows_that_were_sent_twice_are_read_once() -> None:
    first = entry(rows=[row("a"), row("b"), row("c")])
    again = entry(rows=[row("c"), row("a")], dropped=2)  # and "a" ran once more
    reader, batches = read(first, again, entry(seq=1, rows=[row("d")]))
    ids = [record.task_id for batch in batches for record in batch.records]
    assert ids == ["a", "b", "c", "a", "d"]
    assert reader.missed == 0


def test_a_new_worker_with_the_pid_of_an_old_one_is_read_in_full() -> None:
    _, batches = read(entry(rows=[row("a")]), entry(kind="ready", rows=[row("b")]))
    assert [record.task_id for batch in batches for record in batch.records] == ["a", "b"]


def test_the_worst_clock_error_is_kept() -> None:
    reader, _ = read(entry(error_s=0.002), entry(seq=1, error_s=0.001))
    assert reader.worst_error_s == 0.002


GAUGE = {
    "up_s": 3.0,
    "slots": 2,
    "busy": 1,
    "queues": ["cpu"],
    "cpu_s": 0.4,
    "memory_bytes": 5_000,
    "memory": "pss",
}


def test_a_gauge_is_read_and_other_entries_have_none() -> None:
    _, batches = read(entry(kind="gauge", gauge=GAUGE, rows=[]), entry(seq=1))
    assert batches[0].gauge == Gauge(
        up_s=3.0, slots=2, busy=1, queues=("cpu",), cpu_s=0.4, memory_bytes=5_000, memory="pss"
    )
    assert batches[1].gauge is None


def test_an_unknown_kind_of_entry_is_skipped_but_does_not_count_as_missed() -> None:
    reader, batches = read(entry(seq=0), entry(seq=1, kind="weather"), entry(seq=2))
    assert [batch.kind for batch in batches] == ["rows", "rows"]
    assert reader.missed == 0


@pytest.mark.parametrize("body", [b"not JSON", b"{}", b"", b"[" * 100_000, b'{"v": 3}'])
def test_an_unreadable_entry_is_counted_and_skipped(body: bytes) -> None:
    reader, batches = read(body, entry(seq=1))
    assert len(batches) == 1
    assert reader.unreadable == 1


def test_an_unreadable_row_is_counted_and_the_others_are_read() -> None:
    short = row("short")[:-1]
    reader, [batch] = read(entry(rows=[row("a"), short, None, row("b")]))
    assert [record.task_id for record in batch.records] == ["a", "b"]
    assert reader.unreadable == 2


def test_an_unreadable_row_that_was_sent_twice_is_counted_once() -> None:
    rows = [row("a"), None, row("b")]
    reader, batches = read(entry(rows=rows), entry(rows=[*rows, row("c")]))
    assert [record.task_id for batch in batches for record in batch.records] == ["a", "b", "c"]
    assert reader.unreadable == 1


def test_the_first_unreadable_entry_is_explained(caplog: pytest.LogCaptureFixture) -> None:
    read(entry(v=99), entry(node=["secret"]), entry(v=98, rows={}))
    [line] = caplog.messages
    assert "it has version 99, expected version" in line


def test_the_memory_for_senders_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producer.records.MAX_SENDERS", 2)
    seqs = [(1, 0), (2, 0), (1, 2), (3, 0), (1, 4), (2, 9)]  # the pid 2 is forgotten for 3
    reader, _ = read(*(entry(pid=pid, seq=seq) for pid, seq in seqs))
    assert reader.missed == 2


@pytest.mark.parametrize("entries", [1, 2, 3])
def test_both_forms_of_a_reply_are_read(entries: int) -> None:
    rows = [(b"%d-0" % n, {b"b": entry()}) for n in range(1, entries + 1)]
    for reply in ([[b"stream", rows]], {b"stream": rows}, {b"stream": [rows]}):
        assert [place for place, _ in _entries(reply)] == [place for place, _ in rows]


class Kept:
    """A stand-in for a Redis that keeps one stream."""

    def __init__(self, *seconds: int) -> None:
        self.entries = {(1_000 * second, 0): entry(seq=second) for second in seconds}

    def xrevrange(self, *_: Any, **__: Any) -> list[Any]:
        return [(_id(place), {}) for place in sorted(self.entries)[-1:]]

    def xread(self, streams: dict[str, bytes], **_: Any) -> list[Any]:
        [after] = [tuple(map(int, after.split(b"-"))) for after in streams.values()]
        found = [(_id(one), {b"b": self.entries[one]}) for one in sorted(self.entries)]
        return [[b"stream", [one for one in found if _order(one[0]) > after]]]


def _id(place: tuple[int, int]) -> bytes:
    return b"%d-%d" % place


#: What the stream has when its server is back, after the entries of 1 to 5 s were read; what is
#: written then; and what is read.
RESUMED: dict[str, tuple[list[int], list[int], list[int]]] = {
    "nothing is lost": ([1, 2, 3, 4, 5], [6], [6]),
    "written meanwhile": ([1, 2, 3, 4, 5, 6], [7], [6, 7]),
    "the newest are lost": ([1, 2, 3], [6], [6]),
    "the newest are lost, and written meanwhile": ([1, 2, 3, 6], [7], [6, 7]),
    "all but the first are lost": ([1], [6, 7], [6, 7]),
    "the oldest are removed": ([4, 5], [6], [6]),
    "empty": ([], [6], [6]),
    "empty, on a server whose clock is behind": ([], [2, 3], [2, 3]),
    "recreated": ([6, 7], [8], [6, 7, 8]),
}


@pytest.mark.parametrize("name", RESUMED)
def test_after_the_server_was_away_each_entry_is_read_once(name: str) -> None:
    left, written, expected = RESUMED[name]
    server = Kept(1, 2, 3, 4)
    reader = RecordReader(server)  # type: ignore[arg-type]
    server.entries |= Kept(5).entries
    assert [batch.written for batch in reader.read(0.01)] == [5]
    server.entries = Kept(*left).entries
    reader.resume()
    found = [batch.written for batch in reader.read(0.01)]
    server.entries |= Kept(*written).entries
    assert [*found, *[batch.written for batch in reader.read(0.01)]] == expected
