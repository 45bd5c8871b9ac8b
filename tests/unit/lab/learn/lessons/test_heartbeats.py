"""How late a heartbeat was is known only if one was due and one arrived."""

from __future__ import annotations

from lab.learn.lessons.coroutines.heartbeats import Heartbeats


def beats(*arrived: float) -> Heartbeats:
    return Heartbeats("gevent@here", list(arrived), 2.0)


def test_a_heartbeat_is_late_by_the_time_since_it_was_due() -> None:
    late_s = beats(10.0, 12.0, 14.5).late_s(13.6, 14.4)
    assert late_s is not None
    assert abs(late_s - 0.5) < 1e-9


def test_lateness_is_unknown_if_none_was_due_or_none_arrived() -> None:
    assert beats(10.0, 12.0, 14.0).late_s(12.5, 13.5) is None
    assert beats(10.0, 12.0).late_s(13.6, 14.4) is None
    assert beats().late_s(13.6, 14.4) is None


def test_heartbeats_of_other_workers_are_ignored() -> None:
    heard = beats()
    heard.note({"hostname": "threads@here", "freq": 5.0})
    assert heard.arrived == []
    heard.note({"hostname": "gevent@here", "freq": 2.0})
    assert (len(heard.arrived), heard.every_s) == (1, 2.0)
