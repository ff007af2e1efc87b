"""What a feeder delivers and its meters do not count: technical loss, and the rest, suspected.

feeder = meters + technical + suspected, per hour and over 24 hours, in Wh. Whether the rest is
alarming is judged over 24 hours only, and only beyond what honest meters can be wrong by:
an energy balance with its uncertainty, as in CIRED's report on losses
(CIRED WG CC-2015-2, https://it.scribd.com/document/386470807/Cired-Wg-2015-2-Losses-Report).
Accuses nobody: a meter that is missing on the list looks like a thief.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

MILLI = 1_000
HOUR_S = 3_600
HOURS_PER_DAY = 24
_MWH_PER_WH = 1_000


@dataclass(frozen=True, slots=True)
class LossModel:
    """What the wires themselves lose: a constant, and a share that grows with the load.

    Args:
        no_load_w: what a transformer, or whatever else always draws on the feeder, takes, W.
        resistive_ppm_per_kw: the share of the load that is lost for each kW of load, millionths.
    """

    no_load_w: int = 0
    resistive_ppm_per_kw: int = 2_000

    def loss_mwh(self, feeder_wh: int) -> int:
        """Technical loss in an hour in which the feeder delivered this, mWh.

        A load that varies within the hour loses a little more: that is left to the alarm's limit.
        """
        resistive_mwh = feeder_wh * feeder_wh * self.resistive_ppm_per_kw // 10**6
        return self.no_load_w * _MWH_PER_WH + resistive_mwh


def model_of_cable(resistance_mohm: int, voltage_mv: int, no_load_w: int = 0) -> LossModel:
    """The model of a single-phase cable: loss = R I² and I = P / V, so loss / P = P R / V².

    Args:
        resistance_mohm: out and back, to the middle of the load, mOhm; a third of the cable's
            resistance where houses stand evenly along it.
        voltage_mv: nominal voltage, mV, > 0.
        no_load_w: what always draws on the feeder, W.
    """
    # mOhm x 10^-3 x 10^3 W per kW / (mV x 10^-3)² = mOhm x 10^6 / mV²; times 10^6 for millionths.
    return LossModel(no_load_w, resistance_mohm * 10**12 // voltage_mv**2)


@dataclass(frozen=True, slots=True)
class FeederHour:
    """One hour of one feeder.

    Args:
        start_s: its start (unix seconds).
        feeder_wh: what the feeder's own meter counted in it, Wh.
        meters_wh: what the meters behind it counted in it, together, Wh.
        meters: how many they are.
        complete: each of them, and the feeder's, has been read since the hour ended. Until then
            the hour is judged by nobody: a mute meter is no thief.
    """

    start_s: int
    feeder_wh: int
    meters_wh: int
    meters: int
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Balance:
    """Where a feeder's energy went, Wh.

    Args:
        start_s: start of the first hour (unix seconds).
        hours: how many hours are in it.
        feeder_wh: what the feeder delivered.
        meters_wh: what its meters counted.
        technical_wh: what the model says the wires lost, rounded down.
    """

    start_s: int
    hours: int
    feeder_wh: int
    meters_wh: int
    technical_wh: int

    @property
    def suspected_wh(self) -> int:
        """The rest; negative where meters count more than the feeder."""
        return self.feeder_wh - self.meters_wh - self.technical_wh


@dataclass(frozen=True, slots=True)
class LossLimits:
    """When the rest is alarming.

    Args:
        alarm_milli: above this share of what the feeder delivered, thousandths.
        clear_milli: below this share an alarm ends, thousandths.
        accuracy_milli: how far a meter may be off, thousandths: 0.5 % for a PZEM.
        period_s: the longest time between two readings of a meter, s.
        least_hours: with fewer complete hours nothing is judged.
    """

    alarm_milli: int = 30
    clear_milli: int = 20
    accuracy_milli: int = 5
    period_s: int = 60
    least_hours: int = 6


@dataclass(frozen=True, slots=True)
class LossVerdict:
    """What is to be thought of the last 24 hours.

    Args:
        alarmed: whether there is an alarm now.
        changed: it began or ended with this verdict.
        balance: the figures.
        band_wh: what honest meters can be wrong by, Wh; it is taken off what is suspected.
        reason: one sentence for people.
    """

    alarmed: bool
    changed: bool
    balance: Balance
    band_wh: int
    reason: str


def balance(hours: Sequence[FeederHour], model: LossModel) -> Balance:
    """Add up hours: one for the hourly report, a day's for the daily one.

    Args:
        hours: at least one, by time.
        model: what the wires lose.
    """
    return Balance(
        start_s=hours[0].start_s,
        hours=len(hours),
        feeder_wh=sum(hour.feeder_wh for hour in hours),
        meters_wh=sum(hour.meters_wh for hour in hours),
        technical_wh=sum(model.loss_mwh(hour.feeder_wh) for hour in hours) // _MWH_PER_WH,
    )


def judge(
    hours: Sequence[FeederHour],
    model: LossModel,
    limits: LossLimits,
    *,
    alarmed: bool,
) -> LossVerdict | None:
    """Judge the last 24 hours of a feeder; once an hour is enough.

    Args:
        hours: the newest, by time; those that are not complete do not count.
        model: what the wires lose.
        limits: when the rest is alarming.
        alarmed: whether there was an alarm before.

    Returns:
        The verdict; None: too little is known, and everything stays as it is.
    """
    counted = [hour for hour in hours[-HOURS_PER_DAY:] if hour.complete]
    if len(counted) < limits.least_hours:
        return None
    whole = balance(counted, model)
    if whole.feeder_wh <= 0:
        return None
    band_wh = uncertainty_wh(counted, limits)
    beyond_milliwh = (whole.suspected_wh - band_wh) * MILLI
    most_milli = limits.clear_milli if alarmed else limits.alarm_milli
    now_alarmed = beyond_milliwh > most_milli * whole.feeder_wh
    return LossVerdict(
        now_alarmed, now_alarmed != alarmed, whole, band_wh, _reason(whole, band_wh, limits)
    )


def uncertainty_wh(hours: Sequence[FeederHour], limits: LossLimits) -> int:
    """What honest meters can be wrong by over these hours, together, Wh, rounded up.

    Independent errors, each at its bound, add as the root of their squares (GUM, JCGM 100:2008,
    5.1.2): the feeder's accuracy; its meters', which is less the more they are; 1 Wh for each
    register, cut at both ends; and at both ends of each run of hours up to one period's energy,
    because meters are not read at one instant.
    """
    meters = max(hour.meters for hour in hours)
    feeder_wh = sum(hour.feeder_wh for hour in hours)
    meters_wh = sum(hour.meters_wh for hour in hours)
    feeder_error = feeder_wh * limits.accuracy_milli
    meters_error = meters_wh * limits.accuracy_milli // max(1, isqrt(meters))
    peak_wh = max(hour.feeder_wh for hour in hours)
    edge_error = peak_wh * MILLI * limits.period_s // HOUR_S
    squares = (
        feeder_error**2
        + meters_error**2
        + (meters + 1) * MILLI**2
        + 2 * _runs(hours) * edge_error**2
    )
    return isqrt(squares) // MILLI + 1


def _runs(hours: Sequence[FeederHour]) -> int:
    """How many stretches without a missing hour."""
    starts = {hour.start_s for hour in hours}
    return sum(hour.start_s - HOUR_S not in starts for hour in hours)


def _reason(whole: Balance, band_wh: int, limits: LossLimits) -> str:
    share = whole.suspected_wh * MILLI // whole.feeder_wh
    return (
        f"In {whole.hours} h the feeder delivered {whole.feeder_wh} Wh, its meters counted "
        f"{whole.meters_wh} Wh, the wires lost about {whole.technical_wh} Wh: "
        f"{whole.suspected_wh} Wh ({share / 10:.1f} %) are missing, of which {band_wh} Wh may be "
        f"error; the limit is {limits.alarm_milli / 10:.1f} %."
    )
