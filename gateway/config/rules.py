"""What each setting allows on its own, but not together with the others."""

from __future__ import annotations

from urllib.parse import urlsplit
from zoneinfo import ZoneInfoNotFoundError

from gateway.config.sections import Config, FeederSection, PointSection


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
    supply, points = config.supply, config.meter_point
    if supply.very_low_credit_stroops > supply.low_credit_stroops:
        problems.append(
            "supply.very_low_credit_stroops is above supply.low_credit_stroops: exchange them"
        )
    problems += _doubles("cashier", "name", [cashier.name for cashier in config.cashier])
    problems += _doubles("meter_point", "label", [point.label for point in points])
    problems += _doubles("meter_point", "slot", [str(point.slot) for point in points])
    serials = [*(point.serial for point in points), *(one.serial for one in config.feeder)]
    problems += _doubles("meter_point", "serial", [serial for serial in serials if serial])
    problems += [
        f"chain.rpc: {url} is no address: write it like https://soroban-testnet.stellar.org"
        for url in config.chain.rpc
        if not _is_address(url)
    ]
    problems += _doubles("chain", "rpc", config.chain.rpc)  # one server can't confirm itself
    gpio = [point.relay for point in points if point.relay.startswith("gpio:")]
    problems += _doubles("meter_point", "relay", gpio)
    placed = [point.address for point in points if point.node or (point.bus and point.unit_id)]
    placed += [one.address for one in config.feeder if one.address and one.unit_id]
    problems += _doubles("meter_point", "meter address", placed)
    for point in points:
        problems += _point_problems(config, point)
    return problems + _feeder_problems(config)


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
    if point.load_limit_w is not None and point.critical:
        problems.append(f"{where}: a critical supply is never cut, so give it no load_limit_w")
    if point.relay == "node" and point.node is None:
        problems.append(f"{where}: relay 'node' is only for a meter point with a node")
    feeders = [feeder.name for feeder in config.feeder]
    if point.feeder is not None and point.feeder not in feeders:
        known = ", ".join(feeders) or "none yet"
        problems.append(f"{where}: there is no feeder {point.feeder!r}; known: {known}")
    if point.feeder is None and len(feeders) > 1:
        problems.append(f"{where}: say on which feeder it hangs: {' or '.join(feeders)}")
    return problems


def _feeder_problems(config: Config) -> list[str]:
    problems = _doubles("feeder", "name", [feeder.name for feeder in config.feeder])
    for feeder in config.feeder:
        where = f"feeder {feeder.name}"
        problems += [f"{where}: {problem}" for problem in _own_problems(config, feeder)]
    return problems


def _own_problems(config: Config, feeder: FeederSection) -> list[str]:
    """What is wrong with one feeder."""
    problems = []
    buses = [bus.name for bus in config.bus]
    if (feeder.bus is None) != (feeder.unit_id is None):
        problems.append("give both bus and unit_id of its meter, or neither if it has none")
    elif feeder.bus is not None and feeder.bus not in buses:
        known = ", ".join(buses) or "none yet"
        problems.append(f"there is no bus {feeder.bus!r}; known: {known}")
    if feeder.resistive_ppm_per_kw is not None and feeder.resistance_mohm is not None:
        problems.append("give either resistive_ppm_per_kw or resistance_mohm, not both")
    if feeder.name in [point.label for point in config.meter_point]:
        problems.append("a meter point has that label: give one of them another name")
    hanging = [point for point in config.meter_point if point.feeder == feeder.name]
    if feeder.bus is not None and not hanging and len(config.feeder) > 1:
        problems.append(
            "no meter point hangs on it, so all it delivers would look lost: "
            f'set feeder = "{feeder.name}" at those that do'
        )
    return problems


def _doubles(section: str, key: str, values: list[str]) -> list[str]:
    return [
        f"{section}: {key} {value} is used {values.count(value)} times; it must be unique"
        for value in sorted(set(values))
        if values.count(value) > 1
    ]
