"""The settings, section by section: what each is, its unit and its bounds. Checks nothing."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

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
    (
        HOURS := r"^((mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?"
        r"(,(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?)* )?"
        r"([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
    ): 'hours like "20:00-06:00" or "mon-fri 18:00-24:00"',
    (AMOUNT := r"^[0-9]{1,9}(\.[0-9]{1,7})?$"): 'an amount of tokens in quotes, like "12.5"',
}
"""Every pattern that a setting must match, and how to say it."""

Name = Annotated[str, Meta(pattern=NAME)]
Host = Annotated[str, Meta(pattern=HOST)]
FilePath = Annotated[str, Meta(pattern=PATH)]
Positive = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]
Stroops = Annotated[int, Meta(ge=0, le=10**15)]
Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
Amount = Annotated[str, Meta(pattern=AMOUNT)]
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
        keep_raw_days: how long raw readings are kept, days; longer while they are not settled.
        keep_quarter_days: how long rollups of quarter-hours are kept, days; those of hours and
            days stay.
        room_mb: below this much room on the card the oldest raw readings go early, MB.
    """

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    site: Annotated[int, Meta(ge=0, le=4_294_967_295)]
    database: FilePath
    timezone: str = "UTC"
    flush_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    keep_raw_days: Annotated[int, Meta(ge=1, le=3_660)] = 30
    keep_quarter_days: Annotated[int, Meta(ge=31, le=3_660)] = 400
    room_mb: Annotated[int, Meta(ge=20)] = 256


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
        credit_every_s: how long payments taken on site may wait for others to go on chain with, s.
        refresh_s: how often the chain is asked what happened, s.
        valid_for_s: how long a signed transaction may be applied, s of ledger time.
        max_fee_stroops: the most one transaction may cost; a first batch, and one after a long
            outage, pays rent for months: some XLM.
        max_inclusion_fee_stroops: the part of it that may be offered for a place in a ledger when
            the network is busy.
        max_lag_ledgers: a server that shows ledgers so far behind the newest seen is passed over;
            12 are a minute.
        longest_outage_days: how long the contract has to live without anyone's help, days; its
            entries are renewed before they have less.
        keep_code: whether this gateway renews the contract's code, too, which serves every village
            of the network and costs some 10 XLM a month; False where the provider does it.
        scheduler_id: the contract of hourly payments, ``C...``; due ones are carried out.
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
    credit_every_s: Natural = 3_600
    refresh_s: Seconds = 60.0
    valid_for_s: Annotated[int, Meta(ge=30, le=86_400)] = 300
    max_fee_stroops: Positive = 100_000_000
    max_inclusion_fee_stroops: Annotated[int, Meta(ge=100)] = 1_000_000
    max_lag_ledgers: Positive = 60
    longest_outage_days: Annotated[int, Meta(ge=1, le=170)] = 170
    keep_code: bool = True
    scheduler_id: Annotated[str, Meta(pattern=CONTRACT)] | None = None
    stale_after_s: Positive = 259_200
    token: Annotated[str, Meta(min_length=1, max_length=12)] = "ELECTRIC"  # noqa: S105 - a currency


class SupplySection(Struct, frozen=True, kw_only=True):
    """When and how supply is switched.

    Args:
        overdraft_stroops: how far below 0 a balance may go before disconnection.
        emergency_credit_stroops: how much further once a household asks for it; the next payment
            pays it back.
        low_credit_stroops: below this credit is low, which is told once.
        very_low_credit_stroops: below this it is very low, which is told once more.
        no_disconnect: local hours in which nobody is disconnected for want of credit, each like
            "20:00-06:00" or "mon-fri 18:00-24:00".
        override_max_s: the longest that an operator may order a supply on or off, s.
        stagger_s: after a blackout supplies are reconnected over so long, critical ones first, s.
        min_switch_s: the least time between two switchings of one relay, s.
        gpio_active_low: True for relay boards that connect on a low level.
    """

    overdraft_stroops: Stroops = 0
    emergency_credit_stroops: Stroops = 0
    low_credit_stroops: Stroops = 0
    very_low_credit_stroops: Stroops = 0
    no_disconnect: list[Annotated[str, Meta(pattern=HOURS)]] = []
    override_max_s: Annotated[int, Meta(ge=60, le=604_800)] = 86_400
    stagger_s: Annotated[int, Meta(ge=0, le=3_600)] = 60
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


class TokensSection(Struct, frozen=True, kw_only=True):
    """OpenPAYGO tokens, entered at the page, at the command line or sent by a node.

    Args:
        enabled: False: none is taken.
        keys_file: a file of mode 0600 with a line ``LABEL HEX STARTING_CODE`` per meter point.
        unit_stroops: what one unit of a token is worth, stroops.
        daily_cap_units: the most that a meter point gets by tokens in one day, units.
    """

    enabled: bool = True
    keys_file: FilePath
    unit_stroops: Annotated[int, Meta(ge=1, le=10**12)]
    daily_cap_units: Annotated[int, Meta(ge=1, le=100_000)] = 500


class CashierSection(Struct, frozen=True, kw_only=True):
    """Somebody who takes cash.

    Args:
        name: what is printed on the receipt.
        daily_limit: the most he takes in one day, tokens, like "500".
    """

    name: Name
    daily_limit: Amount


class PaymentsSection(Struct, frozen=True, kw_only=True):
    """Mobile-money services, which tell of payments at ``POST /api/credits``.

    Args:
        secret_file: a file of mode 0600 with the bearer secret, 32 characters or more.
        most: the most that one payment may be, tokens, like "1000".
    """

    secret_file: FilePath
    most: Amount = "1000"


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


class FeederSection(Struct, frozen=True, kw_only=True):
    """One feeder: a line from the powerhouse to some meter points, with or without its own meter.

    Args:
        name: how meter points refer to it.
        bus: the bus its own meter hangs on; with ``unit_id``.
        unit_id: that meter's address on the bus.
        model: its model, as printed on it.
        serial: its serial or sticker; default: its address.
        max_power_w: the most the feeder can deliver, W.
        first_register_wh: the meter's register when it was installed, Wh.
        nominal_v: the feeder's nominal voltage, V.
        no_load_w: what a transformer, or whatever else always draws on it, takes, W.
        resistive_ppm_per_kw: the share of the load that its wires lose for each kW, millionths;
            default: 2000, which is 2 % at 10 kW.
        resistance_mohm: in place of that, the wires' resistance, out and back, to the middle of
            the load, mOhm; a third of the cable's where houses stand evenly along it.
        alarm_percent: above this share of what it delivers, what is missing is an alarm, percent.
    """

    name: Name
    bus: Name | None = None
    unit_id: Annotated[int, Meta(ge=1, le=247)] | None = None
    model: Annotated[str, Meta(min_length=1, max_length=40)] = "PZEM-016"
    serial: Annotated[str, Meta(min_length=1, max_length=60)] | None = None
    max_power_w: Annotated[int, Meta(ge=10, le=655_350)] = 23_000
    first_register_wh: Natural | None = None
    nominal_v: Annotated[int, Meta(ge=12, le=1_000)] = 230
    no_load_w: Annotated[int, Meta(ge=0, le=100_000)] = 0
    resistive_ppm_per_kw: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    resistance_mohm: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    alarm_percent: Annotated[float, Meta(ge=0.1, le=100)] = 3.0

    @property
    def address(self) -> str | None:
        """'BUS/UNIT' of its own meter; None: it has none."""
        return None if self.bus is None else f"{self.bus}/{self.unit_id}"


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
        feeder: the feeder on which it hangs; default: the only one, if there is one.
        load_limit_w: above this it is disconnected for five minutes, W; after three times a
            person reconnects it.
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
    feeder: Name | None = None
    load_limit_w: Annotated[int, Meta(ge=10, le=655_350)] | None = None

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
    tokens: TokensSection | None = None
    payments: PaymentsSection | None = None
    cashier: list[CashierSection] = []
    clock: ClockSection | None = None
    feeder: list[FeederSection] = []
    meter_point: list[PointSection] = []

    @property
    def zone(self) -> ZoneInfo:
        """The village's time zone."""
        return ZoneInfo(self.gateway.timezone)


SECTIONS: dict[str, type[Struct]] = {
    "gateway": GatewaySection,
    "chain": ChainSection,
    "bus": BusSection,
    "mqtt": MqttSection,
    "supply": SupplySection,
    "tariff": TariffSection,
    "web": WebSection,
    "tokens": TokensSection,
    "payments": PaymentsSection,
    "cashier": CashierSection,
    "clock": ClockSection,
    "feeder": FeederSection,
    "meter_point": PointSection,
}
LISTS = frozenset({"bus", "cashier", "feeder", "meter_point"})
