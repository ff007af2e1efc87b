"""What the file says of meter points and feeders, as the store takes it."""

from __future__ import annotations

from gateway.config import Config, FeederSection, PointSection
from gateway.store.points import PointSetting
from gateway.store.slots import FEEDER, LAST_SLOT


def point_settings(config: Config) -> list[PointSetting]:
    """Every meter point, and the own meter of every feeder that has one."""
    settings = [_point_setting(config, point) for point in config.meter_point]
    return settings + [_meter_of(config, one) for one in config.feeder if one.address is not None]


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
        load_limit_w=point.load_limit_w,
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
