"""What a meter costs a month, by how often a village settles: every hour, six hours, or day.

Fees of the real host, lived batch by batch; rent apart, because it is for time and not for batches.
Pages of 64 meters beside one ledger entry per meter, with the same fields, receipt and usage.
"""

from __future__ import annotations

from benchmarks.chain import DEAR_BY
from benchmarks.claims import Benchmark, Claim
from benchmarks.settlement import LAYOUTS, MONTH_HOURS, PEER, Month, month

METERS = 100
EVERY_HOURS = {"hourly": 1, "6_hourly": 6, "daily": 24}
BOUNDS = {"hourly": 0.022, "6_hourly": 0.0045, "daily": 0.0013}
"""XLM; hourly is ``settle.xlm_month_100_hourly`` by the meter."""
RIVAL_STROOPS, RIVAL_METERS = 391_760, 50
"""One batch of Stellar-Solar-Grid's contract: two entries and an event per meter, no receipt."""


def measure() -> Benchmark:
    """Live three months in both layouts."""
    months = {
        name: {layout: month(layout, hours) for layout in LAYOUTS}
        for name, hours in EVERY_HOURS.items()
    }
    claims = tuple(_claim(name, found) for name, found in months.items())
    return Benchmark("cost", claims, tuple(_table(months)))


def _claim(name: str, found: dict[str, Month]) -> Claim:
    return Claim(
        f"cost.xlm_meter_month_{name}",
        round(found["meter"].work_xlm / METERS, 5),
        f"XLM: one of {METERS} meters for 30 days, settled {name.replace('_', '-')}, without rent",
        "<=",
        BOUNDS[name],
        {PEER: round(found["entries"].work_xlm / METERS, 5)},
    )


def _table(months: dict[str, dict[str, Month]]) -> list[str]:
    lines = [
        f"{METERS} meters for 30 days, by the meter, XLM:",
        "",
        "| settled | layout | batches | one batch, stroops | fees | rent today "
        f"| rent at {DEAR_BY} times today's rate |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for name, found in months.items():
        lines += [
            f"| {name.replace('_', '-')} | {LAYOUTS[layout]} | {MONTH_HOURS // EVERY_HOURS[name]} "
            f"| {one.one_stroops:,} | {one.work_xlm / METERS:.5f} "
            f"| {one.rent_xlm / DEAR_BY / METERS:.5f} | {one.rent_xlm / METERS:.5f} |"
            for layout, one in found.items()
        ]
    rival_xlm = RIVAL_STROOPS * MONTH_HOURS / 1e7 / RIVAL_METERS
    return [
        *lines,
        "",
        "Rent is for the time that entries live, so it hardly depends on how often is settled: "
        "site, receipt, meters, price, instance; code is not counted.",
        "",
        f"Not measured in this run: a batch of {RIVAL_METERS} meters by the contract of "
        f"Stellar-Solar-Grid cost {RIVAL_STROOPS:,} stroops on the same ledger, hourly "
        f"{rival_xlm:.3f} XLM a meter and month.",
    ]
