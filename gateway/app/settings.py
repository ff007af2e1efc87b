"""What each service is told, from the file."""

from __future__ import annotations

import time as time_module
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.app.secret_files import bearer_secret, read_token_keys
from gateway.config import Config, FeederSection
from gateway.domain.money import parse_amount
from gateway.domain.tariffs import Tier, TimeBand, TimeBands

if TYPE_CHECKING:
    from gateway.domain.signs import Limits
    from gateway.domain.supply import SupplyPolicy
    from gateway.ledger.settings import LedgerSettings
    from gateway.notices import FeederSettings, NoticeSettings
    from gateway.relays.control import SupplySettings
    from gateway.store.tokens import TokenSettings
    from gateway.web.settings import PaymentSettings

FRESH_S = 600.0
"""A computer that runs no longer than this has come back with the power."""
NOMINAL_V = 230
"""The voltage for which the limits of signs are made."""
PASSPHRASES = {
    "testnet": "Test SDF Network ; September 2015",
    "mainnet": "Public Global Stellar Network ; September 2015",
}
"""https://developers.stellar.org/docs/networks"""


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
        credit_every_s=chain.credit_every_s,
        refresh_s=chain.refresh_s,
        valid_for_s=chain.valid_for_s,
        max_fee_stroops=chain.max_fee_stroops,
        max_inclusion_fee_stroops=chain.max_inclusion_fee_stroops,
        max_lag_ledgers=chain.max_lag_ledgers,
        longest_outage_days=chain.longest_outage_days,
        keep_code=chain.keep_code,
        scheduler=chain.scheduler_id,
    )


def supply_settings(config: Config) -> SupplySettings:
    """How supply is controlled, from the file."""
    from gateway.relays.control import SupplySettings
    from gateway.relays.switches import SwitchSettings

    supply = config.supply
    is_fresh = time_module.clock_gettime(time_module.CLOCK_BOOTTIME) < FRESH_S
    return SupplySettings(
        policy=supply_policy(config),
        switching=SwitchSettings(stagger_s=supply.stagger_s if is_fresh else 0),
        warn_stroops=(supply.low_credit_stroops, supply.very_low_credit_stroops),
        only_feeder=config.feeder[0].name if len(config.feeder) == 1 else None,
    )


def supply_policy(config: Config) -> SupplyPolicy:
    """What the operator has set, from the file."""
    from gateway.domain.local_hours import LocalHours, parse_span
    from gateway.domain.supply import SupplyPolicy

    supply = config.supply
    return SupplyPolicy(
        stale_after_s=config.chain.stale_after_s,
        overdraft_stroops=supply.overdraft_stroops,
        min_switch_s=int(supply.min_switch_s),
        quiet_hours=LocalHours(tuple(parse_span(one) for one in supply.no_disconnect), config.zone),
        stagger_s=supply.stagger_s,
    )


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


def token_settings(config: Config) -> TokenSettings | None:
    """How tokens are taken; None: not at all.

    Raises:
        GatewayError: the file of keys is missing, open to others, or wrong.
    """
    tokens = config.tokens
    if tokens is None or not tokens.enabled:
        return None
    from gateway.store.tokens import TokenSettings

    keys = read_token_keys(Path(tokens.keys_file))
    return TokenSettings(keys, tokens.unit_stroops, tokens.daily_cap_units)


def payment_settings(config: Config) -> PaymentSettings | None:
    """How mobile-money services tell of payments; None: not at all.

    Raises:
        Permanent: their secret is missing, open to others, or too short.
    """
    from gateway.web.settings import PaymentSettings

    payments = config.payments
    if payments is None:
        return None
    return PaymentSettings(bearer_secret(Path(payments.secret_file)), parse_amount(payments.most))
