"""The configuration: one TOML file and a few environment names become frozen types.

Everything wrong is found in one go and named. An unknown key is an error: a misspelt setting
that is silently ignored is a night in the dark. Reads no secret: it knows only their files.
"""

from __future__ import annotations

import ast
import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from gateway.errors import ConfigError

DEFAULT_PATH = Path("/etc/gateway/gateway.toml")
ENVIRONMENT = {
    "USAGE_EVENTS_DB_PATH": ("gateway", "database"),
    "CONTRACT_ID": ("chain", "contract_id"),
}
"""Environment names that win over the file, and the setting that each one sets."""

PATTERNS = {
    (NAME := r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"): "a name of letters, digits, dots and dashes",
    (TIME := r"^([01][0-9]|2[0-3]):(00|15|30|45)$"): 'a time on a quarter-hour, like "17:00"',
    (URL := r"^https?://"): "an address that starts with http:// or https://",
    (CONTRACT := r"^C[A-Z2-7]{55}$"): "a contract's address, C and 55 more letters and digits",
    (RELAY := r"^(gpio:([0-9]|1[0-9]|2[0-7])|node|none)$"): (
        '"gpio:LINE" with a line from 0 to 27, "node" or "none"'
    ),
    (HOST := r"^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$|^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$"): (
        "a host's name or address"
    ),
    (PATH := r"^[^\x00-\x1f]+$"): "the path of a file",
}
"""Every pattern that a setting must match, and how to say it."""

Name = Annotated[str, Meta(pattern=NAME)]
Host = Annotated[str, Meta(pattern=HOST)]
FilePath = Annotated[str, Meta(pattern=PATH)]
Positive = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
Clock24 = Annotated[str, Meta(pattern=TIME)]
Band = Annotated[list[Clock24], Meta(min_length=2, max_length=2)]


class GatewaySection(Struct, frozen=True, kw_only=True):
    """The village and its file.

    Args:
        name: what people call the village.
        site: its number in the contract.
        database: the usage database; ``USAGE_EVENTS_DB_PATH`` wins.
        timezone: IANA name, for time bands and for the page.
        flush_s: the longest a reading waits in memory, s.
    """

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    site: Annotated[int, Meta(ge=0, le=4_294_967_295)]
    database: FilePath
    timezone: str = "UTC"
    flush_s: Annotated[float, Meta(gt=0, le=60)] = 10.0


class BusSection(Struct, frozen=True, kw_only=True):
    """One RS485 line.

    Args:
        name: how meter points refer to it.
        port: the serial device.
        baud: bits per second.
        timeout_s: how long a meter may stay silent, s.
        read_every_s: how often each meter is read, s; 0: as fast as the line allows.
    """

    name: Name
    port: FilePath
    baud: Literal[2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    timeout_s: Annotated[float, Meta(ge=0.05, le=5)] = 0.2
    read_every_s: Annotated[float, Meta(ge=0, le=3600)] = 10.0


class MqttSection(Struct, frozen=True, kw_only=True):
    """The local broker, for nodes.

    Args:
        host: where Mosquitto listens.
        port: its TCP port.
        username: the gateway's own user.
        password_file: a file of mode 0600 with its password.
        node_keys_file: a file of mode 0600 with a line ``NAME HEX`` per node; signs commands.
    """

    host: Host = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    username: Name = "gateway"
    password_file: FilePath
    node_keys_file: FilePath


class ChainSection(Struct, frozen=True, kw_only=True):
    """The ledger and the contract on it.

    Args:
        network: which Stellar network.
        rpc: addresses of Soroban RPC servers, in order of preference.
        contract_id: the meter contract, ``C...``; ``CONTRACT_ID`` wins.
        key_file: a file of mode 0600 with the signing key; read by the settlement process only.
        passphrase: needed for ``local`` only.
        settle_every_s: how often usage is settled, s, in quarter-hours.
        settle_after_s: how long to wait for late readings before cutting a batch, s.
        refresh_s: how often the chain is asked what happened, s.
        valid_for_s: how long a signed transaction may be applied, s of ledger time.
        max_fee_stroops: the most one transaction may cost; a first batch, and one after a long
            outage, pays rent for months: some XLM.
        stale_after_s: from when on the page says that the chain was last seen long ago, s.
        token: what one unit of the payment token is called.
    """

    network: Literal["local", "testnet", "mainnet"] = "testnet"
    rpc: Annotated[list[Annotated[str, Meta(pattern=URL)]], Meta(min_length=1)]
    contract_id: Annotated[str, Meta(pattern=CONTRACT)]
    key_file: FilePath
    passphrase: str | None = None
    settle_every_s: Annotated[int, Meta(ge=900, multiple_of=900)] = 21_600
    settle_after_s: Natural = 120
    refresh_s: Seconds = 60.0
    valid_for_s: Annotated[int, Meta(ge=30, le=86_400)] = 300
    max_fee_stroops: Positive = 100_000_000
    stale_after_s: Positive = 259_200
    token: Annotated[str, Meta(min_length=1, max_length=12)] = "ELECTRIC"  # noqa: S105 - a currency


class SupplySection(Struct, frozen=True, kw_only=True):
    """When and how supply is switched.

    Args:
        overdraft_stroops: how far below 0 a balance may go before disconnection.
        min_switch_s: the least time between two switchings of one relay, s.
        gpio_active_low: True for relay boards that connect on a low level.
    """

    overdraft_stroops: Natural = 0
    min_switch_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    gpio_active_low: bool = False


class TariffSection(Struct, frozen=True, kw_only=True):
    """The village's day; prices are the contract's.

    Args:
        peak: peak periods, pairs of local times on a quarter-hour.
        off_peak: off-peak periods.
    """

    peak: list[Band] = msgspec.field(default_factory=lambda: [["17:00", "21:00"]])
    off_peak: list[Band] = msgspec.field(default_factory=lambda: [["21:00", "06:00"]])


class WebSection(Struct, frozen=True, kw_only=True):
    """The operator's page.

    Args:
        host: the address to listen on.
        port: the TCP port.
    """

    host: Host = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 8080


class ClockSection(Struct, frozen=True, kw_only=True):
    """A driven clock, for a simulated village only.

    Args:
        origin_s: what the clock showed at ``wall_s`` (unix seconds).
        wall_s: the system time then (unix seconds).
        factor: how much faster it runs.
    """

    origin_s: float
    wall_s: float
    factor: Annotated[float, Meta(gt=0, le=3600)]


class PointSection(Struct, frozen=True, kw_only=True):
    """One meter point: its place on the chain, its meter, its relay.

    Args:
        label: what people call it.
        slot: its number in the contract, final.
        bus: the bus its meter hangs on; with ``unit_id``.
        unit_id: the meter's address on the bus.
        node: the node that reports for it, in place of bus and unit_id.
        model: the meter's model, as printed on it.
        serial: the meter's serial or sticker; default: its address.
        relay: 'gpio:LINE', 'node' (its own node) or 'none'.
        mode: who charges: prepaid the contract, streaming the scheduler, postpaid invoices.
        max_power_w: the most it can draw, W.
        critical: never cut for want of credit.
        first_register_wh: the register when it was installed, Wh.
    """

    label: Name
    slot: Annotated[int, Meta(ge=0, le=4_294_967_295)]
    bus: Name | None = None
    unit_id: Annotated[int, Meta(ge=1, le=247)] | None = None
    node: Name | None = None
    model: Annotated[str, Meta(min_length=1, max_length=40)] = "PZEM-004T v3"
    serial: Annotated[str, Meta(min_length=1, max_length=60)] | None = None
    relay: Annotated[str, Meta(pattern=RELAY)] = "none"
    mode: Literal["prepaid", "streaming", "postpaid"] = "prepaid"
    max_power_w: Annotated[int, Meta(ge=10, le=655_350)] = 5_000
    critical: bool = False
    first_register_wh: Natural | None = None

    @property
    def address(self) -> str:
        """'BUS/UNIT' or 'node/NAME', unique in the village."""
        return f"node/{self.node}" if self.node else f"{self.bus}/{self.unit_id}"


class Config(Struct, frozen=True, kw_only=True):
    """The whole configuration; what :func:`load` returns is checked."""

    gateway: GatewaySection
    chain: ChainSection
    bus: list[BusSection] = []
    mqtt: MqttSection | None = None
    supply: SupplySection = SupplySection()
    tariff: TariffSection = TariffSection()
    web: WebSection = WebSection()
    clock: ClockSection | None = None
    meter_point: list[PointSection] = []

    @property
    def zone(self) -> ZoneInfo:
        """The village's time zone."""
        return ZoneInfo(self.gateway.timezone)


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check a configuration.

    Args:
        path: the TOML file.
        environment: names that win over the file, see :data:`ENVIRONMENT`.

    Raises:
        ConfigError: with one sentence for each thing that is missing or wrong.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin with a BOM
    except FileNotFoundError:
        raise ConfigError([f"{path} isn't there: copy the example file and fill it in"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path} is no text file in UTF-8: correct --config"]) from error
    except OSError as error:
        raise ConfigError([f"{path} can't be read: {error.strerror}"]) from error
    except RecursionError:
        raise ConfigError([f"{path} isn't valid TOML: it is nested too deeply"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path} isn't valid TOML: {error}"]) from error
    for name, (section, key) in ENVIRONMENT.items():
        if environment.get(name) and isinstance(document.setdefault(section, {}), dict):
            document[section][key] = environment[name]
    problems: list[str] = []
    config = _struct(Config, document, "", problems)
    if config is not None:
        problems += _contradictions(config)
    if config is None or problems:
        raise ConfigError(problems)
    return config


T = TypeVar("T", bound=Struct)


def _struct(kind: type[T], document: object, where: str, problems: list[str]) -> T | None:
    """Convert a table field by field, so that every problem is found and not just the first."""
    if not isinstance(document, dict):
        problems.append(f"{where.rstrip('.')}: expected a table, written [{where.rstrip('.')}]")
        return None
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    types = get_type_hints(kind, include_extras=True)
    before = len(problems)
    problems += [_unknown(where + key, key, list(fields)) for key in document if key not in fields]
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name in document:
            values[name] = _value(types[name], document[name], where + name, problems)
        elif field.required:
            problems.append(f"{where}{name} is missing: {_meaning(kind, name)}")
    return kind(**values) if len(problems) == before else None


def _value(kind: object, value: object, where: str, problems: list[str]) -> object:
    section = SECTIONS.get(where)
    if section is None:
        try:
            return msgspec.convert(value, type=kind)
        except msgspec.ValidationError as error:
            problems.append(f"{where}: {_expected(kind, error)}, found {value!r}")
            return None
    if where not in LISTS:
        return _struct(section, value, f"{where}.", problems)
    if not isinstance(value, list):
        problems.append(f"{where}: expected tables, each written [[{where}]]")
        return None
    return [
        _struct(section, item, f"{where}[{number}].", problems)
        for number, item in enumerate(value, start=1)
    ]


SECTIONS: dict[str, type[Struct]] = {
    "gateway": GatewaySection,
    "chain": ChainSection,
    "bus": BusSection,
    "mqtt": MqttSection,
    "supply": SupplySection,
    "tariff": TariffSection,
    "web": WebSection,
    "clock": ClockSection,
    "meter_point": PointSection,
}
LISTS = frozenset({"bus", "meter_point"})


def _unknown(where: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    return f"{where} is not a setting: {hint}"


def _meaning(kind: type[Struct], name: str) -> str:
    """What a setting is for, from the section's docstring."""
    found = re.search(rf"^\s+{name}: (.+?)\.?$", kind.__doc__ or "", re.MULTILINE)
    return found[1] if found else f"add the section [{name}]"


def _plain(message: str) -> str:
    words = {
        "`int`": "a whole number",
        "`float`": "a number",
        "`str`": "text in quotes",
        "`bool`": "true or false",
        "`array`": "a list",
        "`null`": "nothing",
    }
    message = re.sub(r", got .*| - at .*", "", message)
    for term, word in words.items():
        message = message.replace(term, word)
    pattern = re.search(r"text in quotes matching regex '(.+)'", message)
    if pattern:
        # msgspec writes the pattern as Python would, backslashes doubled.
        message = message.replace(pattern[0], PATTERNS[ast.literal_eval(f"'{pattern[1]}'")])
    return message[:1].lower() + message[1:]


def _expected(kind: object, error: msgspec.ValidationError) -> str:
    options = get_args(kind) if get_origin(kind) is Literal else ()
    if options:
        return f"expected one of {', '.join(str(option) for option in options)}"
    return _plain(str(error))


def _contradictions(config: Config) -> list[str]:
    """What each setting allows on its own, but not together."""
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
