"""What a candidate costs: prices of cores and memory, weighed against its throughput."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tasks.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Prices in any unit of money and time, such as dollars per month."""

    core: float = 0.0
    gb: float = 0.0  # of memory, 10^9 bytes

    def of(self, cores: float, memory_bytes: int) -> float:
        """Return what these cores and this memory cost; never 0."""
        return max(1e-12, self.core * cores + self.gb * memory_bytes / 1e9)


def cost(text: str | None) -> Cost | None:
    """Read prices such as `core=30,gb=4`; raise UsageError otherwise."""
    if text is None:
        return None
    known = [field.name for field in fields(Cost)]
    prices: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = (word.strip() for word in part.partition("="))
        try:
            price = float(value)
        except ValueError:
            price = -1.0
        if name not in known or name in prices or not 0 <= price < 1e12:
            raise UsageError(f"--cost takes prices such as core=30,gb=4, not {text[:60]!r}")
        prices[name] = price
    if not any(prices.values()):
        raise UsageError("--cost needs a price above 0, such as core=30,gb=4")
    return Cost(**prices)
