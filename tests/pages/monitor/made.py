"""Answers of `/throughput/data` made up for display tests, in the shape that Flower gives them."""

from __future__ import annotations

from typing import Any, Final

#: Flower's time in made-up answers, and the seconds that each point covers.
NOW_S: Final = 1_700_000_900
STEP_S: Final = 5


def worker(name: str = "w@x", **changes: Any) -> dict[str, Any]:
    """Return a row of the worker table; the worker is there, and idle."""
    known = {
        "worker": name,
        "pool": "prefork",
        "was": [],
        "state": "here",
        "source": "probe",
        "slots": 2,
        "busy": 0,
        "finished_per_s": 0.0,
        "failed_per_s": 0.0,
        "p50_s": None,
        "p95_s": None,
        "latency_from": [],
        "latency_starts": {"due": 0, "sent": 0, "received": 0},
        "latency_note": "",
        "cpu_percent": 1.0,
        "memory_bytes": 50_000_000,
        "memory": "pss",
        "queues": ["q"],
        "since": NOW_S - 800,
        "seen": NOW_S - 1,
    }
    return {**known, **changes}


def pool(name: str = "prefork", **changes: Any) -> dict[str, Any]:
    """Return the figures of a pool with one idle worker."""
    known = {
        "pool": name,
        "workers": 1,
        "busy": 0,
        "slots": 2,
        "waiting": 0,
        "limit": None,
        "finished_per_s": 0.0,
        "failed_per_s": 0.0,
        "p50_s": None,
        "p95_s": None,
        "latency_from": ["due"],
        "latency_starts": {"due": 50, "sent": 0, "received": 0},
        "latency_note": "",
    }
    return {**known, **changes}


def line(seconds: int, **changes: Any) -> dict[str, list[Any]]:
    """Return a line of `seconds` equal points, of a pool that finishes ten tasks a second."""
    known = {
        "finished_per_s": 10.0,
        "failed_per_s": 0.0,
        "p50_s": 0.195,
        "p95_s": 0.236,
        "busy": 1.0,
        "slots": 2.0,
        **changes,
    }
    return {name: [value] * seconds for name, value in known.items()}


def answer(points: int = 180, **changes: Any) -> dict[str, Any]:
    """Return a whole answer with `points` points up to now; `changes` to its parts are merged."""
    known: dict[str, Any] = {
        "cursor": "00000000-1-1",
        "now": NOW_S,
        "whole": True,
        "range_s": 900,
        "step_s": STEP_S,
        "by": "pool",
        "known_from": NOW_S - STEP_S * points,
        "gaps": [],
        "queue_gaps": [],
        "at": [NOW_S - STEP_S * (points - n) for n in range(points)],
        "lines": {"prefork": line(points)},
        "workers": {"w@x": {"cpu_percent": [1.0] * points, "memory_bytes": [5e7] * points}},
        "queues": {"q": [0.0] * points},
        "finished": 9_000,
        "latency_starts": {"due": 9_000, "sent": 0, "received": 0},
        "latency_note": "",
        "recent": {
            "seconds": 5,
            "finished_per_s": 10.0,
            "arrived_per_s": 10.0,
            "waiting": 0,
            "queues": {"q": 0},
            "used_queues": ["q"],
            "unconsumed": [],
            "pools": [pool()],
            "workers": [worker()],
        },
        "choices": {"pools": ["prefork"], "workers": ["w@x"], "tasks": ["cpu.burn"]},
        "left_out": {"lines": 0, "workers": 0, "rows": 0, "unknown_workers": 0, "queues": 0},
        "findings": {"seconds": 60.0, "found": [], "more": 0},
        "source": {
            "records": "redis://r/0",
            "trouble": "",
            "queues_trouble": "",
            "key_prefixes": [],
            "events_trouble": "",
            "history_trouble": "",
            "findings_trouble": "",
            "faults": 0,
            "missed_entries": 0,
            "unreadable_entries": 0,
            "unreadable_steps": 0,
            "unreadable_events": 0,
            "dropped_records": 0,
            "misdated_records": 0,
            "clock_error_s": 0.0,
            "grew_at": {},
        },
    }
    merged = {"recent", "source", "left_out"}
    return {
        name: {**value, **changes.get(name, {})} if name in merged else changes.get(name, value)
        for name, value in known.items()
    }
