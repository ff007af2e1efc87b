"""The ELECTRIC token, SEP-41: creating it, granting it, paying with it. Decides nothing."""

from __future__ import annotations

from stellar_sdk import scval, xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.ledger.contracts.calls import Call, create

DECIMALS = 7


def constructor(wasm_hash: bytes, deployer: str, admin: str) -> InvokeHostFunction:
    """Create the token.

    Args:
        wasm_hash: of the uploaded code, 32 bytes.
        deployer: the account that creates it.
        admin: who may mint.
    """
    arguments = (
        scval.to_address(admin),
        scval.to_uint32(DECIMALS),
        scval.to_string("Electric"),
        scval.to_string("ELECTRIC"),
    )
    return create(wasm_hash, deployer, arguments)


def mint(contract: str, to: str, amount: int) -> Call:
    """Grant new tokens, in stroops; by the admin."""
    return Call(contract, "mint", (scval.to_address(to), scval.to_int128(amount)))


def transfer(contract: str, sender: str, to: str, amount: int) -> Call:
    """Move tokens, in stroops; by the sender."""
    arguments = (scval.to_address(sender), scval.to_address(to), scval.to_int128(amount))
    return Call(contract, "transfer", arguments)


def balance(contract: str, holder: str) -> Call:
    """Ask what someone holds; see :func:`decode_balance`."""
    return Call(contract, "balance", (scval.to_address(holder),))


def decode_balance(value: xdr.SCVal) -> int:
    """A balance in stroops."""
    return scval.from_int128(value)
