"""Where a database stands towards the contract's receipt: go on, wait, or stop and call a person.

Pure. The receipt is the last word: nothing is sent, and nothing is given up, before it was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from gateway.domain.batches import Head, Receipt


class Standing(Enum):
    """What to do next."""

    CURRENT = auto()
    """The chain is where we left it: the next batch may go."""
    APPLIED = auto()
    """The open batch is in."""
    BEHIND = auto()
    """The answer is older than what we know: another one is needed."""
    HALT = auto()
    """Somebody else settled: only an operator's act goes on from here."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A standing and its reason.

    Args:
        standing: what to do next.
        reason: one sentence for the operator; empty where there is nothing to say.
    """

    standing: Standing
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """The batch that waits for an answer.

    Args:
        sequence: its number.
        digest: its digest, 32 bytes.
    """

    sequence: int
    digest: bytes


def judge(
    receipt: Receipt | None, head: Head | None, open_batch: OpenBatch | None, writer: bytes
) -> Verdict:
    """Compare the contract's receipt with what this database knows.

    Args:
        receipt: the contract's, or None when the site never settled.
        head: the last batch that this database knows to be settled.
        open_batch: the batch that waits for an answer.
        writer: this database's id, 16 bytes.
    """
    if receipt is None:
        return _judge_silence(head)
    if head is not None and receipt.sequence < head.sequence:
        return Verdict(
            Standing.BEHIND,
            f"the RPC server shows batch {receipt.sequence}, but batch {head.sequence} is "
            "settled: it lags behind",
        )
    if receipt.writer != writer:
        return Verdict(
            Standing.HALT,
            f"another gateway settles for this site (batch {receipt.sequence}): switch it off "
            "and run `gateway take-over` here, or switch this one off",
        )
    last = (receipt.sequence, receipt.digest)
    if open_batch and last == (open_batch.sequence, open_batch.digest):
        return Verdict(Standing.APPLIED)
    if head is not None and last == (head.sequence, head.digest):
        return Verdict(Standing.CURRENT)
    known = f"batch {head.sequence}" if head else "none"
    return Verdict(
        Standing.HALT,
        f"the chain is at batch {receipt.sequence} and this database knows {known}: it is an "
        "older copy, or a copy of it runs elsewhere; switch that off and run `gateway take-over`",
    )


def _judge_silence(head: Head | None) -> Verdict:
    if head is None:
        return Verdict(Standing.CURRENT)
    return Verdict(
        Standing.HALT,
        f"the contract has no receipt, although batch {head.sequence} was settled: "
        "check chain.contract_id and chain.network",
    )
