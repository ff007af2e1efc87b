"""The composition root: configuration in, running services out. One file sees everything.

Each part is one process of the appliance; ``gateway run`` without ``--only`` runs all three in
one. A part imports what it needs when it starts: the Stellar SDK costs 50 MB, so only the
settlement process loads it.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
import stat
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.clock import Clock
from gateway.config import Config, FeederSection, PointSection
from gateway.domain.tariffs import Tier, TimeBand, TimeBands
from gateway.errors import ConfigError, Permanent
from gateway.store.database import Database, create_file
from gateway.store.points import MeterPoint, PointSetting, apply_settings
from gateway.store.slots import FEEDER, LAST_SLOT
from gateway.store.status import drop_statuses
from gateway.wire.relays import MIN_KEY_BYTES

if TYPE_CHECKING:
    from gateway.domain.signs import Limits
    from gateway.ledger.settings import LedgerSettings
    from gateway.notices import FeederSettings, NoticeSettings

log = logging.getLogger(__name__)

PARTS = ("field", "settlement", "web")
FIELD_STATUSES = ("bus", "broker", "node", "relay", "store")
NOMINAL_V = 230
"""The voltage for which the limits of signs are made."""
PASSPHRASES = {
    "testnet": "Test SDF Network ; September 2015",
    "mainnet": "Public Global Stellar Network ; September 2015",
}
"""https://developers.stellar.org/docs/networks"""


class Service(Protocol):
    """Something that runs until it is cancelled."""

    async def run(self) -> None:
        """Work for ever."""


async def run(config: Config, parts: Sequence[str]) -> None:
    """Run the named parts until SIGTERM or SIGINT.

    Args:
        config: checked.
        parts: some of :data:`PARTS`.

    Raises:
        GatewayError: something has to be put right before it can start.
    """
    with alone(Path(config.gateway.database), parts), _stopping_on_signals() as told:
        try:
            async with opened(config) as (database, clock, points), AsyncExitStack() as stack:
                services: list[Service] = []
                if "field" in parts:
                    await drop_statuses(database, FIELD_STATUSES, _field_statuses(config, points))
                    services += field(config, database, clock, points)
                if "settlement" in parts:
                    services += settlement(config, database, clock, stack)
                if "web" in parts:
                    services += web(config, database, clock)
                log.info("gateway started parts=%s points=%d", ",".join(parts), len(points))
                async with asyncio.TaskGroup() as group:
                    for service in services:
                        group.create_task(service.run(), name=type(service).__name__)
        except asyncio.CancelledError:
            if not told.is_set():
                raise
            log.info("gateway stopped parts=%s", ",".join(parts))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures


@contextmanager
def alone(database: Path, parts: Sequence[str]) -> Iterator[None]:
    """Hold a lock per part: two of a kind would fight over relays, nodes and the sequence.

    The kernel lets go of it however the process ends; the empty file stays.

    Raises:
        Permanent: the same part runs already, or the folder is not ours to write.
    """
    with ExitStack() as stack:
        for part in parts:
            path = Path(f"{database}.{part}.lock")
            try:
                create_file(path)
                file = stack.enter_context(path.open("ab"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Permanent(
                    f"the part {part} runs already on {database}: stop that first"
                ) from None
            except OSError as error:
                raise Permanent(
                    f"{path} can't be written ({error.strerror}): use sudo, or correct "
                    "gateway.database and whom its folder belongs to"
                ) from None
        yield


def _field_statuses(config: Config, points: Sequence[MeterPoint]) -> list[str]:
    """The names of everything that the field part reports on."""
    names = [f"bus:{bus.name}" for bus in config.bus]
    nodes = [point.address for point in points if point.address.startswith("node/")]
    names += [address.replace("node/", "node:") for address in nodes]
    names += [f"relay:{point.label}" for point in points if point.relay != "none"]
    names.append("store")
    return [*names, "broker"] if config.mqtt else names


@contextmanager
def _stopping_on_signals() -> Iterator[asyncio.Event]:
    """SIGTERM and SIGINT cancel the current task; the event says that it was a signal."""
    task = asyncio.current_task()
    if task is None:  # a coroutine always runs in one
        raise AssertionError
    told = asyncio.Event()

    def stop() -> None:
        told.set()
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    yield told


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[tuple[Database, Clock, list[MeterPoint]]]:
    """The store with the configured meter points in it, and the clock."""
    async with _opened(Path(config.gateway.database), clock_of(config)) as (database, clock):
        settings = [_point_setting(config, point) for point in config.meter_point]
        settings += [_meter_of(config, one) for one in config.feeder if one.address is not None]
        points = await apply_settings(database, settings, int(clock.now_s()))
        yield database, clock, points


@asynccontextmanager
async def opened_store(config: Config) -> AsyncIterator[tuple[Database, Clock]]:
    """The store as it is, whatever the file says by now, and the clock.

    Raises:
        Permanent: there is none yet; a command that only asks would otherwise begin one.
    """
    async with _opened(_begun(config), clock_of(config)) as opened_now:
        yield opened_now


def _begun(config: Config) -> Path:
    path = Path(config.gateway.database)
    if not path.exists():
        raise Permanent(
            f"{path} isn't there yet, and field begins it: start it, then ask again; or correct "
            "gateway.database"
        )
    return path


@asynccontextmanager
async def _opened(path: Path, clock: Clock) -> AsyncIterator[tuple[Database, Clock]]:
    database = await Database.open(path)
    try:
        yield database, clock
    finally:
        await database.close()


def clock_of(config: Config) -> Clock:
    """The village's clock: that of the system, unless the file drives it."""
    if config.clock is None:
        return Clock()
    return Clock(config.clock.origin_s, config.clock.wall_s, config.clock.factor)


def _point_setting(config: Config, point: PointSection) -> PointSetting:
    return PointSetting(
        label=point.label,
        site=config.gateway.site,
        slot=point.slot,
        settlement_mode=point.mode,
        max_power_w=point.max_power_w,
        critical=point.critical,
        relay=f"node:{point.node}" if point.relay == "node" else point.relay,
        serial=point.serial or point.address,
        model="node" if point.node else point.model,
        address=point.address,
        first_register_wh=point.first_register_wh,
        feeder=point.feeder,
    )


def _meter_of(config: Config, feeder: FeederSection) -> PointSetting:
    """A feeder's own meter: read like any, charged to nobody; the store gives it its slot."""
    address = feeder.address or ""
    return PointSetting(
        label=feeder.name,
        site=config.gateway.site,
        slot=LAST_SLOT,
        settlement_mode="postpaid",
        max_power_w=feeder.max_power_w,
        critical=False,
        relay="none",
        serial=feeder.serial or address,
        model=feeder.model,
        address=address,
        first_register_wh=feeder.first_register_wh,
        kind=FEEDER,
        feeder=feeder.name,
    )


def field(
    config: Config, database: Database, clock: Clock, points: Sequence[MeterPoint]
) -> list[Service]:
    """Meters and relays: one poller per bus, one subscription for all nodes, supply control."""
    from gateway.broker import Broker, BrokerSettings
    from gateway.domain.supply import SupplyPolicy
    from gateway.relays.control import SupplyControl, SupplySettings
    from gateway.relays.drivers import Driver
    from gateway.relays.drivers.gpio import GpioDriver
    from gateway.relays.drivers.node import NodeDriver, NodeSettings
    from gateway.sources.intake import Intake, IntakeSettings
    from gateway.sources.modbus import BusPoller, BusSettings, MeterOnBus
    from gateway.sources.nodes import NodeSource
    from gateway.sources.roster import Learner, Roster
    from gateway.sources.strangers import Strangers
    from gateway.store.housekeeping import Housekeeper
    from gateway.store.retention import Retention
    from gateway.wire.registers import find_map

    bands = time_bands(config)
    intake = Intake(IntakeSettings(config.gateway.flush_s), points, bands.tier_at, database, clock)
    retention = Retention(
        config.gateway.keep_raw_days, config.gateway.keep_quarter_days, config.gateway.room_mb
    )
    services: list[Service] = [intake, Housekeeper(database, clock, retention)]
    learners: list[Learner] = [intake]
    strangers: Strangers | None = None
    for bus in config.bus:
        meters = [
            MeterOnBus(
                int(point.address.rpartition("/")[2]),
                find_map(point.model),
                point.meter_id,
                point.meter_point_id,
                point.label,
            )
            for point in points
            if point.address.startswith(f"{bus.name}/")
        ]
        settings = BusSettings(bus.name, bus.port, bus.baud, bus.timeout_s, bus.read_every_s)
        poller = BusPoller(settings, meters, intake, database, clock)
        learners.append(poller)
        services.append(poller)
    drivers: dict[str, Driver] = {
        "gpio": GpioDriver(active_low=config.supply.gpio_active_low),
    }
    if config.mqtt is not None:
        mqtt = config.mqtt
        password = read_secret(Path(mqtt.password_file)).strip()
        keys = node_keys(Path(mqtt.node_keys_file))
        broker = Broker(BrokerSettings(mqtt.host, mqtt.port, mqtt.username, password))
        strangers = Strangers(database, clock)
        nodes = NodeSource(broker, points, intake, database, clock, strangers=strangers)
        learners.append(nodes)
        services += [nodes, broker]
        drivers["node"] = NodeDriver(NodeSettings(), broker.publish, database, clock, keys)
    services.append(Roster(database, clock, strangers, learners))
    policy = SupplyPolicy(
        stale_after_s=config.chain.stale_after_s,
        overdraft_stroops=config.supply.overdraft_stroops,
        min_switch_s=int(config.supply.min_switch_s),
    )
    services.append(SupplyControl(SupplySettings(policy), database, clock, drivers))
    return services


def settlement(
    config: Config, database: Database, clock: Clock, stack: AsyncExitStack
) -> list[Service]:
    """The ledger: what the chain says, and what it is told. The only part with the key."""
    from gateway.ledger.client import LedgerClient
    from gateway.ledger.keys import SigningKey
    from gateway.ledger.refresh import Refresher
    from gateway.ledger.submit import Submitter

    settings = ledger_settings(config)
    key = SigningKey.load(Path(config.chain.key_file))
    client = LedgerClient(settings.rpc_urls, settings.passphrase)
    stack.push_async_callback(client.close)
    return [
        Refresher(settings, database, clock, client),
        Submitter(settings, database, clock, client, key),
    ]


def ledger_settings(config: Config) -> LedgerSettings:
    """What the ledger's services are told, from the file."""
    from gateway.ledger.settings import LedgerSettings

    chain = config.chain
    return LedgerSettings(
        site=config.gateway.site,
        contract=chain.contract_id,
        passphrase=chain.passphrase or PASSPHRASES[chain.network],
        rpc_urls=tuple(chain.rpc),
        settle_every_s=chain.settle_every_s,
        settle_after_s=chain.settle_after_s,
        refresh_s=chain.refresh_s,
        valid_for_s=chain.valid_for_s,
        max_fee_stroops=chain.max_fee_stroops,
    )


def web(config: Config, database: Database, clock: Clock) -> list[Service]:
    """The operator's page and the API, what checks usage, and what people should hear of."""
    from gateway.billing import IntervalCheck
    from gateway.notices import LossReport, SignWatch
    from gateway.web.service import WebService
    from gateway.web.settings import WebSettings

    settings = WebSettings(
        village=config.gateway.name,
        zone=config.zone,
        host=config.web.host,
        port=config.web.port,
        token=config.chain.token,
        chain_stale_after_s=config.chain.stale_after_s,
    )
    notices = notice_settings(config)
    return [
        WebService(database, clock, settings),
        IntervalCheck(database, clock, time_bands(config).tier_at),
        SignWatch(notices, database, clock),
        LossReport(notices, database, clock),
    ]


def notice_settings(config: Config) -> NoticeSettings:
    """The feeders, from the file; limits of time are those of the wall, in the village's time."""
    from gateway.domain.signs import Limits
    from gateway.notices import NoticeSettings

    factor = config.clock.factor if config.clock else 1.0
    usual = Limits()
    mute_s = max(float(usual.mute_after_s), 3 * _read_every_s(config) + config.gateway.flush_s)
    signs = replace(
        usual,
        mute_after_s=int(mute_s * factor),
        settle_s=int(usual.settle_s * factor),
        hold_s=int(usual.hold_s * factor),
    )
    feeders = [
        _feeder_settings(one, signs, _read_every_s(config) * factor) for one in config.feeder
    ]
    return NoticeSettings(tuple(feeders), signs, config.zone)


def _read_every_s(config: Config) -> float:
    """The longest time between two readings of a meter, wall seconds; nodes need 10."""
    return max(10.0 if config.mqtt else 1.0, *(bus.read_every_s for bus in config.bus), 1.0)


def _feeder_settings(feeder: FeederSection, signs: Limits, period_s: float) -> FeederSettings:
    from gateway.domain.losses import LossLimits, LossModel, model_of_cable
    from gateway.notices import FeederSettings

    model = LossModel(feeder.no_load_w)
    if feeder.resistive_ppm_per_kw is not None:
        model = LossModel(feeder.no_load_w, feeder.resistive_ppm_per_kw)
    if feeder.resistance_mohm is not None:
        voltage_mv = feeder.nominal_v * 1_000
        model = model_of_cable(feeder.resistance_mohm, voltage_mv, feeder.no_load_w)
    alarm_milli = round(feeder.alarm_percent * 10)
    usual = LossLimits()
    return FeederSettings(
        name=feeder.name,
        has_meter=feeder.address is not None,
        model=model,
        losses=replace(
            usual,
            alarm_milli=alarm_milli,
            clear_milli=alarm_milli * usual.clear_milli // usual.alarm_milli,
            period_s=max(usual.period_s, int(period_s)),
        ),
        signs=replace(
            signs,
            brown_out_mv=signs.brown_out_mv * feeder.nominal_v // NOMINAL_V,
            restored_mv=signs.restored_mv * feeder.nominal_v // NOMINAL_V,
        ),
    )


def time_bands(config: Config) -> TimeBands:
    """The village's day, from the file."""
    bands = [
        TimeBand(time.fromisoformat(start), time.fromisoformat(end), tier)
        for tier, periods in (
            (Tier.PEAK, config.tariff.peak),
            (Tier.OFF_PEAK, config.tariff.off_peak),
        )
        for start, end in periods
    ]
    return TimeBands(config.zone, tuple(bands))


def read_secret(path: Path) -> str:
    """A secret from a file that only its owner can read; never repeated in an error.

    Raises:
        Permanent: it is missing, or others may read it.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Permanent(f"others may read {path}: run `chmod 600 {path}`")
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not plain text"
        raise Permanent(f"{path} can't be read: {why}") from None


def node_keys(path: Path) -> Mapping[str, bytes]:
    """The key of each node: one line ``NAME HEX`` per node.

    Raises:
        ConfigError: a line is not of that form; the sentence has its number, not its text.
    """
    keys: dict[str, bytes] = {}
    for number, line in enumerate(read_secret(path).splitlines(), start=1):
        if not line.strip():
            continue
        name, _, text = line.strip().partition(" ")
        if name in keys:
            raise ConfigError([f"{path} line {number}: {name} has a key already; keep one"])
        try:
            keys[name] = bytes.fromhex(text)
        except ValueError:
            keys[name] = b""
        if len(keys[name]) < MIN_KEY_BYTES:
            raise ConfigError(
                [f"{path} line {number}: write NAME, a space and at least 32 hex digits"]
            )
    return keys
