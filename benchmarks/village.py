"""A village on a measured ledger: one site with meters that settle together, hour after hour.

The same for both layouts, whose calls are called alike. Claims nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from benchmarks.chain import HOUR_LEDGERS, START_S, Chain, Cost
from gateway.domain.batches import Batch, SlotUsage
from gateway.ledger.contracts import electric, meter

SITE = 1
WRITER = bytes([0xA1]) * 16
ROOT = bytes([0x5A]) * 32
RATES = (960_001, 1_200_007, 1_800_499)
"""Stroops per kWh, so odd that a remainder is carried by every meter and hour."""
MAX_POWER_W = 5_000
HOUR_S = 3600
INTERVAL_S = 900


@dataclass(slots=True)
class Village:
    """One site of an instance that has no other.

    Args:
        chain: the ledger.
        contract: the instance.
        meters: how many it has, in slots 0, 1, 2, ...
        start_s: when the first batch begins, unix seconds.
        settled: batches so far.
        hours: hours in them.
    """

    chain: Chain
    contract: str
    meters: int
    start_s: int
    settled: int = field(default=0, init=False)
    hours: int = field(default=0, init=False)

    def settle(self, hours: int = 1) -> Cost:
        """Let hours go by and settle them: every meter used some of each hour's tier.

        Args:
            hours: that the batch covers.

        Raises:
            TooLarge: it is beyond a limit of the network.
        """
        self.chain.pass_ledgers(hours * HOUR_LEDGERS)
        tiers = Counter(hour % 24 // 8 for hour in range(self.hours, self.hours + hours))
        usage = [
            SlotUsage(slot, *((100 + slot % 200) * tiers[tier] for tier in range(len(RATES))))
            for slot in range(self.meters)
        ]
        batch = Batch(
            site=SITE,
            writer=WRITER,
            sequence=self.settled + 1,
            from_s=self.start_s + self.hours * HOUR_S,
            to_s=self.start_s + (self.hours + hours) * HOUR_S,
            price_version=1,
            root=ROOT,
            slots=tuple(usage),
        )
        cost = self.chain.do(meter.batch_update_usage(self.contract, self.chain.address, batch))
        self.settled += 1
        self.hours += hours
        return cost

    def pay(self, slot: int, amount: int) -> None:
        """Somebody pays for a meter, stroops of the token."""
        plan = meter.Plan.USAGE_BASED
        payer = self.chain.address
        self.chain.do(meter.make_payment(self.contract, payer, SITE << 32 | slot, amount, plan))


def token_on(chain: Chain) -> str:
    """A token whose every stroop the chain's account has."""
    address = chain.address
    token = chain.deploy("electric", lambda code: electric.constructor(code, address, address))
    chain.do(electric.mint(token, address, 10**18))
    return token


def village_on(
    chain: Chain, layout: str, token: str, meters: int, mode: str = "prepaid"
) -> Village:
    """Open a village of ``meters`` on an instance of its own.

    Args:
        chain: the ledger.
        layout: 'meter' or 'entries', the contract that keeps it.
        token: what households pay in.
        meters: how many.
        mode: how they are charged.
    """
    address = chain.address
    contract = chain.deploy(layout, lambda code: meter.constructor(code, address, address, token))
    start_s = chain.now_s // INTERVAL_S * INTERVAL_S
    chain.do(meter.set_price(contract, START_S, RATES, 0, 0))
    chain.do(meter.add_site(contract, SITE, address))
    chain.do(meter.allow(contract, SITE, address))
    for slot in range(meters):
        new = meter.register_meter(contract, SITE << 32 | slot, address, MAX_POWER_W, mode)
        chain.do(new)
    return Village(chain, contract, meters, start_s)
