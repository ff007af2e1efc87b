"""A feeder and its meter: what its households draw, and what the wires lose on the way to them.

Computed from the households' true energy, not from their registers. Reads no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from gateway.simulation.household import MW_MS_PER_WH, Household
from gateway.wire.registers import PZEM_016, Measurement, RegisterMap

_VOLTAGE_MV = 230_000
_FACTOR_MILLI = 970
_FREQUENCY_MHZ = 50_000
_PPM_MW_PER_KW = 10**12
"""Millionths times mW in a kW."""
_MW_PER_W = 1_000


@dataclass(frozen=True, slots=True)
class FeederMeter:
    """A feeder with a meter of its own at its head.

    Args:
        name: what people call it.
        unit: the meter's unit id.
        labels: who hangs on it.
        table: which model its meter is.
        first_register_wh: what the meter shows at the start, Wh.
        no_load_w: what always draws on it, W.
        resistive_ppm_per_kw: the share that its wires lose for each kW of load, millionths.
    """

    name: str
    unit: int
    labels: tuple[str, ...]
    table: RegisterMap = PZEM_016
    first_register_wh: int = 0
    no_load_w: int = 20
    resistive_ppm_per_kw: int = 2_000


class Feeder:
    """What a feeder's meter sees.

    The wires' loss follows the mean load between two looks, so it is a little low for a load that
    varies between them. May be used by the bus thread and the event loop at once.

    Args:
        settings: the feeder.
        households: who hangs on it.
        start_ms: since when it is fed (unix milliseconds).
    """

    def __init__(
        self, settings: FeederMeter, households: Sequence[Household], start_ms: int
    ) -> None:
        self._settings = settings
        self._households = tuple(households)
        self._start_ms = self._accounted_ms = start_ms
        self._drawn_mw_ms = 0
        self._energy_mw_ms = 0
        self._zero_wh = settings.first_register_wh
        self._lock = Lock()

    def register_wh(self, now_ms: int) -> int:
        """What its meter's register shows, Wh."""
        with self._lock:
            self._advance(now_ms)
            return self._zero_wh + self._energy_mw_ms // MW_MS_PER_WH

    def reset_energy(self, at_ms: int) -> None:
        """Set the register to zero."""
        with self._lock:
            self._advance(at_ms)
            self._energy_mw_ms = self._zero_wh = 0

    def measurement(self, now_ms: int) -> Measurement:
        """Everything its meter shows at an instant (unix milliseconds)."""
        energy_wh = self.register_wh(now_ms)
        drawn_mw = sum(home.measurement(now_ms).power_mw or 0 for home in self._households)
        share = drawn_mw * drawn_mw * self._settings.resistive_ppm_per_kw
        no_load_mw = self._settings.no_load_w * _MW_PER_W if now_ms >= self._start_ms else 0
        power_mw = drawn_mw + share // _PPM_MW_PER_KW + no_load_mw
        return Measurement(
            energy_wh=energy_wh,
            voltage_mv=_VOLTAGE_MV,
            current_ma=round(power_mw * 1_000_000 / (_VOLTAGE_MV * _FACTOR_MILLI)),
            power_mw=power_mw,
            frequency_mhz=_FREQUENCY_MHZ,
            power_factor_milli=_FACTOR_MILLI,
        )

    def _advance(self, now_ms: int) -> None:
        duration_ms = now_ms - self._accounted_ms
        if duration_ms <= 0:
            return
        drawn_mw_ms = sum(home.energy_until(now_ms) for home in self._households)
        # A meter that is set to 0 takes its household's count with it.
        more_mw_ms = max(0, drawn_mw_ms - self._drawn_mw_ms)
        share = more_mw_ms * more_mw_ms * self._settings.resistive_ppm_per_kw
        self._energy_mw_ms += more_mw_ms + share // (duration_ms * _PPM_MW_PER_KW)
        self._energy_mw_ms += self._settings.no_load_w * _MW_PER_W * duration_ms
        self._accounted_ms, self._drawn_mw_ms = now_ms, drawn_mw_ms
