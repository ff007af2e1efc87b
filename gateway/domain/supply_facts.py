"""What a decision about supply rests on, and what comes out of it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.chain_drop import NOTHING, Drop
from gateway.domain.credit import ContractRecord, PricedUsage
from gateway.domain.facts import facts
from gateway.domain.local_hours import LocalHours
from gateway.domain.reasons import Reason, SupplyState

DAY_S = 86_400


class SettlementMode(StrEnum):
    """Who charges a meter point's usage; the values are stored."""

    PREPAID = "prepaid"
    STREAMING = "streaming"
    POSTPAID = "postpaid"


class Hold(StrEnum):
    """What became of a disconnection that waits for a person; the values are stored."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    CONFIRMED_ON_ONE = "confirmed_on_one"
    """Confirmed by somebody who answers for it that one RPC endpoint is enough."""
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Override:
    """What an operator ordered for a while.

    Args:
        connected: what the supply shall be.
        until_s: when that ends, not part of it (unix seconds).
    """

    connected: bool
    until_s: int


@facts(frozen=True, slots=True)
class SupplyFacts:
    """All that a decision about one meter point rests on.

    Args:
        mode: who charges its usage.
        critical: a clinic, a vaccine fridge, a pump: never cut but for safety.
        record: the contract's record; None: never seen.
        unsettled: usage that the record's balance does not contain yet, outside the plan window.
        credit_stroops: paid on site, by token or cash, and not in the record's balance yet.
        state: what was decided last; None: this meter point is new.
        reason: why; None: this meter point is new.
        switched_s: when its relay was last commanded (unix seconds); None: never.
        power_mw: active power by the latest reading, mW; None: not known.
        load_limit_w: the most it may draw, W; None: no limit but the breaker.
        overloads: disconnections for overload since a person last reset them.
        tripped_s: when it was last disconnected for overload (unix seconds); None: never.
        locked_out: locked out on site.
        slot: its number in the village; who comes first after a blackout.
        override: what an operator ordered; None: nothing.
        emergency_stroops: emergency credit that was asked for and is not paid back.
        estimated: of ``unsettled``, what is estimated.
        disputed_stroops: what is disputed of its usage.
        brown_out: the voltage of its feeder is too low.
        feeder_dead: its feeder has no power.
        feeder_back_s: when its feeder last came back (unix seconds); None: not lately.
        paused_s: how much later its plan ends because its feeder was dead, s.
        drop: what the chain took from it that is not explained here.
        hold: what became of its disconnection that waits for a person; None: none does.
        chain_cuts: disconnections from chain state alone in the village's last hour.
        endpoints_agree: whether two RPC endpoints say the same; None: not known.
        clock_trusted: whether ``now_s`` is known to be right.
        untrusted_s: for how long it is not, by the monotonic clock, s.
    """

    mode: SettlementMode
    critical: bool = False
    record: ContractRecord | None = None
    unsettled: tuple[PricedUsage, ...] = ()
    credit_stroops: int = 0
    state: SupplyState | None = None
    reason: Reason | None = None
    switched_s: int | None = None
    power_mw: int | None = None
    load_limit_w: int | None = None
    overloads: int = 0
    tripped_s: int | None = None
    locked_out: bool = False
    slot: int = 0
    override: Override | None = None
    emergency_stroops: int = 0
    estimated: tuple[PricedUsage, ...] = ()
    disputed_stroops: int = 0
    brown_out: bool = False
    feeder_dead: bool = False
    feeder_back_s: int | None = None
    paused_s: int = 0
    drop: Drop = NOTHING
    hold: Hold | None = None
    chain_cuts: int = 0
    endpoints_agree: bool | None = None
    clock_trusted: bool = True
    untrusted_s: int = 0

    @property
    def connected(self) -> bool:
        """Whether the relay conducts by what was decided last."""
        return self.state is SupplyState.CONNECTED


@dataclass(frozen=True, slots=True)
class SupplyPolicy:
    """What the operator has set.

    Args:
        stale_after_s: the age from which the contract's record counts as stale, s.
        overdraft_stroops: how far below 0 a balance may go, always.
        stale_overdraft_stroops: how much further, while the record is stale: whoever has paid
            cannot prove it then.
        min_switch_s: the least time between two switchings of one relay, s.
        overload_retry_s: how long a supply stays off after an overload, s.
        most_overloads: after this many a person reconnects it.
        quiet_hours: hours in which nobody is disconnected by the account or the contract.
        most_chain_cuts: more disconnections an hour from chain state alone wait for a person.
        stagger_s: after a blackout supplies are reconnected over so long, s.
        clock_grace_s: how long a plan counts while the time is not known, s.
    """

    stale_after_s: int = 259_200
    overdraft_stroops: int = 0
    stale_overdraft_stroops: int = 0
    min_switch_s: int = 60
    overload_retry_s: int = 300
    most_overloads: int = 3
    quiet_hours: LocalHours = field(default_factory=LocalHours)
    most_chain_cuts: int = 3
    stagger_s: int = 60
    clock_grace_s: int = 7 * DAY_S


@facts(frozen=True, slots=True)
class Verdict:
    """What a supply shall be.

    Args:
        state: the state to bring about.
        reason: why.
        detail: the figures behind it, one line, for the journal.
        left_stroops: what is left of its money; None: no money is counted down.
        chain_alone: it is disconnected for nothing but what the chain says.
    """

    state: SupplyState
    reason: Reason
    detail: str
    left_stroops: int | None = None
    chain_alone: bool = False

    @property
    def connected(self) -> bool:
        """Whether the relay shall conduct."""
        return self.state is SupplyState.CONNECTED
