"""What settling costs: batches of many sizes, a month of them, and the rent of what they need.

Pages of 64 meters (``meter``) beside one ledger entry per meter (``entries``): the same fields, the
same receipt, the same prices, the same usage. Everything is charged by the real host; the months
are lived, hour by hour.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from benchmarks.chain import (
    DEAR_BY,
    DEAR_STATE_BYTES,
    MONTH_LEDGERS,
    STROOPS_PER_XLM,
    WASM,
    Cost,
    opened,
)
from benchmarks.claims import Benchmark, Claim
from benchmarks.village import SITE, Village, token_on, village_on
from gateway.ledger.contracts import meter
from gateway.ledger.contracts.calls import code_key, instance_key, persistent_key
from gateway.ledger.contracts.values import symbol, u32
from gateway.ledger.limits import TooLarge

SIZES = (1, 10, 25, 50, 100, 200, 1000)
LAYOUTS = {"meter": "pages", "entries": "one entry per meter"}
PEER = LAYOUTS["entries"]
CODE = "code (not counted)"
MONTH_HOURS = 720
RENEWED_DAYS = 32
"""Entries are renewed every 8 days: four times in this long."""


@dataclass(frozen=True, slots=True)
class Month:
    """Batches of 100 meters, after the first one, which creates the receipt.

    Args:
        work_xlm: fees of 30 days without rent.
        rent_xlm: rent of 32 days, 30/32 of it.
        one_stroops: fee of one batch without rent.
        rent_rows: rent of 30 days by the entry that it is paid for, XLM; for pages only.
    """

    work_xlm: float
    rent_xlm: float
    one_stroops: int
    rent_rows: dict[str, float]


def measure() -> Benchmark:
    """Run every size in both layouts, a month in both, and 200 meters that all change state."""
    sizes = {layout: _sizes(layout) for layout in LAYOUTS}
    months = {layout: month(layout) for layout in LAYOUTS}
    table = [*_size_table(sizes), "", *_month_table(months), ""]
    table += _rent_table(months["meter"].rent_rows)
    return Benchmark("settlement", _claims(months, _change_everything()), tuple(table))


def _claims(months: dict[str, Month], change: Cost) -> tuple[Claim, ...]:
    pages, entries = months["meter"], months["entries"]
    shares = change.limit_shares()
    worst = max(shares, key=lambda what: shares[what])
    return (
        Claim(
            "settle.xlm_month_100_hourly",
            round(pages.work_xlm, 3),
            "XLM: 100 meters hourly for 30 days, fees without rent",
            "<=",
            2.2,
            {PEER: round(entries.work_xlm, 3)},
        ),
        Claim(
            "settle.ratio_vs_entry",
            round(entries.work_xlm / pages.work_xlm, 2),
            "x cheaper than one entry per meter, the same month",
            ">=",
            12,
        ),
        Claim(
            "rent.xlm_month_100",
            round(pages.rent_xlm, 3),
            f"XLM: rent of 30 days for all that 100 meters need but code, at {DEAR_BY} times "
            "today's rate",
            "<=",
            3.5,
            {PEER: round(entries.rent_xlm, 3)},
        ),
        Claim(
            "settle.limit_share_200",
            round(shares[worst], 3),
            f"of the limit on {worst}: 200 meters, all changing state, in one transaction",
            "<=",
            0.20,
        ),
        Claim(
            "wasm.meter_bytes",
            _wasm_bytes("meter"),
            "bytes of code",
            "<=",
            32_768,
            {PEER: _wasm_bytes("entries")},
        ),
    )


def _sizes(layout: str) -> dict[int, Cost | str]:
    """The second batch of a village of each size, or which limit stops it."""
    found: dict[int, Cost | str] = {}
    with opened() as chain:
        token = token_on(chain)
        for meters in SIZES:
            village = village_on(chain, layout, token, meters)
            try:
                village.settle()
                found[meters] = village.settle()
            except TooLarge as error:
                found[meters] = str(error)
                break
    return found


def month(layout: str, hours: int = 1) -> Month:
    """Live a month of 100 meters.

    Rent is measured where it is dear: today's rate is the lowest that the protocol has.

    Args:
        layout: 'meter' or 'entries'.
        hours: how many one batch covers, a divisor of a day's.
    """
    with opened(DEAR_STATE_BYTES) as chain:
        token = token_on(chain)
        village = village_on(chain, layout, token, 100)
        for slot in range(village.meters):
            village.pay(slot, 10**12)
        village.settle(hours)
        costs = [village.settle(hours) for _ in range(RENEWED_DAYS * 24 // hours)]
        rows = _rent_by_entry(village) if layout == "meter" else {}
    rent = sum(cost.rent_stroops for cost in costs) * 30 / RENEWED_DAYS
    return Month(
        work_xlm=sum(cost.work_stroops for cost in costs[: MONTH_HOURS // hours]) / STROOPS_PER_XLM,
        rent_xlm=rent / STROOPS_PER_XLM,
        one_stroops=costs[0].work_stroops,
        rent_rows=rows,
    )


def _rent_by_entry(village: Village) -> dict[str, float]:
    """What a month of life costs for each entry alone, XLM."""
    chain, contract = village.chain, village.contract
    chain.pass_ledgers(MONTH_LEDGERS)
    keys = {
        "site": persistent_key(contract, symbol("Site"), u32(SITE)),
        "receipt": meter.receipt_key(contract, SITE),
        "page of 64 meters": meter.page_key(contract, SITE, 0),
        "page of 36 meters": meter.page_key(contract, SITE, 1),
        "price": meter.price_key(contract, 1),
        "instance": instance_key(contract),
        CODE: code_key(hashlib.sha256((WASM / "meter.wasm").read_bytes()).digest()),
    }
    return {
        what: chain.keep_alive(key, MONTH_LEDGERS) / STROOPS_PER_XLM for what, key in keys.items()
    }


def _change_everything() -> Cost:
    """One batch in which the credit of 200 meters ends."""
    with opened() as chain:
        village = village_on(chain, "meter", token_on(chain), 200)
        for slot in range(village.meters):
            village.pay(slot, 1)
        change, quiet = village.settle(), village.settle()
    if change.output_bytes <= quiet.output_bytes:
        raise AssertionError("no meter changed its state, or the contract did not say so")
    return change


def _wasm_bytes(name: str) -> int:
    return (WASM / f"{name}.wasm").stat().st_size


def _size_table(sizes: dict[str, dict[int, Cost | str]]) -> list[str]:
    lines = [
        "One hourly batch, the second of its village, so that nothing is created or renewed:",
        "",
        "| meters | layout | instructions | written B | entries written | transaction B "
        "| events and answer B | fee, stroops | x pages |",
        "|--:|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for meters in SIZES:
        ours = sizes["meter"][meters]
        if isinstance(ours, str):
            raise TypeError(f"{meters} meters do not fit one transaction: {ours}")
        lines += [
            _size_row(meters, name, sizes[layout].get(meters), ours.work_stroops)
            for layout, name in LAYOUTS.items()
        ]
    return lines


def _size_row(meters: int, name: str, cost: Cost | str | None, pages_stroops: int) -> str:
    if cost is None:
        return f"| {meters:,} | {name} | - | - | - | - | - | - | - |"
    if isinstance(cost, str):
        return f"| {meters:,} | {name} | stops here: {cost} | | | | | | |"
    return (
        f"| {meters:,} | {name} | {cost.instructions:,} | {cost.written_bytes:,} "
        f"| {cost.written_entries} | {cost.transaction_bytes:,} | {cost.output_bytes:,} "
        f"| {cost.work_stroops:,} | {cost.work_stroops / pages_stroops:.1f} |"
    )


def _month_table(months: dict[str, Month]) -> list[str]:
    lines = [
        "100 meters hourly, lived on the ledger:",
        "",
        "| layout | one batch x 720, XLM | 720 batches, XLM "
        f"| rent of 30 days at {DEAR_BY} times today's rate, XLM | today, XLM |",
        "|---|--:|--:|--:|--:|",
    ]
    for layout, month in months.items():
        reckoned = month.one_stroops * MONTH_HOURS / STROOPS_PER_XLM
        lines.append(
            f"| {LAYOUTS[layout]} | {reckoned:.3f} | {month.work_xlm:.3f} | {month.rent_xlm:.3f} "
            f"| {month.rent_xlm / DEAR_BY:.3f} |"
        )
    return [
        *lines,
        "",
        f"Rent is what hourly batches paid in {RENEWED_DAYS} days, in which every entry was "
        "renewed four times, x 30/32: for site, receipt, meters, price and the whole instance. "
        "Code is everybody's on the network, and no batch renews it.",
    ]


def _rent_table(rows: dict[str, float]) -> list[str]:
    counted = sum(xlm for what, xlm in rows.items() if what != CODE)
    return [
        "Rent of 30 days for each entry of 100 meters in pages, renewed at once:",
        "",
        f"| entry | XLM at {DEAR_BY} times today's rate | today |",
        "|---|--:|--:|",
        *(f"| {what} | {xlm:.3f} | {xlm / DEAR_BY:.3f} |" for what, xlm in rows.items()),
        f"| all but code | {counted:.3f} | {counted / DEAR_BY:.3f} |",
    ]
