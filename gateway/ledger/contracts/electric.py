"""The ELECTRIC token: granting it, and everything of SEP-41, which any token answers.

Decides nothing. Standard: https://stellar.org/protocol/sep-41.
"""

from __future__ import annotations

from stellar_sdk import xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.ledger.contracts.calls import Call, CallFor, call, call_for, create
from gateway.ledger.contracts.events import Topics
from gateway.ledger.contracts.refusals import Refusal
from gateway.ledger.contracts.values import (
    address,
    i128,
    text,
    to_flag,
    to_i128,
    to_text,
    to_u32,
    u32,
)

DECIMALS = 7


class ElectricRefusal(Refusal):
    """Why the token refuses a call: its own number, then those of OpenZeppelin's tokens."""

    ALREADY_GRANTED = 1, "this user has had the grant: everyone gets it once"
    INSUFFICIENT_BALANCE = 100, "the account does not have that many tokens"
    INSUFFICIENT_ALLOWANCE = 101, "the owner has not allowed that many tokens, or not any more"
    INVALID_LIVE_UNTIL_LEDGER = 102, "an allowance must end at a ledger to come, within 180 days"
    LESS_THAN_ZERO = 103, "amounts must not be below zero"
    MATH_OVERFLOW = 104, "the amount is more than the token can count"
    UNSET_METADATA = 105, "the token has no name yet"
    EXCEEDED_CAP = 106, "there would be more tokens than the token allows"
    INVALID_CAP = 107, "the greatest number of tokens must be more than zero"
    CAP_NOT_SET = 108, "the token has no greatest number"
    SAC_NOT_SET = 109, "the token stands for no asset yet"
    SAC_ADDRESS_MISMATCH = 110, "the token stands for another asset"
    SAC_MISSING_FN_PARAM = 111, "a value is missing in the call of the asset"
    SAC_INVALID_FN_PARAM = 112, "a value in the call of the asset is wrong"
    USER_NOT_ALLOWED = 113, "the account may not hold this token"
    USER_BLOCKED = 114, "the account is barred from this token"


class AssetRefusal(Refusal):
    """What the network's own contract of an asset refuses with, where money moves.

    Source: ``ContractError`` of soroban-env-host's Stellar Asset Contract.
    """

    BALANCE_TOO_SMALL = 10, "the account does not have that many tokens"
    NOT_AUTHORISED = 11, "the issuer of the token has not authorised this account to hold it"
    NO_TRUSTLINE = 13, "the account does not trust this token yet: its holder has to add it"


EVENTS: Topics = {
    "granted": ("user",),
    "mint": ("to",),
    "burn": ("from",),
    "approve": ("owner", "spender"),
    "transfer": ("from", "to"),
}


def constructor(
    wasm_hash: bytes, deployer: str, admin: str, salt: bytes | None = None
) -> InvokeHostFunction:
    """Create the token.

    Args:
        wasm_hash: of the uploaded code, 32 bytes.
        deployer: the account that creates it.
        admin: who may mint.
        salt: of the address, 32 bytes; drawn when None.
    """
    arguments = (address(admin), u32(DECIMALS), text("Electric"), text("ELECTRIC"))
    return create(wasm_hash, deployer, arguments, salt)


def mint(contract: str, to: str, amount: int) -> Call:
    """Make new tokens, in stroops; by the admin."""
    return call(contract, "mint", to=address(to), amount=i128(amount))


def grant(contract: str, user: str) -> Call:
    """Give a user the 10 000 ELECTRIC that everyone gets once; by the admin."""
    return call(contract, "grant", user=address(user))


def is_granted(contract: str, user: str) -> CallFor[bool]:
    """Whether a user has had the grant."""
    return call_for(to_flag, contract, "is_granted", user=address(user))


def extend(contract: str) -> Call:
    """Keep the token and its code alive; by anyone."""
    return call(contract, "extend")


def transfer(contract: str, sender: str, to: str, amount: int) -> Call:
    """Move tokens, in stroops; by the sender."""
    sent_by: dict[str, xdr.SCVal] = {"from": address(sender)}
    return call(contract, "transfer", **sent_by, to=address(to), amount=i128(amount))


def transfer_from(contract: str, spender: str, owner: str, to: str, amount: int) -> Call:
    """Move allowed tokens, in stroops; by the spender."""
    taken_from: dict[str, xdr.SCVal] = {"from": address(owner)}
    return call(
        contract,
        "transfer_from",
        spender=address(spender),
        **taken_from,
        to=address(to),
        amount=i128(amount),
    )


def approve(contract: str, owner: str, spender: str, amount: int, live_until_ledger: int) -> Call:
    """Allow a spender so many stroops in place of what was allowed before; by the owner.

    Args:
        contract: the token.
        owner: whose tokens.
        spender: who may move them.
        amount: stroops.
        live_until_ledger: the last ledger at which it may.
    """
    return call(
        contract,
        "approve",
        owner=address(owner),
        spender=address(spender),
        amount=i128(amount),
        live_until_ledger=u32(live_until_ledger),
    )


def allowance(contract: str, owner: str, spender: str) -> CallFor[int]:
    """What a spender may still move, stroops."""
    return call_for(to_i128, contract, "allowance", owner=address(owner), spender=address(spender))


def burn(contract: str, owner: str, amount: int) -> Call:
    """Destroy tokens, in stroops; by their owner."""
    taken_from: dict[str, xdr.SCVal] = {"from": address(owner)}
    return call(contract, "burn", **taken_from, amount=i128(amount))


def burn_from(contract: str, spender: str, owner: str, amount: int) -> Call:
    """Destroy allowed tokens, in stroops; by the spender."""
    taken_from: dict[str, xdr.SCVal] = {"from": address(owner)}
    return call(contract, "burn_from", spender=address(spender), **taken_from, amount=i128(amount))


def balance(contract: str, holder: str) -> CallFor[int]:
    """What someone holds, stroops."""
    return call_for(to_i128, contract, "balance", account=address(holder))


def decimals(contract: str) -> CallFor[int]:
    """How many digits after the point one token has."""
    return call_for(to_u32, contract, "decimals")


def name(contract: str) -> CallFor[str]:
    """What the token is called."""
    return call_for(to_text, contract, "name")


def symbol(contract: str) -> CallFor[str]:
    """Its short name."""
    return call_for(to_text, contract, "symbol")


def decode_balance(value: xdr.SCVal) -> int:
    """A balance in stroops."""
    return to_i128(value)
