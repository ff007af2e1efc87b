"""One meter point in words: supply and why, power, usage, balance, age. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.pages import MeterRecord
from gateway.domain.supply import PricedUsage, Reason, SupplyState, effective_balance
from gateway.store.overview import MeterOverview, SupplyRow
from gateway.web import words
from gateway.web.figures import Figure, Instant

_STATES = {
    SupplyState.CONNECTED: ("Connected", "on"),
    SupplyState.DISCONNECTED: ("Disconnected", "off"),
    SupplyState.READY_FOR_RECONNECTION: ("Ready for reconnection", "ready"),
}
_OUTPUTS = {
    ("confirmed", True): Figure("Confirmed by the meter: power flows."),
    ("confirmed", False): Figure("Confirmed by the meter: no power flows."),
    ("unconfirmed", True): Figure("Not confirmed: nothing is drawing power."),
    ("unconfirmed", False): Figure("Not confirmed by the meter yet."),
    ("contradicted", True): Figure("Contradicted by the meter: no power flows.", kind="bad"),
    ("contradicted", False): Figure("Contradicted by the meter: power still flows.", kind="bad"),
}
_CHARGED_ELSEWHERE = {"streaming": "paid hour by hour", "postpaid": "billed afterwards"}


@dataclass(frozen=True, slots=True)
class MeterView:
    """A meter point as the page shows it.

    Args:
        anchor: its place on the page.
        label: what people call it.
        place: where its meter is read.
        is_critical: never cut for want of credit.
        is_silent: its reading is too old to be called live.
        supply: state, and why.
        remedy: how to get back on; empty: nothing to do.
        output: what the meter shows of the switch; None: no switch, or nothing decided.
        power: now.
        today: energy since local midnight.
        credit: when a running plan ends; what is left, or how far it is in arrears.
        chain: how much is settled, and what waits.
        reading: how old it is.
    """

    anchor: str
    label: str
    place: str
    is_critical: bool
    is_silent: bool
    supply: Figure
    remedy: str
    output: Figure | None
    power: Figure
    today: Figure
    credit: tuple[Figure, ...]
    chain: Figure
    reading: Figure


def meter_view(
    meter: MeterOverview, today_wh: int, unsettled: tuple[PricedUsage, ...], at: Instant
) -> MeterView:
    """Put a meter point into words.

    Args:
        meter: what the store holds of it.
        today_wh: usage since local midnight, Wh.
        unsettled: usage that its balance on chain does not contain yet.
        at: the instant shown.
    """
    is_silent = meter.counted is not None and at.is_silent(meter.counted.heard_s)
    supply = meter.supply
    return MeterView(
        anchor=f"m{meter.chain_id}",
        label=meter.label,
        place=_place(meter),
        is_critical=meter.critical,
        is_silent=is_silent,
        supply=_supply(meter),
        remedy=_remedy(supply),
        output=_output(meter),
        power=_power(meter, is_silent=is_silent),
        today=Figure(words.energy(today_wh)),
        credit=_credit(meter, unsettled, at),
        chain=_chain(meter),
        reading=_reading(meter, at, is_silent=is_silent),
    )


def _place(meter: MeterOverview) -> str:
    if meter.address is None:
        return "no meter installed"
    kind, _, name = meter.address.partition("/")
    return f"node {name}" if kind == "node" else f"bus {kind}, unit {name}"


def _supply(meter: MeterOverview) -> Figure:
    if meter.supply is None:
        if meter.relay == "none":
            return Figure("No switch", "This supply is only measured.", "none")
        return Figure("Not decided yet", "The gateway has not looked at this supply.", "none")
    text, kind = _STATES[meter.supply.state]
    return Figure(text, _why(meter.supply), kind)


def _reason(supply: SupplyRow) -> Reason | None:
    """None: a newer version of this program stored it."""
    return Reason(supply.reason) if supply.reason in frozenset(Reason) else None


def _why(supply: SupplyRow) -> str:
    reason = _reason(supply)
    return reason.sentence if reason else f"Reason: {supply.reason}."


def _remedy(supply: SupplyRow | None) -> str:
    if supply is None or supply.state is SupplyState.CONNECTED:
        return ""
    reason = _reason(supply)
    return reason.remedy if reason else ""


def _output(meter: MeterOverview) -> Figure | None:
    if meter.supply is None or meter.relay == "none":
        return None
    return _OUTPUTS[meter.supply.output, meter.supply.state is SupplyState.CONNECTED]


def _power(meter: MeterOverview, *, is_silent: bool) -> Figure:
    if meter.counted is None or meter.counted.power_mw is None:
        return Figure(words.NOTHING, "not known", "unknown")
    power = words.power(meter.counted.power_mw)
    return Figure(words.NOTHING, f"was {power}", "unknown") if is_silent else Figure(power)


def _credit(
    meter: MeterOverview, unsettled: tuple[PricedUsage, ...], at: Instant
) -> tuple[Figure, ...]:
    on_chain, paid_here = meter.on_chain, meter.paid_here_stroops
    if on_chain is None:
        if paid_here:
            return (Figure(_money(paid_here, at), "paid here; not seen on chain yet"),)
        return (Figure(words.NOTHING, "not seen on chain yet", "unknown"),)
    record, seen = on_chain.record, at.ago(on_chain.as_of_s)
    left = paid_here + effective_balance(record.balance, record.remainder_milli, unsettled)
    if paid_here:
        seen = f"{seen}; {_money(paid_here, at)} paid here on its way"
    if record.paid_until_s > at.now_s:
        name = {1: "Daily plan", 2: "Weekly plan"}.get(record.plan, "Plan")
        plan = Figure(f"{name} until {at.when(record.paid_until_s)}", f"as of {seen}")
        return (plan, _balance(left, record, seen, at)) if left else (plan,)
    elsewhere = _CHARGED_ELSEWHERE.get(record.settlement_mode)
    if elsewhere and not record.balance:
        return (Figure(words.NOTHING, elsewhere),)
    return (_balance(left, record, seen, at),)


def _balance(left: int, record: MeterRecord, seen: str, at: Instant) -> Figure:
    """What is left, as an estimate where usage here is not in the contract's balance yet."""
    note = f"as of {seen}"
    if left != record.balance:
        note = f"estimate; on chain {_money(record.balance, at)} {seen}"
    if left < 0:
        return Figure(_money(left, at), f"arrears; {note}", "arrears")
    return Figure(_money(left, at), note)


def _money(stroops: int, at: Instant) -> str:
    return words.money(stroops, at.settings.token_decimals, at.settings.token)


def _chain(meter: MeterOverview) -> Figure:
    note = f"{words.energy(meter.pending_wh)} waiting" if meter.pending_wh else "nothing waiting"
    if meter.residue_wh:
        note += f"; {words.energy(meter.residue_wh)} refused"
    if meter.on_chain is None:
        return Figure(words.NOTHING, note, "unknown")
    return Figure(words.energy(meter.on_chain.record.total_wh), note)


def _reading(meter: MeterOverview, at: Instant, *, is_silent: bool) -> Figure:
    if meter.counted is None:
        return Figure("None yet", kind="unknown")
    heard_s = meter.counted.heard_s
    if is_silent:
        return Figure(at.ago(heard_s), f"silent since {at.when(heard_s)}", "bad")
    return Figure(at.ago(heard_s))
