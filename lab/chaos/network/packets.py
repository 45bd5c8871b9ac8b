"""Decides what happens to each packet of a link; it must not know where packets come from."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from typing import Final, Literal

#: `whole`: all packets pass. `cut`: none do. `slow`: they are late, and some are lost.
State = Literal["whole", "cut", "slow"]

#: How late packets are on a slow link in each direction, in seconds, and which part is lost.
DELAY_S: Final = 0.1
LOSS: Final = 0.05

_TCP: Final = 6
_SYN, _ACK = 0x02, 0x10


@dataclass(slots=True)
class Rules:
    """What a link does to packets, and to how many of them so far."""

    state: State = "whole"
    hurt: int = 0  # packets that were dropped or delayed
    chance: random.Random = field(default_factory=random.Random)
    _seen: set[int] = field(default_factory=set)  # ports of connections that were opened
    _forgotten: set[int] = field(default_factory=set)

    def forget(self) -> None:
        """Drop the packets of all present connections from now on, and open new ones as usual."""
        self._forgotten |= self._seen
        self._seen.clear()

    def delay_s(self, packet: bytes, *, outward: bool) -> float | None:
        """Return by how much a packet is delayed; None: it is dropped.

        `outward` packets come from the side that opens connections.
        """
        if not _is_ipv4(packet):  # only the kernel's own, such as router solicitations
            return None
        passes = self._note(packet, outward=outward)
        if self.state == "whole" and passes:
            return 0.0
        self.hurt += 1
        if self.state == "cut" or not passes or self.chance.random() < LOSS:
            return None
        return DELAY_S

    def _note(self, packet: bytes, *, outward: bool) -> bool:
        """Note which connection a packet belongs to; return whether it is not forgotten."""
        tcp = _tcp(packet)
        if tcp is None:
            return True
        source, target, flags = tcp
        port = source if outward else target
        if outward and flags & (_SYN | _ACK) == _SYN:  # a new connection, perhaps at an old port
            self._forgotten.discard(port)
            self._seen.add(port)
        return port not in self._forgotten


def _is_ipv4(packet: bytes) -> bool:
    return len(packet) >= 20 and packet[0] >> 4 == 4


def _tcp(packet: bytes) -> tuple[int, int, int] | None:
    """Return both ports and the flags of a TCP packet."""
    start = (packet[0] & 0x0F) * 4
    if packet[9] != _TCP or len(packet) < start + 14:
        return None
    source, target = struct.unpack_from("!HH", packet, start)
    return source, target, packet[start + 13]
