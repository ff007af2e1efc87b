"""Whether any of 200 meters on two buses is left out in a real hour; run it by name."""

from __future__ import annotations

from benchmarks.claims import Benchmark, Claim
from benchmarks.two_buses import table, watch

SECONDS = 3_600.0


def measure() -> Benchmark:
    """Watch for an hour."""
    rounds = watch(SECONDS)
    return Benchmark(
        "bus_hour",
        (
            Claim(
                "bus.skipped_200_hour",
                rounds.skipped,
                "periods without the meter's reading",
                "=",
                0,
            ),
            Claim("bus.cycle_200_hour_s", round(rounds.cycle_s, 2), "s", "<=", 12),
        ),
        table(rounds),
    )
