"""Money paid on site on its way to the contract: a numbered credit, its bytes, and the float.

The encoding is the contract's (``contracts/meter/src/credit.rs``), held to by
``tests/vectors/credit.json``. Every top-up here buys credit, never a plan: a plan's time starts
when the ledger closes, so one that was honoured here before would be given twice.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.batches import NO_DIGEST
from gateway.domain.pages import MeterRecord
from gateway.domain.settling import Standing, Verdict

MOST_TOP_UPS = 100
"""Of one credit; the contract's ``MOST_TOP_UPS``."""
USAGE_BASED = 3
"""The plan that is none; the contract's ``Plan::UsageBased``."""
I64_MAX = 2**63 - 1

_NAME = b"credit"


@dataclass(frozen=True, slots=True)
class Credit:
    """A numbered credit; final once its digest was taken.

    Args:
        site: the village's number on chain.
        sequence: counts from 1.
        amounts: slot and stroops (> 0) of each meter, once each, ascending by slot.
    """

    site: int
    sequence: int
    amounts: tuple[tuple[int, int], ...]

    @property
    def due_stroops(self) -> int:
        """All of it together."""
        return sum(stroops for _, stroops in self.amounts)

    def encoded(self) -> bytes:
        """The top-ups as the contract takes them: their count; meter, amount and plan of each."""
        return struct.pack(">I", len(self.amounts)) + b"".join(
            struct.pack(">QqI", self.site << 32 | slot, stroops, USAGE_BASED)
            for slot, stroops in self.amounts
        )

    def digest(self, previous: bytes, network_id: bytes, contract: str) -> bytes:
        """Chain this credit onto the one before.

        Args:
            previous: the digest before, 32 bytes; zeros for the first credit.
            network_id: SHA-256 of the network's passphrase, 32 bytes.
            contract: the contract's address, 56 characters 'C...'.
        """
        said = _NAME + struct.pack(">IQ", self.site, self.sequence) + self.encoded()
        return hashlib.sha256(previous + network_id + contract.encode("ascii") + said).digest()


@dataclass(frozen=True, slots=True)
class Float:
    """What the operator has paid in ahead, and the proof of the last credit from it.

    Args:
        balance: stroops.
        sequence: number of the last credit; 0: there was none yet.
        previous_digest: digest before it, 32 bytes.
        digest: its digest, 32 bytes.
        credited: stroops given to meters by it.
        refused: stroops of it that stayed in the float.
        total_credited: stroops given to meters, ever.
        closed_s: close time of the ledger that took it (unix seconds).
    """

    balance: int
    sequence: int
    previous_digest: bytes
    digest: bytes
    credited: int
    refused: int
    total_credited: int
    closed_s: int


NO_FLOAT = Float(0, 0, NO_DIGEST, NO_DIGEST, 0, 0, 0, 0)
"""The float of a site that nobody has funded yet."""


@dataclass(frozen=True, slots=True)
class CreditHead:
    """A credit by its number and digest: the last one known to be in, or the one that waits.

    Args:
        sequence: its number; 0: before the first.
        digest: its digest, 32 bytes.
    """

    sequence: int
    digest: bytes


FIRST = CreditHead(0, NO_DIGEST)
"""Where a database begins."""


def judge_float(found: Float, head: CreditHead, waiting: CreditHead | None) -> Verdict:
    """Compare the contract's float with what this database knows.

    Args:
        found: the contract's.
        head: the last credit that this database knows to be in.
        waiting: the credit that waits for an answer.
    """
    last = CreditHead(found.sequence, found.digest)
    if found.sequence < head.sequence:
        return Verdict(
            Standing.BEHIND,
            f"the RPC server shows credit {found.sequence}, but credit {head.sequence} is on "
            "chain: it lags behind",
        )
    if waiting is not None and last == waiting:
        return Verdict(Standing.APPLIED)
    if last == head:
        return Verdict(Standing.CURRENT)
    return Verdict(
        Standing.HALT,
        f"the chain is at credit {found.sequence} and this database knows {head.sequence}: it is "
        "an older copy, or a copy of it runs elsewhere: switch the other one off and run `gateway "
        "credits adopt`",
    )


def find_refused(
    amounts: Mapping[int, int], records: Mapping[int, MeterRecord], refused_stroops: int
) -> frozenset[int] | None:
    """Which meters the contract refused, by what it says afterwards.

    It refuses a meter that it does not know, and one whose balance would not fit 64 bits; each
    meter has one top-up in a credit.

    Args:
        amounts: stroops by slot, as they were sent.
        records: by slot, after the credit.
        refused_stroops: what stayed in the float.

    Returns:
        Their slots; None when the sum can't be told apart.
    """
    if refused_stroops == 0:
        return frozenset()
    if refused_stroops == sum(amounts.values()):
        return frozenset(amounts)
    unknown = {slot for slot in amounts if slot not in records}
    full = {
        slot
        for slot, stroops in amounts.items()
        if slot in records and records[slot].balance > I64_MAX - stroops
    }
    for slots in (unknown, full, unknown | full):
        if sum(amounts[slot] for slot in slots) == refused_stroops:
            return frozenset(slots)
    return None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payment that nothing carries yet.

    Args:
        receipt: its number.
        slot: the meter's.
        stroops: how much.
    """

    receipt: int
    slot: int
    stroops: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Which payments go next.

    Args:
        receipts: of them.
        amounts: what they are for each meter, as :class:`Credit` takes it.
        unknown: slots with payments that the contract does not know.
        short_stroops: what the float lacks for the oldest one that waits; 0: nothing.
    """

    receipts: tuple[int, ...]
    amounts: tuple[tuple[int, int], ...]
    unknown: frozenset[int]
    short_stroops: int


def choose(
    waiting: Sequence[Waiting],
    records: Mapping[int, MeterRecord],
    balance_stroops: int,
    most_meters: int,
) -> Choice:
    """Choose payments for one credit, oldest first, whole, as far as the float goes.

    One that the contract would refuse is left out: it counts here until the contract can take it.

    Args:
        waiting: oldest first.
        records: of the meters that the contract knows, by slot.
        balance_stroops: the float.
        most_meters: of one credit.
    """
    receipts: list[int] = []
    amounts: dict[int, int] = {}
    unknown = set()
    left_stroops = balance_stroops
    for one in waiting:
        record = records.get(one.slot)
        if record is None:
            unknown.add(one.slot)
            continue
        total_stroops = amounts.get(one.slot, 0) + one.stroops
        if record.balance + total_stroops > I64_MAX:
            continue
        if one.slot not in amounts and len(amounts) == most_meters:
            break
        if one.stroops > left_stroops:
            short_stroops = one.stroops - left_stroops
            return Choice(tuple(receipts), _sorted(amounts), frozenset(unknown), short_stroops)
        receipts.append(one.receipt)
        amounts[one.slot] = total_stroops
        left_stroops -= one.stroops
    return Choice(tuple(receipts), _sorted(amounts), frozenset(unknown), 0)


def _sorted(amounts: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(amounts.items()))
