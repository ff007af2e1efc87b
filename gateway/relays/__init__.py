"""Decisions become switches: decide from the store, act, verify by meter, journal.

Nothing in here talks to the internet, and nothing switches on its own account.
"""

from gateway.relays.control import SupplyControl, SupplySettings
from gateway.relays.drivers import Driver
from gateway.relays.drivers.gpio import GpioDriver
from gateway.relays.drivers.node import NodeDriver, NodeSettings, Publisher
from gateway.relays.output import OutputSettings
from gateway.relays.switches import SwitchSettings

__all__ = [
    "Driver",
    "GpioDriver",
    "NodeDriver",
    "NodeSettings",
    "OutputSettings",
    "Publisher",
    "SupplyControl",
    "SupplySettings",
    "SwitchSettings",
]
