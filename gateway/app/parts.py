"""The three parts of the gateway, each as its services.

A part imports what it needs when it starts: the Stellar SDK costs 50 MB, so only the settlement
process loads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.app.secret_files import node_keys, read_secret
from gateway.app.settings import (
    ledger_settings,
    notice_settings,
    payment_settings,
    supply_settings,
    time_bands,
    token_settings,
)
from gateway.clock import Clock
from gateway.config import Config
from gateway.store.database import Database
from gateway.store.points import MeterPoint

if TYPE_CHECKING:
    from gateway.broker import Broker
    from gateway.sources.node_tokens import NodeTokens


class Service(Protocol):
    """Something that runs until it is cancelled."""

    async def run(self) -> None:
        """Work for ever."""


def field(
    config: Config, database: Database, clock: Clock, points: Sequence[MeterPoint]
) -> list[Service]:
    """Meters and relays: one poller per bus, one subscription for all nodes, supply control.

    What decides about supply is found out here, too: no relay may hang on another process for
    knowing whether its feeder has power.
    """
    from gateway.broker import Broker, BrokerSettings
    from gateway.notices import SignWatch
    from gateway.relays.control import SupplyControl
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
    from gateway.store.unsettled import UnsettledUsage
    from gateway.wire.registers import find_map

    bands = time_bands(config)
    taking = IntakeSettings(config.gateway.flush_s, config.supply.overdraft_stroops)
    unsettled = UnsettledUsage(database)
    intake = Intake(taking, points, bands.tier_at, database, clock, unsettled=unsettled)
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
        poller = BusPoller(settings, meters, intake, database, clock, unsettled=unsettled)
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
        keypads = _keypads(config, broker, database, clock)
        nodes = NodeSource(
            broker, points, intake, database, clock, strangers=strangers, tokens=keypads
        )
        learners.append(nodes)
        services += [nodes, broker]
        drivers["node"] = NodeDriver(NodeSettings(), broker.publish, database, clock, keys)
    services.append(Roster(database, clock, strangers, learners))
    services.append(SignWatch(notice_settings(config), database, clock))
    supply = supply_settings(config)
    services.append(SupplyControl(supply, database, clock, drivers, unsettled=unsettled))
    return services


def _keypads(config: Config, broker: Broker, database: Database, clock: Clock) -> NodeTokens | None:
    """What takes the tokens of nodes; None: none is taken."""
    settings = token_settings(config)
    if settings is None:
        return None
    from gateway.sources.node_tokens import NodeTokens

    return NodeTokens(settings, config.zone, broker, database, clock)


def settlement(
    config: Config, database: Database, clock: Clock, stack: AsyncExitStack
) -> list[Service]:
    """The ledger: what the chain says, and what it is told. The only part with the key."""
    from gateway.ledger.client import LedgerClient
    from gateway.ledger.keeper import Keeper
    from gateway.ledger.keys import SigningKey
    from gateway.ledger.refresh import Refresher
    from gateway.ledger.submit import Submitter

    settings = ledger_settings(config)
    key = SigningKey.load(Path(config.chain.key_file))
    client = LedgerClient(
        settings.rpc_urls, settings.passphrase, max_lag_ledgers=settings.max_lag_ledgers
    )
    stack.push_async_callback(client.close)
    return [
        Refresher(settings, database, clock, client),
        Submitter(settings, database, clock, client, key),
        Keeper(settings, database, clock, client, key),
    ]


def web(config: Config, database: Database, clock: Clock) -> list[Service]:
    """The operator's page and the API, what checks usage, and what people should hear of."""
    from gateway.billing import IntervalCheck
    from gateway.notices import LossReport
    from gateway.web.service import WebService
    from gateway.web.settings import WebSettings

    settings = WebSettings(
        village=config.gateway.name,
        zone=config.zone,
        host=config.web.host,
        port=config.web.port,
        token=config.chain.token,
        chain_stale_after_s=config.chain.stale_after_s,
        tokens=token_settings(config),
        payments=payment_settings(config),
    )
    return [
        WebService(database, clock, settings),
        IntervalCheck(database, clock, time_bands(config).tier_at),
        LossReport(notice_settings(config), database, clock),
    ]
