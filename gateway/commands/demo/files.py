"""The files of the demo's gateway: configuration and secrets, as an installer would write them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import Clock
from gateway.simulation.households import (
    FEEDER_MAX_POWER_W,
    MAX_POWER_W,
    OTHER_FEEDER,
    Resident,
    metered_feeder,
)
from gateway.simulation.localnet import PASSPHRASE

SITE = 1
ZONE = "Africa/Lagos"
BROKER_USER = "gateway"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything is.

    Args:
        bus: the serial device.
        broker: TCP port of Mosquitto.
        chain: address that the gateway is told is the chain.
        web: TCP port of the page.
    """

    bus: str
    broker: int
    chain: str
    web: int


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(text, "ascii")


def new_passwords(nodes: Sequence[str]) -> dict[str, str]:
    """A password for the gateway and each node, freshly drawn."""
    return {name: secrets.token_urlsafe(18) for name in (BROKER_USER, *nodes)}


def write_configuration(
    folder: Path, ports: Ports, clock: Clock, contract: str, residents: Sequence[Resident]
) -> Path:
    """Write the gateway's configuration and return its path.

    Args:
        folder: holds the secrets already: ``signing``, ``mqtt`` and ``nodes``.
        ports: where everything is.
        clock: the village's.
        contract: the meter contract.
        residents: one meter point each.
    """
    sections: list[tuple[str, Mapping[str, object]]] = [
        (
            "[gateway]",
            {
                "name": "Demo village",
                "site": SITE,
                "database": str(folder / "usage.db"),
                "timezone": ZONE,
                "flush_s": 1.0,
            },
        ),
        (
            "[chain]",
            {
                "network": "local",
                "passphrase": PASSPHRASE,
                "rpc": [ports.chain],
                "contract_id": contract,
                "key_file": str(folder / "signing"),
                "settle_every_s": 900,
                "settle_after_s": 120,
                "refresh_s": 30.0,
                "valid_for_s": 600,
            },
        ),
        ("[[bus]]", {"name": "main", "port": ports.bus, "read_every_s": 0.0}),
        (
            "[mqtt]",
            {
                "port": ports.broker,
                "username": BROKER_USER,
                "password_file": str(folder / "mqtt"),
                "node_keys_file": str(folder / "nodes"),
            },
        ),
        ("[web]", {"port": ports.web}),
        (
            "[clock]",
            {"origin_s": clock.origin_s, "wall_s": clock.wall_s, "factor": clock.factor},
        ),
        ("[[feeder]]", _feeder(residents)),
        ("[[feeder]]", {"name": OTHER_FEEDER}),
        *(("[[meter_point]]", _meter_point(one)) for one in residents),
    ]
    lines = []
    for title, settings in sections:
        lines += [title, *(f"{key} = {json.dumps(value)}" for key, value in settings.items()), ""]
    path = folder / "gateway.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def _feeder(residents: Sequence[Resident]) -> dict[str, object]:
    feeder = metered_feeder(residents)
    return {
        "name": feeder.name,
        "bus": "main",
        "unit_id": feeder.unit,
        "model": feeder.table.model,
        "max_power_w": FEEDER_MAX_POWER_W,
        "first_register_wh": feeder.first_register_wh,
        "no_load_w": feeder.no_load_w,
        "resistive_ppm_per_kw": feeder.resistive_ppm_per_kw,
    }


def _meter_point(resident: Resident) -> dict[str, object]:
    home = resident.home
    settings: dict[str, object] = {
        "label": home.label,
        "slot": resident.slot,
        "max_power_w": MAX_POWER_W,
        "critical": resident.critical,
        "first_register_wh": home.first_register_wh,
        "feeder": resident.feeder,
    }
    if resident.node:
        return settings | {"node": resident.node.name, "relay": "node"}
    line = home.relay.line if home.relay else 0
    return settings | {"bus": "main", "unit_id": resident.slot + 1, "relay": f"gpio:{line}"}
