"""Signs and losses in words: what is wrong on a feeder, what to do, where its energy went. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.signs import SignKind
from gateway.store.losses import STATUS, FeederDay
from gateway.store.overview import MeterOverview
from gateway.store.signs import OF_FEEDERS, parse_name
from gateway.store.status import Status
from gateway.web import words
from gateway.web.figures import Alarm, Figure, Instant

_PERMILLE = 1_000

_TITLES = {
    SignKind.FEEDER_DEAD: "Feeder {} is dead",
    SignKind.BROWN_OUT: "Brown-out on feeder {}",
    SignKind.METER_DEAD: "{}: meter dead",
    SignKind.NEUTRAL_LOST: "{}: neutral lost",
    SignKind.POWER_WHILE_DISCONNECTED: "{}: power while disconnected",
    SignKind.REGISTER_WENT_BACK: "{}: register went back",
}
_LOSS_REMEDY = "Look for a house without a meter, a bypass, a tapped line."
_REMEDIES = {
    SignKind.FEEDER_DEAD: (
        "Look at its breaker and at the line. If the houses have light, look at the adapter and "
        "its A/B wires."
    ),
    SignKind.BROWN_OUT: "Look at inverter and battery, and take load off.",
    SignKind.METER_DEAD: (
        "Go there: is there mains, are A and B right? A dead meter needs an exchange."
    ),
    SignKind.NEUTRAL_LOST: "Have an electrician go there now: appliances can burn.",
    SignKind.POWER_WHILE_DISCONNECTED: "Look for a stuck relay or a bypass.",
    SignKind.REGISTER_WENT_BACK: "Look at the meter and its seal; exchange it if it happens again.",
}


@dataclass(frozen=True, slots=True)
class LossView:
    """Where a feeder's energy of one day went.

    Args:
        feeder: its name; the note says which day, and how much of it.
        delivered: what it delivered.
        counted: what its meters counted.
        wires: what the wires lost, by their model.
        missing: the rest, and its share.
    """

    feeder: Figure
    delivered: Figure
    counted: Figure
    wires: Figure
    missing: Figure


def notice(status: Status, meters: Iterable[MeterOverview], at: Instant) -> Alarm | None:
    """The alarm of a sign that stands or of losses; None: the status is another's.

    Args:
        status: one that is an alarm.
        meters: where to point to.
        at: the instant shown.
    """
    since = f"Since {at.when(status.since_s)}."
    if status.name.startswith(f"{STATUS}:"):
        title = f"Energy is missing on feeder {status.name.partition(':')[2]}"
        return Alarm(title, f"{words.sentence(status.message)} {since} {_LOSS_REMEDY}")
    sign = parse_name(status.name)
    if sign is None:
        return None
    kind, subject = sign
    text = f"{words.sentence(status.message)} {since} {_REMEDIES[kind]}"
    own = [one for one in meters if one.label == subject and kind not in OF_FEEDERS]
    return Alarm(_TITLES[kind].format(subject), text, f"m{own[0].chain_id}" if own else "")


def is_notice(status: Status) -> bool:
    """Whether a status is shown as an alarm or in the table of losses, and not as a part."""
    return status.name.startswith(f"{STATUS}:") or parse_name(status.name) is not None


def loss_views(
    days: Iterable[FeederDay], statuses: Iterable[Status], at: Instant
) -> tuple[LossView, ...]:
    """One row per feeder with a meter.

    Args:
        days: the newest day of each.
        statuses: to mark those with an alarm.
        at: the instant shown.
    """
    alarmed = {one.name for one in statuses if one.state == "alarm"}
    return tuple(_view(day, f"{STATUS}:{day.feeder}" in alarmed, at) for day in days)


def _view(day: FeederDay, alarmed: bool, at: Instant) -> LossView:  # noqa: FBT001
    found = day.balance
    share = ""
    if found.feeder_wh > 0:
        share = f"{_percent(found.suspected_wh * _PERMILLE // found.feeder_wh)} of delivered"
    waits = "" if day.complete else "; some hours are incomplete"
    return LossView(
        feeder=Figure(day.feeder, f"{_day(found.start_s, at)}, {found.hours} h{waits}"),
        delivered=Figure(words.energy(found.feeder_wh)),
        counted=Figure(words.energy(found.meters_wh)),
        wires=Figure(words.energy(found.technical_wh)),
        missing=Figure(_signed(found.suspected_wh), share, "bad" if alarmed else ""),
    )


def _signed(energy_wh: int) -> str:
    return words.energy(energy_wh) if energy_wh >= 0 else words.MINUS + words.energy(-energy_wh)


def _percent(permille: int) -> str:
    sign, size = (words.MINUS, -permille) if permille < 0 else ("", permille)
    return f"{sign}{size // 10}.{size % 10}{words.NBSP}%"


def _day(start_s: int, at: Instant) -> str:
    day = datetime.fromtimestamp(start_s, at.now.tzinfo).date()
    if day == at.now.date():
        return "today"
    if day == at.now.date() - timedelta(days=1):
        return "yesterday"
    return f"{day:%a} {day.day} {day:%b}"
