"""How far a lease is between its opening and its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Phase:
    """What the lease, its thread and its settlements must know of each other."""

    closing: bool = False  # whether nothing more is claimed
    lost: bool = False  # whether it expired: others may have its messages
    failing: bool = False  # whether Redis does not answer
    ended: bool = False
