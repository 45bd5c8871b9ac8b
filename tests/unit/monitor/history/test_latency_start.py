"""A latency starts at the earliest instant that is known, and the page says which that is."""

from __future__ import annotations

import pytest

from monitor.history.latency_start import FROM_RECEPTION, ORIGINS, latency_note, latency_start
from monitor.reading.inspection import eta_s


@pytest.mark.parametrize(
    ("due_s", "sent_s", "expected"),
    [
        (1.0, 2.0, ("due", 1.0)),
        (None, 2.0, ("sent", 2.0)),
        (None, None, ("received", 3.0)),
        (9.0, None, ("due", 9.0)),  # an ETA: the worker receives the message before
        (None, 3.5, ("sent", 3.0)),  # the sender's clock is ahead
    ],
)
def test_a_latency_starts_at_the_best_known_instant(
    due_s: float | None, sent_s: float | None, expected: tuple[str, float]
) -> None:
    origin, start_s = latency_start(due_s, sent_s, 3.0)
    assert (ORIGINS[origin], start_s) == expected


@pytest.mark.parametrize(
    ("counts", "note"),
    [
        ((0, 0, 0), ""),
        ((5, 2, 0), ""),
        ((0, 0, 7), FROM_RECEPTION),
        (
            (1_000, 210, 90),
            "latencies that start when the task was due or sent: 1,210 of 1,300; the rest start "
            "when the worker received it, without its time in the queue",
        ),
    ],
)
def test_the_note_says_how_many_tasks_have_a_sending_time(
    counts: tuple[int, int, int], note: str
) -> None:
    assert latency_note(dict(zip(ORIGINS, counts, strict=True))) == note


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023-11-14T22:13:20+00:00", 1_700_000_000.0),
        ("2023-11-14T23:13:20.5+01:00", 1_700_000_000.5),
        ("2023-11-14T22:13:20", 1_700_000_000.0),
        ("soon", None),
        (None, None),
        (5, None),
        ("9" * 5_000, None),
    ],
)
def test_an_eta_is_read_in_each_form_that_celery_writes(
    value: object, expected: float | None
) -> None:
    assert eta_s(value) == expected
