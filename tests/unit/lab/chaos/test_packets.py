"""A link passes, drops and delays the packets that its rules name, and no others."""

from __future__ import annotations

import random
import struct

import pytest

from lab.chaos.network.packets import DELAY_S, LOSS, Rules, State

SYN, ACK = 0x02, 0x10
WORKER, BROKER = 40_000, 6379


def seeded() -> random.Random:
    return random.Random(1)  # noqa: S311 - no secret


def packet(source: int, target: int, flags: int = ACK, options: int = 0) -> bytes:
    """Return an IPv4 packet with a TCP header, after `options` words of IP options."""
    words = 5 + options
    ip = bytes([0x40 | words]) + bytes(8) + bytes([6]) + bytes(words * 4 - 10)
    return ip + struct.pack("!HH8xBB6x", source, target, 0x50, flags)


def out(port: int = WORKER, flags: int = ACK) -> bytes:
    return packet(port, BROKER, flags)


def back(port: int = WORKER, flags: int = ACK) -> bytes:
    return packet(BROKER, port, flags)


@pytest.mark.parametrize(("state", "delay_s"), [("whole", 0.0), ("cut", None), ("slow", DELAY_S)])
def test_a_state_is_the_same_in_both_directions(state: State, delay_s: float | None) -> None:
    rules = Rules(state=state, chance=seeded())
    assert rules.delay_s(out(), outward=True) == delay_s
    assert rules.delay_s(back(), outward=False) == delay_s
    assert rules.hurt == (0 if state == "whole" else 2)


def test_a_slow_link_loses_the_part_that_it_should() -> None:
    rules = Rules(state="slow", chance=seeded())
    passed = [rules.delay_s(out(), outward=True) for _ in range(4_000)]
    assert passed.count(None) / len(passed) == pytest.approx(LOSS, rel=0.2)
    assert passed.count(None) + passed.count(DELAY_S) == len(passed)


@pytest.mark.parametrize("options", [0, 3])
def test_forgotten_connections_get_no_packet_and_new_ones_do(options: int) -> None:
    rules = Rules()
    rules.delay_s(packet(WORKER, BROKER, SYN, options), outward=True)
    rules.forget()
    assert rules.delay_s(packet(WORKER, BROKER, ACK, options), outward=True) is None
    assert rules.delay_s(packet(BROKER, WORKER, ACK, options), outward=False) is None
    assert rules.hurt == 2
    assert rules.delay_s(out(WORKER + 1, SYN), outward=True) == 0.0
    assert rules.delay_s(back(WORKER + 1, SYN | ACK), outward=False) == 0.0


def test_a_new_connection_may_have_the_port_of_a_forgotten_one() -> None:
    rules = Rules()
    rules.delay_s(out(flags=SYN), outward=True)
    rules.forget()
    assert rules.delay_s(back(flags=SYN | ACK), outward=False) is None
    assert rules.delay_s(out(flags=SYN), outward=True) == 0.0
    assert rules.delay_s(back(flags=SYN | ACK), outward=False) == 0.0


@pytest.mark.parametrize("other", [b"", b"\x45", b"\x60" + bytes(60)], ids=["none", "cut", "IPv6"])
def test_what_is_no_ipv4_packet_never_passes(other: bytes) -> None:
    rules = Rules()
    assert rules.delay_s(other, outward=True) is None
    assert rules.hurt == 0


def test_packets_of_other_protocols_pass_a_whole_link() -> None:
    rules = Rules()
    rules.forget()
    ping = bytes([0x45]) + bytes(8) + bytes([1]) + bytes(30)
    assert rules.delay_s(ping, outward=True) == 0.0
