"""What each setting allows on its own, but not together with the others."""

from __future__ import annotations

from urllib.parse import urlsplit
from zoneinfo import ZoneInfoNotFoundError

from gateway.config.sections import Config, PointSection


def contradictions(config: Config) -> list[str]:
    """One sentence for each."""
    problems = []
    try:
        _ = config.zone
    except (ZoneInfoNotFoundError, ValueError, OSError):  # 'Africa' is a folder of zones
        zone = config.gateway.timezone
        problems.append(f"gateway.timezone: {zone!r} is no time zone; write it like Africa/Lagos")
    if config.chain.network == "local" and not config.chain.passphrase:
        problems.append("chain.passphrase is missing: the network 'local' needs one")
    if not config.meter_point:
        problems.append("meter_point is missing: add one [[meter_point]] table per meter")
    problems += _doubles("bus", "name", [bus.name for bus in config.bus])
    problems += _doubles("bus", "port", [bus.port for bus in config.bus])
    points = config.meter_point
    problems += _doubles("meter_point", "label", [point.label for point in points])
    problems += _doubles("meter_point", "slot", [str(point.slot) for point in points])
    problems += _doubles("meter_point", "serial", [one.serial for one in points if one.serial])
    problems += [
        f"chain.rpc: {url} is no address: write it like https://soroban-testnet.stellar.org"
        for url in config.chain.rpc
        if not _is_address(url)
    ]
    gpio = [point.relay for point in points if point.relay.startswith("gpio:")]
    problems += _doubles("meter_point", "relay", gpio)
    placed = [point for point in points if point.node or (point.bus and point.unit_id)]
    problems += _doubles("meter_point", "meter address", [point.address for point in placed])
    for point in points:
        problems += _point_problems(config, point)
    return problems


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, or half an IPv6 address
        return False


def _point_problems(config: Config, point: PointSection) -> list[str]:
    where = f"meter_point {point.label}"
    buses = [bus.name for bus in config.bus]
    problems = []
    if point.node is not None:
        if point.bus is not None or point.unit_id is not None:
            problems.append(f"{where}: give either node, or bus and unit_id, not both")
        if config.mqtt is None:
            problems.append(f"{where}: node {point.node} needs the section [mqtt]")
    elif point.bus is None or point.unit_id is None:
        problems.append(f"{where}: bus and unit_id are missing (or node, for a Wi-Fi meter)")
    elif point.bus not in buses:
        known = ", ".join(buses) or "none yet"
        problems.append(f"{where}: there is no bus {point.bus!r}; known: {known}")
    if point.relay == "node" and point.node is None:
        problems.append(f"{where}: relay 'node' is only for a meter point with a node")
    return problems


def _doubles(section: str, key: str, values: list[str]) -> list[str]:
    return [
        f"{section}: {key} {value} is used {values.count(value)} times; it must be unique"
        for value in sorted(set(values))
        if values.count(value) > 1
    ]
