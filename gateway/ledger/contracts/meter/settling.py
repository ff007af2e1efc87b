"""Calls of the ``meter`` contract by gateways, payers, operators and the market."""

from __future__ import annotations

from collections.abc import Sequence

from stellar_sdk import xdr

from gateway.domain.batches import Batch, Receipt
from gateway.domain.credits import Float
from gateway.ledger.contracts.calls import Call, CallFor, call, call_for
from gateway.ledger.contracts.meter.entries import (
    Plan,
    TopUp,
    decode_float,
    decode_receipt,
    encode_top_ups,
)
from gateway.ledger.contracts.values import (
    address,
    i128,
    nothing,
    raw,
    to_i64,
    to_u32,
    to_u64,
    u32,
    u64,
)


def batch_update_usage(contract: str, signer: str, batch: Batch) -> CallFor[Receipt]:
    """Settle a batch; by an allow-listed signer. A repeat answers the stored receipt."""
    period: dict[str, xdr.SCVal] = {"from": u64(batch.from_s), "to": u64(batch.to_s)}
    return call_for(
        decode_receipt,
        contract,
        "batch_update_usage",
        signer=address(signer),
        site=u32(batch.site),
        writer=raw(batch.writer),
        sequence=u64(batch.sequence),
        **period,
        price_version=u32(batch.price_version),
        pages=raw(batch.encoded_pages()),
        root=nothing() if batch.root is None else raw(batch.root),
    )


def take_over(
    contract: str, signer: str, site: int, expected: Receipt, writer: bytes
) -> CallFor[Receipt]:
    """Make another database the site's writer; by an allow-listed signer.

    Args:
        contract: the contract's address.
        signer: the gateway's account.
        site: the village's number.
        expected: the receipt as it was read; another one by then is refused.
        writer: the new database's id, 16 bytes.
    """
    return call_for(
        decode_receipt,
        contract,
        "take_over",
        signer=address(signer),
        site=u32(site),
        expected_sequence=u64(expected.sequence),
        expected_digest=raw(expected.digest),
        writer=raw(writer),
    )


def update_usage(contract: str, signer: str, meter_id: int, units: int) -> CallFor[int]:
    """Report one meter of a site that never batches; by an allow-listed signer.

    Args:
        contract: the contract's address.
        signer: the gateway's account.
        meter_id: which meter.
        units: all its usage ever, Wh, so that a repeat changes nothing.

    Returns:
        A call that answers all its usage ever, Wh.
    """
    return call_for(
        to_u64,
        contract,
        "update_usage",
        signer=address(signer),
        meter_id=u64(meter_id),
        units=u64(units),
    )


def credit(
    contract: str, signer: str, site: int, sequence: int, top_ups: Sequence[TopUp]
) -> CallFor[Float]:
    """Credit cash from the site's float; by an allow-listed signer.

    Args:
        contract: the contract's address.
        signer: the gateway's account.
        site: the village's number.
        sequence: the next one; the last one again changes nothing.
        top_ups: 1 to 100 of them.
    """
    return call_for(
        decode_float,
        contract,
        "credit",
        signer=address(signer),
        site=u32(site),
        sequence=u64(sequence),
        top_ups=raw(encode_top_ups(top_ups)),
    )


def make_payment(contract: str, payer: str, meter_id: int, amount: int, plan: Plan) -> CallFor[int]:
    """Pay for a meter, anyone for any; by the payer. Answers the new balance in stroops.

    Args:
        contract: the contract's address.
        payer: whose tokens they are.
        meter_id: whom they are for.
        amount: stroops of the token, > 0.
        plan: what they buy.
    """
    return call_for(
        to_i64,
        contract,
        "make_payment",
        payer=address(payer),
        meter_id=u64(meter_id),
        amount=i128(amount),
        plan=u32(plan),
    )


def fund_float(contract: str, payer: str, site: int, amount: int) -> Call:
    """Pay in ahead, in stroops, for cash to be credited from; by the payer."""
    return call(contract, "fund_float", payer=address(payer), site=u32(site), amount=i128(amount))


def withdraw_float(contract: str, site: int, to: str, amount: int) -> Call:
    """Take some of the float out again, in stroops; by the site's operator."""
    return call(contract, "withdraw_float", site=u32(site), to=address(to), amount=i128(amount))


def add_market_credit(contract: str, meter_id: int, wh: int) -> CallFor[int]:
    """Give a meter bought energy; by the market. Answers what it then has, Wh."""
    return call_for(to_u32, contract, "add_market_credit", meter_id=u64(meter_id), wh=u32(wh))


def take_market_credit(contract: str, meter_id: int, wh: int) -> CallFor[int]:
    """Take unused bought energy back; by the market. Answers what it then has, Wh."""
    return call_for(to_u32, contract, "take_market_credit", meter_id=u64(meter_id), wh=u32(wh))


def extend(contract: str, site: int) -> Call:
    """Keep every entry of a site alive; by anyone."""
    return call(contract, "extend", site=u32(site))
