"""A message template is filled in with the values of each task."""

from __future__ import annotations

from producer.message_template import Template

FORM = Template(
    key="q",
    parts=('{"id":"', '","root":"', '","tag":"', '","due":', ',"sent":', "}"),
    places=("id", "id", "tag", "due", "sent"),
)


def test_every_placeholder_is_replaced_by_its_value() -> None:
    [text] = FORM.stamp(["abc"], [1.5], 2.25)
    assert text.startswith('{"id":"abc","root":"abc","tag":"')
    assert text.endswith('","due":1500000,"sent":2250000}')


def test_no_two_messages_share_a_delivery_tag() -> None:
    messages = list(FORM.stamp(["a"] * 100, [0.0] * 100, 0.0))
    assert len(set(messages)) == 100


def test_times_keep_their_microseconds() -> None:
    instant = 1_763_900_000.123456
    [text] = FORM.stamp(["a"], [instant], instant)
    assert text.count("1763900000123456") == 2
