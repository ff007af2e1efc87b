"""What every contract of ours has: its admin, its pause, its announced upgrades. Decides nothing.

The ABI is that of ``contracts/upkeep`` and of OpenZeppelin's ownable and pausable.
"""

from __future__ import annotations

from dataclasses import dataclass

from stellar_sdk import xdr

from gateway.ledger.contracts.calls import Call, CallFor, call, call_for
from gateway.ledger.contracts.events import Topics
from gateway.ledger.contracts.refusals import Refusal
from gateway.ledger.contracts.values import (
    Fields,
    address,
    raw,
    to_address,
    to_flag,
    to_optional,
    u32,
)


class UpkeepRefusal(Refusal):
    """Numbers that every contract shares."""

    UPGRADE_NOT_ANNOUNCED = (
        900,
        "no upgrade is announced, or another code: announce this one first, a week ahead",
    )
    UPGRADE_TOO_EARLY = 901, "the announced week is not over yet: wait for the day it names"
    PAUSED = 1000, "the contract is paused: unpause it first"
    NOT_PAUSED = 1001, "the contract is not paused, so there is nothing to take back"
    ADMIN_NOT_SET = 2100, "the contract has no admin any more: nobody can administer it"
    TRANSFER_IN_PROGRESS = 2101, "a hand-over is open: it has to be taken or withdrawn first"
    ADMIN_ALREADY_SET = 2102, "the contract has an admin already"
    NO_PENDING_TRANSFER = 2200, "no hand-over is open: the admin has to offer it first"
    INVALID_LIVE_UNTIL_LEDGER = 2201, "the offer must end at a ledger to come, within 180 days"
    INVALID_PENDING_ACCOUNT = 2202, "the hand-over is open for another account"
    TRANSFER_EXPIRED = 2203, "the offer has run out: the admin has to offer it again"


EVENTS: Topics = {
    "upgrade_announced": (),
    "upgrade_withdrawn": (),
    "upgraded": (),
    "paused": (),
    "unpaused": (),
    "ownership_transfer": (),
    "ownership_transfer_completed": (),
}


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An upgrade to come.

    Args:
        wasm_hash: SHA-256 of the code, 32 bytes.
        ready_s: first second at which it may happen (unix seconds).
    """

    wasm_hash: bytes
    ready_s: int


def decode_upgrade(value: xdr.SCVal) -> Upgrade:
    """An announced upgrade."""
    fields = Fields(value)
    return Upgrade(fields.raw("wasm_hash"), fields.u64("ready_at"))


def get_admin(contract: str) -> CallFor[str | None]:
    """Who may administer the contract."""
    return call_for(to_optional(to_address), contract, "get_admin")


def transfer_admin_role(contract: str, new_admin: str, live_until_ledger: int) -> Call:
    """Offer the administration to somebody; by the admin.

    Args:
        contract: the contract's address.
        new_admin: whom it is offered to.
        live_until_ledger: the last ledger at which it can be taken; 0 withdraws the offer.
    """
    return call(
        contract,
        "transfer_admin_role",
        new_admin=address(new_admin),
        live_until_ledger=u32(live_until_ledger),
    )


def accept_admin_transfer(contract: str) -> Call:
    """Take an offered administration; by the one it was offered to."""
    return call(contract, "accept_admin_transfer")


def paused(contract: str) -> CallFor[bool]:
    """Whether the contract is paused."""
    return call_for(to_flag, contract, "paused")


def pause(contract: str) -> Call:
    """Stop money and energy; by the admin."""
    return call(contract, "pause")


def unpause(contract: str) -> Call:
    """Let them go on; by the admin."""
    return call(contract, "unpause")


def get_upgrade(contract: str) -> CallFor[Upgrade | None]:
    """The upgrade that is announced, if any."""
    return call_for(to_optional(decode_upgrade), contract, "get_upgrade")


def announce_upgrade(contract: str, wasm_hash: bytes) -> Call:
    """Announce an upgrade to uploaded code, possible a week later; by the admin.

    Args:
        contract: the contract's address.
        wasm_hash: SHA-256 of the code, 32 bytes.
    """
    return call(contract, "announce_upgrade", new_wasm_hash=raw(wasm_hash))


def withdraw_upgrade(contract: str) -> Call:
    """Take :func:`announce_upgrade` back; by the admin."""
    return call(contract, "withdraw_upgrade")


def upgrade(contract: str, wasm_hash: bytes) -> Call:
    """Run the announced code from now on; by the admin, after the announced week."""
    return call(contract, "upgrade", new_wasm_hash=raw(wasm_hash))
