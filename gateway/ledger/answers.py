"""What a Soroban RPC server answers, as this program needs it; asks nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stellar_sdk import xdr

from gateway.errors import Permanent, Transient


class ContractRefusal(Permanent):
    """The contract, or the host on its behalf, refuses a call.

    Args:
        code: the contract's error number, or None when the host refused.
        message: the host's first line.
    """

    def __init__(self, code: int | None, message: str) -> None:
        super().__init__(message)
        self.code = code


class Archived(Permanent):
    """A call needs entries that the network has archived, more than it can bring back itself.

    Args:
        keys: the entries to restore first.
    """

    def __init__(self, keys: Sequence[xdr.LedgerKey]) -> None:
        super().__init__(f"{len(keys)} entries of the contract are archived: restore them first")
        self.keys = tuple(keys)


class Disputed(Permanent):
    """Two servers say different things of one and the same ledger.

    Args:
        host: one of them.
        other: the other one.
        keys: the entries that they disagree about, base64 XDR.
    """

    def __init__(self, host: str, other: str, keys: frozenset[str]) -> None:
        super().__init__(
            f"the RPC servers {host} and {other} disagree about {len(keys)} entries of the "
            "contract in the same ledger: one of them is wrong, so nothing is settled and nothing "
            "of it is believed; find out which (a third one, a block explorer), and take it out "
            "of chain.rpc; usage waits here"
        )
        self.keys = keys


class HistoryGone(Transient):
    """The server no longer has the events asked for; entries have to be read instead."""


@dataclass(frozen=True, slots=True)
class LedgerStamp:
    """A closed ledger.

    Args:
        sequence: its number.
        closed_s: its close time (unix seconds).
    """

    sequence: int
    closed_s: int


@dataclass(frozen=True, slots=True)
class Entries:
    """Ledger entries as of one ledger; a key without an entry is absent.

    Args:
        ledger: that ledger's number.
        found: by key in base64 XDR.
        archived: keys of those whose rent has run out: they hold what they held, and have to be
            restored before a transaction can use them.
        modified: the ledger that changed each entry last, by key.
        server: the address of the server that said so.
        live_until: the last ledger that each entry with rent is paid for, by key.
    """

    ledger: int
    found: Mapping[str, xdr.LedgerEntryData]
    archived: frozenset[str]
    modified: Mapping[str, int]
    server: str
    live_until: Mapping[str, int]

    def value(self, key: xdr.LedgerKey) -> xdr.SCVal | None:
        """The value of a contract's entry, or None."""
        entry = self.found.get(key.to_xdr())
        return entry.contract_data.val if entry and entry.contract_data else None

    def is_same(self, other: Entries) -> bool:
        """Whether both hold the same entries, each with the same value."""
        return dict(self.found) == dict(other.found)


def disputed_keys(one: Entries, other: Entries) -> frozenset[str]:
    """The entries of which two answers can't both be true, whichever ledger each is of.

    An answer of a later ledger may differ where an entry was changed since; it says when it was.
    """
    return frozenset(
        key
        for key in {*one.found, *other.found}
        if one.found.get(key) != other.found.get(key)
        and not _is_later(one, other, key)
        and not _is_later(other, one, key)
    )


def _is_later(later: Entries, earlier: Entries, key: str) -> bool:
    """Whether the first answer may know of a change that the second can't know of."""
    if key in later.found:
        return later.modified[key] > earlier.ledger
    return later.ledger > earlier.ledger


@dataclass(frozen=True, slots=True)
class Events:
    """What happened since a cursor.

    Args:
        topics: one list of base64 XDR per event, oldest first.
        cursor: where to go on.
        latest: the newest ledger looked at.
        complete: False when there may be more.
    """

    topics: tuple[tuple[str, ...], ...]
    cursor: str
    latest: LedgerStamp
    complete: bool


@dataclass(frozen=True, slots=True)
class FeeStats:
    """What contract calls have paid for a place in a ledger lately.

    Args:
        usual_stroops: half of them paid no more.
        high_stroops: nine of ten paid no more.
    """

    usual_stroops: int
    high_stroops: int


class Sent(StrEnum):
    """What the server says to a transaction."""

    ACCEPTED = "accepted"
    LATER = "later"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """The answer to sending.

    Args:
        outcome: accepted (again), later, or error.
        reason: for an error, the network's name for it, such as 'txBAD_SEQ'.
    """

    outcome: Sent
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TransactionAnswer:
    """What became of a transaction, as far as this server remembers.

    Args:
        found: whether a ledger holds it.
        succeeded: whether it was applied.
        ledger: which ledger, if found.
        fee_stroops: what it cost, if found.
        latest: the newest ledger the server knows.
        value: what the call returned, if it succeeded.
        rent_stroops: the part of its cost that keeps entries alive, if the server tells.
    """

    found: bool
    succeeded: bool
    ledger: int | None
    fee_stroops: int | None
    latest: LedgerStamp
    value: xdr.SCVal | None = None
    rent_stroops: int | None = None
