"""What is wrong on a feeder right now, as far as these meters can show it.

What a PZEM can't show, nothing here pretends: an opened cover, a magnet, a reversed current
transformer (it counts both ways alike), a load that bypasses it (that shows in
:mod:`gateway.domain.losses`). Its measuring chip lives on the mains, so without mains, or with its
neutral cut, it is mute: a dead feeder and a dead meter are told apart by their neighbours only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

MILLI = 1_000
_ALONE = 1
_NEIGHBOURS = 3
"""So many voltages are needed before one of them counts as wrong."""


class SignKind(StrEnum):
    """What a sign says; the values are stored."""

    FEEDER_DEAD = "feeder_dead"
    METER_DEAD = "meter_dead"
    BROWN_OUT = "brown_out"
    NEUTRAL_LOST = "neutral_lost"
    """A voltage without a sound neutral: far from its neighbours', or gone while current flows."""
    POWER_WHILE_DISCONNECTED = "power_while_disconnected"
    REGISTER_WENT_BACK = "register_went_back"


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is a sign.

    A brown-out begins below 80 % of 230 V and ends above 88 %, as in network analysers
    (Schneider Electric, EcoStruxure Panel Server guide DOCA0172, "Undervoltage (80%)"); motors and
    compressors suffer below.

    Args:
        mute_after_s: without an answer for so long a meter is mute, s.
        brown_out_mv: a feeder's voltage below this is a brown-out, mV.
        restored_mv: and above this no longer, mV.
        apart_low_milli: one voltage below this share of its neighbours' is wrong, thousandths.
        apart_high_milli: and above this.
        near_milli: within this distance of theirs it is right again, thousandths.
        flowing_ma: from here on current flows, mA.
        leak_mw: less than this through an open relay is the relay's own, mW.
        settle_s: after a switching, power is not judged for so long, s.
        hold_s: a sign begins or ends only after its cause has lasted so long, s.
    """

    mute_after_s: int = 180
    brown_out_mv: int = 184_000
    restored_mv: int = 202_400
    apart_low_milli: int = 500
    apart_high_milli: int = 1_200
    near_milli: int = 100
    flowing_ma: int = 200
    leak_mw: int = 5_000
    settle_s: int = 30
    hold_s: int = 20


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """The newest of one meter. ``None``: not known.

    Args:
        meter_id: the meter's row in the store.
        seen_s: when it last answered (unix seconds).
        voltage_mv: what it said then, mV.
        current_ma: mA.
        power_mw: mW.
        connected: whether its supply is commanded to be on.
        switched_s: when that was commanded (unix seconds).
        behind_wh: how far its register stands below its highest value, Wh.
    """

    meter_id: int
    seen_s: int | None
    voltage_mv: int | None = None
    current_ma: int | None = None
    power_mw: int | None = None
    connected: bool | None = None
    switched_s: int | None = None
    behind_wh: int = 0


class Cause(NamedTuple):
    """Whether there is cause for a sign.

    Args:
        kind: which sign.
        meter_id: the meter that it is about; None: the whole feeder.
        holds: None: nothing can be said, so nothing turns.
        reason: one sentence for people, with the figures.
    """

    kind: SignKind
    meter_id: int | None
    holds: bool | None = None
    reason: str = ""


def find_causes(meters: Sequence[MeterFacts], now_s: int, limits: Limits) -> Iterator[Cause]:
    """Every kind of sign, for the feeder and for each of its meters.

    Args:
        meters: every meter on the feeder.
        now_s: the time (unix seconds).
        limits: from where on something is a sign.
    """
    answering = [
        meter
        for meter in meters
        if meter.seen_s is not None and now_s - meter.seen_s <= limits.mute_after_s
    ]
    voltages_mv = sorted(one.voltage_mv for one in answering if one.voltage_mv is not None)
    median_mv = voltages_mv[len(voltages_mv) // 2] if voltages_mv else None
    common_mv = median_mv if len(voltages_mv) >= _NEIGHBOURS else None
    heard = {meter.meter_id for meter in answering}
    yield _feeder_dead(meters, len(heard))
    yield _brown_out(median_mv, limits)
    for meter in meters:
        here = meter.meter_id in heard
        yield _meter_dead(meter, len(meters), len(heard), here=here)
        yield _neutral_lost(meter, common_mv, limits, here=here)
        yield _powered(meter, limits, here=here)
        yield _went_back(meter)


def _feeder_dead(meters: Sequence[MeterFacts], answering: int) -> Cause:
    """All mute at once is one fault, not many; a single meter can't tell."""
    cause = Cause(SignKind.FEEDER_DEAD, None)
    if answering:
        reason = f"{answering} of {len(meters)} meters answer again."
        return cause._replace(holds=False, reason=reason)
    if len(meters) <= _ALONE or all(meter.seen_s is None for meter in meters):
        return cause
    reason = f"All {len(meters)} meters are mute: the feeder has no voltage, or their line is cut."
    return cause._replace(holds=True, reason=reason)


def _meter_dead(meter: MeterFacts, meters: int, answering: int, *, here: bool) -> Cause:
    cause = Cause(SignKind.METER_DEAD, meter.meter_id)
    if here:
        return cause._replace(holds=False, reason="It answers again.")
    if answering:
        reason = (
            f"It is mute while {answering} others on the feeder answer: the meter is dead, "
            "its line is cut, or its supply or neutral is off."
        )
        return cause._replace(holds=True, reason=reason)
    if meters == _ALONE and meter.seen_s is not None:
        reason = "It is mute, and alone on its feeder: a dead feeder looks the same."
        return cause._replace(holds=True, reason=reason)
    return cause


def _brown_out(median_mv: int | None, limits: Limits) -> Cause:
    cause = Cause(SignKind.BROWN_OUT, None)
    if median_mv is None:
        return cause
    cause = cause._replace(reason=f"The feeder has {_volts(median_mv)}.")
    if median_mv < limits.brown_out_mv:
        return cause._replace(holds=True)
    return cause._replace(holds=False) if median_mv >= limits.restored_mv else cause


def _neutral_lost(meter: MeterFacts, common_mv: int | None, limits: Limits, *, here: bool) -> Cause:
    """One voltage far from its neighbours', or none while current flows.

    With its neutral cut a meter measures no voltage, though current still flows in its phase wire
    (Texas Instruments TIDUEM7A,
    https://ti.com/document-viewer/lit/html/TIDUEM7A/GUID-1A4785D6-F3D7-4934-833E-C2E457025B6C).
    One that stays alive shows that; a PZEM goes mute. Behind a bad joint it floats.
    """
    cause = Cause(SignKind.NEUTRAL_LOST, meter.meter_id)
    voltage_mv = meter.voltage_mv
    if not here or voltage_mv is None:
        return cause
    if voltage_mv < limits.brown_out_mv // 10 and (meter.current_ma or 0) >= limits.flowing_ma:
        reason = f"{_volts(voltage_mv)}, and {meter.current_ma} mA flow: the neutral is off."
        return cause._replace(holds=True, reason=reason)
    if common_mv is None or common_mv < limits.brown_out_mv:
        return cause
    share_milli = voltage_mv * MILLI // common_mv
    if not limits.apart_low_milli <= share_milli <= limits.apart_high_milli:
        reason = (
            f"{_volts(voltage_mv)}, while its neighbours on the feeder have {_volts(common_mv)}: "
            "its neutral or a joint is loose, or was taken off."
        )
        return cause._replace(holds=True, reason=reason)
    if abs(share_milli - MILLI) > limits.near_milli:
        return cause
    return cause._replace(holds=False, reason=f"{_volts(voltage_mv)}, as its neighbours.")


def _powered(meter: MeterFacts, limits: Limits, *, here: bool) -> Cause:
    """Power behind a relay that is open: it is bridged, stuck, or wired past."""
    cause = Cause(SignKind.POWER_WHILE_DISCONNECTED, meter.meter_id)
    if meter.connected:
        return cause._replace(holds=False, reason="The supply is connected.")
    if not here or meter.connected is None or not _settled(meter, limits):
        return cause
    power_mw = meter.power_mw or 0
    if power_mw < limits.leak_mw:
        return cause._replace(holds=False, reason="No power flows any more.")
    reason = f"{power_mw / MILLI:.0f} W flow though the supply is disconnected."
    return cause._replace(holds=True, reason=reason)


def _settled(meter: MeterFacts, limits: Limits) -> bool:
    """Whether it said its power long enough after the relay was switched."""
    return (
        meter.power_mw is not None
        and meter.seen_s is not None
        and meter.switched_s is not None
        and meter.seen_s >= meter.switched_s + limits.settle_s
    )


def _went_back(meter: MeterFacts) -> Cause:
    cause = Cause(SignKind.REGISTER_WENT_BACK, meter.meter_id)
    if meter.behind_wh > 0:
        reason = f"The register stands {meter.behind_wh} Wh below its highest value."
        return cause._replace(holds=True, reason=reason)
    return cause._replace(holds=False, reason="The register has passed its highest value again.")


def _volts(voltage_mv: int) -> str:
    return f"{voltage_mv / MILLI:.0f} V"
