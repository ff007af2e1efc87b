"""What the oracle costs: usage and price of 100 streaming meters, every hour of a month.

Fees are without rent, which stands beside; the month is lived on the ledger, hour by hour.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.chain import HOUR_LEDGERS, STROOPS_PER_XLM, Chain, Cost, opened
from benchmarks.claims import Benchmark, Claim
from benchmarks.village import SITE, token_on, village_on
from gateway.ledger.contracts import oracle

METERS = 100
DAYS = 30
HOUR_S = 3600
WEEK_HOURS = 7 * 24
PRICES = (960_001, 1_200_007, 1_800_499)
"""Stroops per kWh by tier."""


@dataclass(slots=True)
class Site:
    """The streaming meters of one site.

    Args:
        chain: the ledger.
        contract: the oracle.
        hour_s: start of the next hour to record, unix seconds.
    """

    chain: Chain
    contract: str
    hour_s: int

    def record(self) -> Cost:
        """Let an hour go by and record it."""
        self.chain.pass_ledgers(HOUR_LEDGERS)
        tier = self.hour_s // HOUR_S % 24 // 8
        usage = {slot: (1, 100 + slot) for slot in range(METERS)}
        hour = oracle.HourUsage(self.hour_s, tier, (PRICES[tier],), usage)
        self.hour_s += HOUR_S
        return self.chain.do(
            oracle.update_usage_and_price(self.contract, self.chain.address, SITE, [hour])
        )


def measure() -> Benchmark:
    """Fill the ring once, then live 30 days."""
    with opened() as chain:
        site = _site_on(chain)
        first = [site.record() for _ in range(WEEK_HOURS)]
        month = [site.record() for _ in range(DAYS * 24)]
    work = sum(cost.work_stroops for cost in month) / STROOPS_PER_XLM
    return Benchmark(
        "oracle",
        (
            Claim(
                "oracle.xlm_month_100",
                round(work, 3),
                "XLM: 100 streaming meters hourly for 30 days, fees without rent",
                "<=",
                3,
            ),
        ),
        (
            "| 100 streaming meters, hourly | XLM |",
            "|---|--:|",
            f"| fees of 30 days | {work:.3f} |",
            f"| rent of the same 30 days | {_rent_xlm(month):.3f} |",
            f"| rent of the first week, which creates the ring | {_rent_xlm(first):.3f} |",
            "",
            f"One call costs at most {max(cost.work_stroops for cost in month):,} stroops.",
        ),
    )


def _site_on(chain: Chain) -> Site:
    address = chain.address
    village = village_on(chain, "meter", token_on(chain), METERS, mode="streaming")
    contract = chain.deploy(
        "oracle", lambda code: oracle.constructor(code, address, address, village.contract)
    )
    chain.do(oracle.allow(contract, SITE, address))
    return Site(chain, contract, -(-chain.now_s // HOUR_S) * HOUR_S)


def _rent_xlm(costs: list[Cost]) -> float:
    return sum(cost.rent_stroops for cost in costs) / STROOPS_PER_XLM
