"""Calls of the ``meter`` contract that its admin makes: sites, meters, prices, arrears."""

from __future__ import annotations

from stellar_sdk.operation import InvokeHostFunction

from gateway.ledger.contracts.calls import Call, CallFor, call, call_for, create
from gateway.ledger.contracts.meter.entries import MODES
from gateway.ledger.contracts.values import (
    address,
    i64,
    i128,
    nothing,
    to_i64,
    to_u32,
    u32,
    u64,
    vector,
)


def constructor(
    wasm_hash: bytes, deployer: str, admin: str, token: str, salt: bytes | None = None
) -> InvokeHostFunction:
    """Create the contract.

    Args:
        wasm_hash: of the uploaded code, 32 bytes.
        deployer: the account that creates it.
        admin: who may register meters and set prices.
        token: the SEP-41 token that households pay in.
        salt: of the address, 32 bytes; drawn when None.
    """
    return create(wasm_hash, deployer, [address(admin), address(token)], salt)


def add_site(contract: str, site: int, operator: str) -> Call:
    """Add a village."""
    return call(contract, "add_site", site=u32(site), operator=address(operator))


def remove_site(contract: str, site: int) -> Call:
    """Undo :func:`add_site`, while the site has no meter."""
    return call(contract, "remove_site", site=u32(site))


def set_operator(contract: str, site: int, operator: str) -> Call:
    """Name who runs a village."""
    return call(contract, "set_operator", site=u32(site), operator=address(operator))


def allow(contract: str, site: int, signer: str) -> Call:
    """Let a key settle for a site."""
    return call(contract, "allow", site=u32(site), signer=address(signer))


def disallow(contract: str, site: int, signer: str) -> Call:
    """Take that right away."""
    return call(contract, "disallow", site=u32(site), signer=address(signer))


def register_meter(
    contract: str, meter_id: int, owner: str, max_power_w: int, mode: str = "prepaid"
) -> Call:
    """Register the next meter of a site.

    Args:
        contract: the contract's address.
        meter_id: site in the upper 32 bits, slot in the lower.
        owner: whose meter it is.
        max_power_w: the most it can draw.
        mode: 'prepaid', 'streaming' or 'postpaid'; never changed later.
    """
    return call(
        contract,
        "register_meter",
        meter_id=u64(meter_id),
        owner=address(owner),
        max_power_w=u32(max_power_w),
        mode=u32(MODES.index(mode)),
    )


def set_owner(contract: str, meter_id: int, owner: str) -> Call:
    """Name whose meter it is."""
    return call(contract, "set_owner", meter_id=u64(meter_id), owner=address(owner))


def set_max_power(contract: str, meter_id: int, max_power_w: int) -> Call:
    """Say how much a meter can draw, W."""
    return call(contract, "set_max_power", meter_id=u64(meter_id), max_power_w=u32(max_power_w))


def deactivate_meter(contract: str, meter_id: int) -> Call:
    """Switch a meter off, whatever it has paid."""
    return call(contract, "deactivate_meter", meter_id=u64(meter_id))


def activate_meter(contract: str, meter_id: int) -> Call:
    """Undo :func:`deactivate_meter`."""
    return call(contract, "activate_meter", meter_id=u64(meter_id))


def migrate_meter(contract: str, meter_id: int) -> CallFor[int]:
    """Move a meter from the earlier layout; again changes nothing. Answers the version."""
    return call_for(to_u32, contract, "migrate_meter", meter_id=u64(meter_id))


def set_price(
    contract: str,
    effective_from_s: int,
    energy: tuple[int, int, int],
    daily: int = 0,
    weekly: int = 0,
) -> CallFor[int]:
    """Add the next price version; answers its number.

    Args:
        contract: the contract's address.
        effective_from_s: first second in force (unix seconds, on the grid).
        energy: stroops per kWh off-peak, standard, peak.
        daily: stroops for a daily plan; 0 = not offered.
        weekly: stroops for a weekly plan; 0 = not offered.
    """
    return call_for(
        to_u32,
        contract,
        "set_price",
        effective_from=u64(effective_from_s),
        energy=vector([i64(rate) for rate in energy]),
        daily=i64(daily),
        weekly=i64(weekly),
    )


def withdraw_price(contract: str, version: int) -> Call:
    """Take back the latest price version while it is not in force."""
    return call(contract, "withdraw_price", version=u32(version))


def write_off(contract: str, meter_id: int, amount: int) -> CallFor[int]:
    """Forgive arrears, in stroops; never more than is owed. Answers the new balance."""
    return call_for(to_i64, contract, "write_off", meter_id=u64(meter_id), amount=i128(amount))


def reinstate(contract: str, meter_id: int, amount: int) -> CallFor[int]:
    """Undo :func:`write_off`, in stroops; never more than that. Answers the new balance."""
    return call_for(to_i64, contract, "reinstate", meter_id=u64(meter_id), amount=i128(amount))


def set_market(contract: str, market: str | None) -> Call:
    """Name the market whose energy meters may draw; None: none."""
    return call(contract, "set_market", market=address(market) if market else nothing())


def withdraw(contract: str, to: str, amount: int) -> Call:
    """Pay out what households have paid, in stroops."""
    return call(contract, "withdraw", to=address(to), amount=i128(amount))
