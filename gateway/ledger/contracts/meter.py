"""The ``meter`` contract: its calls, its ledger entries, its events and its errors, typed.

The ABI is that of ``contracts/meter``; encodings follow soroban-sdk: a struct is a map with
sorted symbol keys, an enum with data a vector that begins with its name. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from stellar_sdk import scval, xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.domain.batches import Batch, Price, Receipt
from gateway.domain.pages import MeterRecord, decode_page
from gateway.ledger.contracts.calls import Call, create, persistent_key

MODES = ("prepaid", "streaming", "postpaid")


class Plan(IntEnum):
    """How a payment is meant."""

    DAILY = 1
    WEEKLY = 2
    USAGE_BASED = 3


class MeterError(IntEnum):
    """Why the contract refuses a call; numbers are part of the ABI."""

    UNKNOWN_SITE = 1
    UNKNOWN_METER = 3
    UNKNOWN_LAYOUT = 7
    NOT_ALLOWED = 8
    INVALID_PERIOD = 20
    PERIOD_IN_FUTURE = 21
    SEQUENCE_USED = 22
    SEQUENCE_GAP = 23
    WRONG_WRITER = 24
    NOT_CONTIGUOUS = 25
    WRONG_PRICE_VERSION = 26
    INVALID_BATCH_DATA = 27
    NO_RECEIPT = 28
    TAKEOVER_MISMATCH = 29
    UNKNOWN_PRICE_VERSION = 50
    PAUSED = 1000


SENTENCES = {
    MeterError.UNKNOWN_SITE: "the contract does not know this site: the provider has to add it",
    MeterError.UNKNOWN_METER: "the contract does not know this meter: register it first",
    MeterError.UNKNOWN_LAYOUT: "the contract's pages are of another version: upgrade the gateway",
    MeterError.NOT_ALLOWED: "this gateway's key may not settle for the site: the provider has to "
    "allow it",
    MeterError.INVALID_PERIOD: "the batch's period is not on the quarter-hour",
    MeterError.PERIOD_IN_FUTURE: "the village's clock is ahead of the ledger's: check the time",
    MeterError.SEQUENCE_USED: "another batch was settled under this number",
    MeterError.SEQUENCE_GAP: "the batch is not the next one",
    MeterError.WRONG_WRITER: "another gateway settles for this site",
    MeterError.NOT_CONTIGUOUS: "the batch does not begin where the last one ended",
    MeterError.WRONG_PRICE_VERSION: "the prices changed within the batch's period",
    MeterError.INVALID_BATCH_DATA: "the contract could not read the batch",
    MeterError.NO_RECEIPT: "the site has settled nothing yet, so there is nothing to take over",
    MeterError.TAKEOVER_MISMATCH: "another batch was settled meanwhile",
    MeterError.UNKNOWN_PRICE_VERSION: "the contract does not know the batch's price version",
    MeterError.PAUSED: "the provider has paused the contract: settling waits until it goes on",
}
"""What each refusal means to an operator."""

FINAL = frozenset(
    {
        MeterError.INVALID_PERIOD,
        MeterError.WRONG_PRICE_VERSION,
        MeterError.UNKNOWN_PRICE_VERSION,
        MeterError.INVALID_BATCH_DATA,
    }
)
"""Refusals that the same batch would meet again for ever: it is composed anew."""

PASSING = frozenset(
    {
        MeterError.PERIOD_IN_FUTURE,
        MeterError.SEQUENCE_USED,
        MeterError.SEQUENCE_GAP,
        MeterError.WRONG_WRITER,
        MeterError.NOT_CONTIGUOUS,
        MeterError.TAKEOVER_MISMATCH,
    }
)
"""Refusals that mean the receipt is another by now: it is read again before anything else."""


def sentence(code: int | None) -> str:
    """What a refusal means to an operator.

    Args:
        code: the contract's error number, or None when it gave none.
    """
    try:
        return SENTENCES[MeterError(code or 0)]
    except (ValueError, KeyError):
        number = "no error number" if code is None else f"error {code}"
        return f"the contract refused it with {number}: it may be newer than this gateway"


@dataclass(frozen=True, slots=True)
class ContractEvent:
    """Something happened on the contract; what exactly is read from its entries.

    Args:
        kind: 'batch', 'page', 'payment', 'registered', 'active', 'inactive', 'price', ...
        site: whose it is, or None when it concerns everyone.
    """

    kind: str
    site: int | None


# Calls


def constructor(wasm_hash: bytes, deployer: str, admin: str, token: str) -> InvokeHostFunction:
    """Create the contract.

    Args:
        wasm_hash: of the uploaded code, 32 bytes.
        deployer: the account that creates it.
        admin: who may register meters and set prices.
        token: the SEP-41 token that households pay in.
    """
    return create(wasm_hash, deployer, [scval.to_address(admin), scval.to_address(token)])


def add_site(contract: str, site: int, operator: str) -> Call:
    """Add a village; by the admin."""
    return Call(contract, "add_site", (scval.to_uint32(site), scval.to_address(operator)))


def allow(contract: str, site: int, signer: str) -> Call:
    """Let a key settle for a site; by the admin."""
    return Call(contract, "allow", (scval.to_uint32(site), scval.to_address(signer)))


def disallow(contract: str, site: int, signer: str) -> Call:
    """Take that right away; by the admin."""
    return Call(contract, "disallow", (scval.to_uint32(site), scval.to_address(signer)))


def register_meter(
    contract: str, meter_id: int, owner: str, max_power_w: int, mode: str = "prepaid"
) -> Call:
    """Register the next meter of a site; by the admin.

    Args:
        contract: the contract's address.
        meter_id: site in the upper 32 bits, slot in the lower.
        owner: whose meter it is.
        max_power_w: the most it can draw.
        mode: 'prepaid', 'streaming' or 'postpaid'.
    """
    arguments = (
        scval.to_uint64(meter_id),
        scval.to_address(owner),
        scval.to_uint32(max_power_w),
        scval.to_uint32(MODES.index(mode)),
    )
    return Call(contract, "register_meter", arguments)


def deactivate_meter(contract: str, meter_id: int) -> Call:
    """Switch a meter off, whatever it has paid; by the admin."""
    return Call(contract, "deactivate_meter", (scval.to_uint64(meter_id),))


def activate_meter(contract: str, meter_id: int) -> Call:
    """Undo :func:`deactivate_meter`; by the admin."""
    return Call(contract, "activate_meter", (scval.to_uint64(meter_id),))


def set_price(
    contract: str,
    effective_from_s: int,
    energy: tuple[int, int, int],
    daily: int = 0,
    weekly: int = 0,
) -> Call:
    """Add the next price version; by the admin.

    Args:
        contract: the contract's address.
        effective_from_s: first second in force (unix seconds, on the grid).
        energy: stroops per kWh off-peak, standard, peak.
        daily: stroops for a daily plan; 0 = not offered.
        weekly: stroops for a weekly plan; 0 = not offered.
    """
    arguments = (
        scval.to_uint64(effective_from_s),
        scval.to_vec([scval.to_int64(rate) for rate in energy]),
        scval.to_int64(daily),
        scval.to_int64(weekly),
    )
    return Call(contract, "set_price", arguments)


def make_payment(contract: str, payer: str, meter_id: int, amount: int, plan: Plan) -> Call:
    """Pay for a meter, anyone for any; by the payer.

    Args:
        contract: the contract's address.
        payer: whose tokens they are.
        meter_id: whom they are for.
        amount: stroops of the token, > 0.
        plan: what they buy.
    """
    arguments = (
        scval.to_address(payer),
        scval.to_uint64(meter_id),
        scval.to_int128(amount),
        scval.to_uint32(plan),
    )
    return Call(contract, "make_payment", arguments)


def pause(contract: str, admin: str) -> Call:
    """Stop payments and batches; by the admin."""
    return Call(contract, "pause", (scval.to_address(admin),))


def unpause(contract: str, admin: str) -> Call:
    """Let them go on; by the admin."""
    return Call(contract, "unpause", (scval.to_address(admin),))


def extend(contract: str, site: int) -> Call:
    """Keep every entry of a site alive; by anyone."""
    return Call(contract, "extend", (scval.to_uint32(site),))


def batch_update_usage(contract: str, signer: str, batch: Batch) -> Call:
    """Settle a batch; by an allow-listed signer."""
    pages = [
        scval.to_struct({"data": scval.to_bytes(page.data), "page": scval.to_uint32(page.page)})
        for page in batch.pages()
    ]
    arguments = (
        scval.to_address(signer),
        scval.to_uint32(batch.site),
        scval.to_bytes(batch.writer),
        scval.to_uint64(batch.sequence),
        scval.to_uint64(batch.from_s),
        scval.to_uint64(batch.to_s),
        scval.to_uint32(batch.price_version),
        scval.to_vec(pages),
        scval.to_void() if batch.root is None else scval.to_bytes(batch.root),
    )
    return Call(contract, "batch_update_usage", arguments)


def take_over(contract: str, signer: str, site: int, expected: Receipt, writer: bytes) -> Call:
    """Make another database the site's writer; by an allow-listed signer.

    Args:
        contract: the contract's address.
        signer: the gateway's account.
        site: the village's number.
        expected: the receipt as it was read; another one by then is refused.
        writer: the new database's id, 16 bytes.
    """
    arguments = (
        scval.to_address(signer),
        scval.to_uint32(site),
        scval.to_uint64(expected.sequence),
        scval.to_bytes(expected.digest),
        scval.to_bytes(writer),
    )
    return Call(contract, "take_over", arguments)


# Ledger entries


def receipt_key(contract: str, site: int) -> xdr.LedgerKey:
    """Where a site's receipt is kept."""
    return persistent_key(contract, scval.to_symbol("Receipt"), scval.to_uint32(site))


def page_key(contract: str, site: int, page: int) -> xdr.LedgerKey:
    """Where a page of a site's records is kept."""
    parts = (scval.to_symbol("Page"), scval.to_uint32(site), scval.to_uint32(page))
    return persistent_key(contract, *parts)


def price_key(contract: str, version: int) -> xdr.LedgerKey:
    """Where a price version is kept."""
    return persistent_key(contract, scval.to_symbol("Price"), scval.to_uint32(version))


def decode_receipt(value: xdr.SCVal) -> Receipt:
    """A receipt, from an entry or an answer."""
    fields = scval.from_struct(value)
    return Receipt(
        writer=scval.from_bytes(fields["writer"]),
        sequence=scval.from_uint64(fields["sequence"]),
        previous_digest=scval.from_bytes(fields["previous_digest"]),
        digest=scval.from_bytes(fields["digest"]),
        from_s=scval.from_uint64(fields["from"]),
        to_s=scval.from_uint64(fields["to"]),
        price_version=scval.from_uint32(fields["price_version"]),
        accepted_wh=scval.from_uint64(fields["accepted_wh"]),
        residue_wh=scval.from_uint64(fields["residue_wh"]),
        total_wh=scval.from_uint64(fields["total_wh"]),
        total_residue_wh=scval.from_uint64(fields["total_residue_wh"]),
        root=scval.from_bytes(fields["root"]),
        closed_s=scval.from_uint64(fields["closed_at"]),
    )


def decode_price(value: xdr.SCVal) -> Price:
    """A price version, from an entry or an answer."""
    fields = scval.from_struct(value)
    off_peak, standard, peak = (scval.from_int64(rate) for rate in scval.from_vec(fields["energy"]))
    return Price(
        version=scval.from_uint32(fields["version"]),
        effective_from_s=scval.from_uint64(fields["effective_from"]),
        off_peak=off_peak,
        standard=standard,
        peak=peak,
        daily=scval.from_int64(fields["daily"]),
        weekly=scval.from_int64(fields["weekly"]),
    )


def decode_page_entry(value: xdr.SCVal) -> list[MeterRecord]:
    """A page's records by index."""
    return decode_page(scval.from_bytes(value))


def decode_event(topics: Sequence[str]) -> ContractEvent:
    """What kind of event it is and which site it concerns.

    Args:
        topics: base64 XDR, the first a symbol.
    """
    values = [xdr.SCVal.from_xdr(topic) for topic in topics]
    kind = scval.from_symbol(values[0])
    match [value.type for value in values[1:2]]:
        case [xdr.SCValType.SCV_U32] if kind != "price":
            return ContractEvent(kind, scval.from_uint32(values[1]))
        case [xdr.SCValType.SCV_U64]:
            return ContractEvent(kind, scval.from_uint64(values[1]) >> 32)
        case _:
            return ContractEvent(kind, None)
