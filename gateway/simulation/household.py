"""A household and its meter: exact energy behind a register, supply that can be switched.

The truth that a verdict is computed from. Energy is an integer sum of mW x ms, so the register is
the floor of the exact integral at whatever instant it is read. Reads no clock: time is an argument.
"""

from __future__ import annotations

from random import Random
from threading import Lock

from gateway.simulation.load import MINUTE_S, Load
from gateway.wire.registers import Measurement

MW_MS_PER_WH = 3_600_000_000
_MINUTE_MS = MINUTE_S * 1000
_NOMINAL_DV = 2300
_NOMINAL_DHZ = 500


class Household:
    """One household with its meter, upstream of the switch.

    Instants are unix milliseconds of village time. One that lies before what was already
    accounted for takes effect from there on: the past is never changed. May be used by the bus
    thread and the event loop at once.

    Args:
        label: its name, and the seed of its voltage and power factor.
        load: what it draws while connected.
        start_ms: when minute 0 of the load begins.
        first_register_wh: what the register shows at the start, Wh.
        register_modulus_wh: where the register starts again at 0, Wh; None for never (what a
            PZEM does at 9999.99 kWh is not documented).
        connected: whether the supply is connected at the start.
    """

    def __init__(
        self,
        label: str,
        load: Load,
        start_ms: int,
        *,
        first_register_wh: int = 0,
        register_modulus_wh: int | None = None,
        connected: bool = True,
    ) -> None:
        self.label = label
        self.disconnects = 0
        self.reconnects = 0
        self._load = load
        self._start_ms = start_ms
        self._accounted_ms = start_ms
        self._energy_mw_ms = 0
        self._zero_wh = first_register_wh
        self._modulus_wh = register_modulus_wh
        self._connected = connected
        self._frozen = False
        self._lock = Lock()

    @property
    def connected(self) -> bool:
        """Whether its supply is connected."""
        return self._connected

    @property
    def energy_mw_ms(self) -> int:
        """The exact energy drawn since the start, or since the last reset, mW x ms."""
        return self._energy_mw_ms

    def advance(self, now_ms: int) -> None:
        """Draw until ``now_ms``."""
        with self._lock:
            self._advance(now_ms)

    def set_supply(self, *, connected: bool, at_ms: int) -> None:
        """Connect or disconnect the supply; a disconnected household draws nothing.

        Real changes are counted in ``disconnects`` and ``reconnects``.
        """
        with self._lock:
            self._advance(at_ms)
            if self._connected and not connected:
                self.disconnects += 1
            if connected and not self._connected:
                self.reconnects += 1
            self._connected = connected

    def freeze(self, at_ms: int) -> None:
        """Draw nothing from now on, for ever; the meter still answers."""
        with self._lock:
            self._advance(at_ms)
            self._frozen = True

    def reset_energy(self, at_ms: int) -> None:
        """Set the register to zero, as function code 0x42 does."""
        with self._lock:
            self._advance(at_ms)
            self._energy_mw_ms = 0
            self._zero_wh = 0

    def energy_until(self, now_ms: int) -> int:
        """The exact energy drawn up to an instant, mW x ms, see :attr:`energy_mw_ms`."""
        with self._lock:
            self._advance(now_ms)
            return self._energy_mw_ms

    def register_wh(self, now_ms: int) -> int:
        """What the energy register shows at ``now_ms``, Wh."""
        with self._lock:
            self._advance(now_ms)
            return self._register_wh()

    def measurement(self, now_ms: int) -> Measurement:
        """Everything the meter shows at ``now_ms``, in a PZEM's resolution.

        Current follows from P = V x I x PF, so the three agree within one count of each.
        """
        with self._lock:
            self._advance(now_ms)
            minute = (self._accounted_ms - self._start_ms) // _MINUTE_MS
            power_mw = self._power_mw(minute) if now_ms >= self._start_ms else 0
            chance = Random(f"{self.label}/{minute}")  # noqa: S311 - repeatable on purpose
            voltage_mv = 100 * (_NOMINAL_DV + chance.randint(-40, 40))
            factor_milli = 10 * chance.randint(90, 100) if power_mw else 0
            return Measurement(
                energy_wh=self._register_wh(),
                voltage_mv=voltage_mv,
                current_ma=_current_ma(power_mw, voltage_mv, factor_milli),
                power_mw=power_mw,
                frequency_mhz=100 * (_NOMINAL_DHZ + chance.randint(-1, 1)),
                power_factor_milli=factor_milli,
            )

    def _advance(self, now_ms: int) -> None:
        while self._accounted_ms < now_ms:
            minute = (self._accounted_ms - self._start_ms) // _MINUTE_MS
            until_ms = min(now_ms, self._start_ms + (minute + 1) * _MINUTE_MS)
            self._energy_mw_ms += self._power_mw(minute) * (until_ms - self._accounted_ms)
            self._accounted_ms = until_ms

    def _power_mw(self, minute: int) -> int:
        return self._load.power_mw(minute) if self._connected and not self._frozen else 0

    def _register_wh(self) -> int:
        register_wh = self._zero_wh + self._energy_mw_ms // MW_MS_PER_WH
        return register_wh % self._modulus_wh if self._modulus_wh else register_wh


def _current_ma(power_mw: int, voltage_mv: int, factor_milli: int) -> int:
    if not power_mw:
        return 0
    return round(power_mw * 1_000_000 / (voltage_mv * factor_milli))
