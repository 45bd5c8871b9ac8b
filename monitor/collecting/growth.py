"""When counts of what went wrong last grew; it does not know what they count."""

from __future__ import annotations

from collections.abc import Mapping


class Growth:
    """Remembers, for each count, its latest value and when it grew."""

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        self._grew_at_s: dict[str, float] = {}

    def note(self, counts: Mapping[str, int], now_s: float) -> None:
        """Note the values that counts have at `now_s`; before the first call, all were 0."""
        for name, count in counts.items():
            if count > self._latest.get(name, 0):
                self._grew_at_s[name] = now_s
            self._latest[name] = count

    def plain(self) -> dict[str, float]:
        """Return when each count last grew, ready for JSON, without those that never did."""
        return {name: round(at_s, 3) for name, at_s in self._grew_at_s.items()}
