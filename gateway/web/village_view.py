"""The village in words: what needs a person, all meters, the gateway itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.domain.signs import SignKind
from gateway.domain.supply import PricedUsage, SupplyState
from gateway.store.overview import VillageOverview
from gateway.store.signs import status_name
from gateway.store.status import Status
from gateway.web import words
from gateway.web.figures import Alarm, Figure, Instant
from gateway.web.meter_view import MeterView, meter_view
from gateway.web.notice_view import LossView, is_notice, loss_views, notice

_MOST_NODES = 6

_STATUS_WORDS = {
    "online": ("Online", "on"),
    "offline": ("Offline", "off"),
    "alarm": ("Alarm", "bad"),
}
_STATUS_NAMES = {
    "bus": "Bus",
    "node": "Node",
    "broker": "Broker",
    "credits": "Payments taken here",
    "watch": "Watch over feeder",
    "losses-parked": "Balance of feeder",
}
_ORDER = {"bus": 0, "broker": 1, "node": 2, "chain": 3, "settlement": 4, "credits": 5}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the gateway and how it is.

    Args:
        name: what people call it.
        state: its state in a word, for how long, and how that looks.
        text: what it is doing, or why it is not.
    """

    name: str
    state: Figure
    text: str


@dataclass(frozen=True, slots=True)
class VillageView:
    """The page's content.

    Args:
        now: local date and time.
        zone: the time zone's short name.
        totals: the village in a line.
        alarms: what needs a person, worst first.
        meters: by site and slot.
        losses: where each feeder's energy went, of those that have a meter.
        parts: what the gateway is made of.
        backlog: usage waiting to be settled.
        receipts: the last word of the contract, per site.
    """

    now: str
    zone: str
    totals: tuple[Figure, ...]
    alarms: tuple[Alarm, ...]
    meters: tuple[MeterView, ...]
    losses: tuple[LossView, ...]
    parts: tuple[Part, ...]
    backlog: Figure
    receipts: tuple[Figure, ...]


def village_view(
    village: VillageOverview, unsettled: dict[int, tuple[PricedUsage, ...]], at: Instant
) -> VillageView:
    """Put the village into words.

    Args:
        village: what the store holds.
        unsettled: usage that balances on chain do not contain yet, by ``meter_point_id``.
        at: the instant shown.
    """
    meters = tuple(
        meter_view(
            meter,
            village.today_wh.get(meter.chain_id, 0),
            unsettled.get(meter.meter_point_id, ()),
            at,
        )
        for meter in village.meters
    )
    return VillageView(
        now=f"{at.now:%a} {at.now.day} {at.now:%b %Y, %H:%M:%S}"
        f"{'' if at.clock.trusted else ' or later: the time is not known'}",
        zone=at.zone_name,
        totals=_totals(village, meters),
        alarms=(*_stillness(village, at), *_reported(village, at), *_contradicted(meters)),
        meters=meters,
        losses=loss_views(village.feeder_days, village.statuses, at),
        parts=tuple(_parts(village, at)),
        backlog=_backlog(village, at),
        receipts=_receipts(village, at),
    )


def _totals(village: VillageOverview, meters: tuple[MeterView, ...]) -> tuple[Figure, ...]:
    heard = [
        meter.counted.power_mw
        for meter, shown in zip(village.meters, meters, strict=True)
        if meter.counted and meter.counted.power_mw is not None and not shown.is_silent
    ]
    cut = sum(
        meter.supply is not None and meter.supply.state is not SupplyState.CONNECTED
        for meter in village.meters
    )
    silent = sum(
        shown.is_silent or meter.counted is None
        for meter, shown in zip(village.meters, meters, strict=True)
    )
    return (
        Figure(words.power(sum(heard)) if heard else words.NOTHING, "now"),
        Figure(words.energy(sum(village.today_wh.values())), "today"),
        Figure(str(len(meters)), "meter" if len(meters) == 1 else "meters"),
        Figure(str(cut), "without supply", "warn" if cut else ""),
        Figure(str(silent), "silent", "warn" if silent else ""),
    )


def _stillness(village: VillageOverview, at: Instant) -> tuple[Alarm, ...]:
    """Nothing is read at all: the page then shows the past, and has to say so."""
    if not village.meters or not at.clock.trusted:
        return ()
    remedy = "Check that the gateway's field process runs and that its buses and nodes have power."
    heard = [meter.counted.heard_s for meter in village.meters if meter.counted]
    if not heard:
        return (Alarm("No readings", f"No meter has been read yet. {remedy}"),)
    if not at.is_silent(max(heard)):
        return ()
    last_s = max(heard)
    text = f"No meter has been read since {at.when(last_s)} ({at.ago(last_s)}). {remedy}"
    return (Alarm("This page is out of date", text),)


def _reported(village: VillageOverview, at: Instant) -> tuple[Alarm, ...]:
    """What a status says; power behind an open relay is said by its meter, see below."""
    told = {
        status_name(SignKind.POWER_WHILE_DISCONNECTED, meter.label)
        for meter in village.meters
        if meter.supply is not None and meter.supply.output == "contradicted"
    }
    return tuple(
        notice(status, village.meters, at) or _alarm(status, at)
        for status in village.statuses
        if status.state == "alarm" and status.name not in told
    )


def _alarm(status: Status, at: Instant) -> Alarm:
    text = f"{words.sentence(status.message)} Since {at.when(status.since_s)}."
    return Alarm(_name(status), text)


def _contradicted(meters: Iterable[MeterView]) -> tuple[Alarm, ...]:
    return tuple(
        Alarm(
            meter.label,
            f"{meter.supply.text}. {meter.output.text} Check the relay and its wiring.",
            meter.anchor,
        )
        for meter in meters
        if meter.output is not None and meter.output.kind == "bad"
    )


def _parts(village: VillageOverview, at: Instant) -> Iterable[Part]:
    """Buses, broker, nodes, chain, settlement; many healthy nodes become one line."""
    known = {status.name for status in village.statuses}
    quiet = [
        status
        for status in village.statuses
        if status.name.startswith("node:") and status.state == "online"
    ]
    hidden = set(quiet) if len(quiet) > _MOST_NODES else set()
    for status in sorted(village.statuses, key=_rank):
        if status not in hidden and not is_notice(status):
            word, kind = _STATUS_WORDS[status.state]
            state = Figure(word, at.lasting(status.since_s), kind)
            yield Part(_name(status), state, _text(status, village, at))
    if hidden:
        yield Part("Nodes", Figure("Online", "", "on"), f"{len(hidden)} nodes report.")
    if "chain" not in known and village.chain_seen_s is None:
        text = "No connection has been made yet. Readings are kept; supply needs no connection."
        yield Part("Chain", Figure("Never reached", "", "none"), text)


def _rank(status: Status) -> tuple[int, int, str]:
    kind = status.name.partition(":")[0]
    healthy = status.state == "online"
    return _ORDER.get(kind, len(_ORDER)), int(healthy), status.name


def _name(status: Status) -> str:
    kind, _, name = status.name.partition(":")
    return f"{_STATUS_NAMES.get(kind, kind.capitalize())} {name}".rstrip()


def _text(status: Status, village: VillageOverview, at: Instant) -> str:
    if status.name != "chain" or village.chain_seen_s is None:
        return words.sentence(status.message)
    seen_s = village.chain_seen_s
    is_stale = at.now_s - seen_s > at.settings.chain_stale_after_s
    seen = f"Last seen {at.ago(seen_s)}{', which is long ago' if is_stale else ''}."
    return f"{words.sentence(status.message)} {seen}"


def _backlog(village: VillageOverview, at: Instant) -> Figure:
    waiting_wh = sum(meter.pending_wh for meter in village.meters)
    starts = [batch.from_s for batch in village.open_batches]
    if village.unclaimed_from_s is not None:
        starts.append(village.unclaimed_from_s)
    if not waiting_wh or not starts:
        return Figure("Nothing waits to be settled.")
    notes = [f"oldest from {at.when(min(starts))}"]
    notes += [
        f"batch {batch.sequence} {batch.state}"
        + (f", tried {batch.attempts} times: {batch.message}" if batch.message else "")
        for batch in village.open_batches
    ]
    return Figure(f"{words.energy(waiting_wh)} waiting", "; ".join(notes))


def _receipts(village: VillageOverview, at: Instant) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            f"Batch {receipt.sequence}, accepted {at.ago(receipt.closed_s)}",
            f"usage before {at.when(receipt.to_s)} is settled",
        )
        for receipt in village.receipts
    )
