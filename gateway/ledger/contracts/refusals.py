"""Why contracts refuse calls: numbers of the ABI, each with a sentence for an operator."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Refusal(IntEnum):
    """The numbers of one contract; a member is written ``NAME = number, sentence``.

    Args:
        number: part of the ABI: never reused, never renumbered.
        sentence: what it means, and what to do.
    """

    sentence: str

    def __new__(cls, number: int, sentence: str) -> Self:
        """Keep the sentence beside the number."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.sentence = sentence
        return member


def sentence_of(code: int | None, *contracts: type[Refusal]) -> str:
    """What a refusal means to an operator.

    Args:
        code: the contract's error number, or None when it gave none.
        contracts: whose numbers it may be, the likeliest first.
    """
    for refusals in contracts:
        for refusal in refusals:
            if refusal == code:
                return refusal.sentence
    number = "no error number" if code is None else f"error {code}"
    return f"the contract refused it with {number}: it may be newer than this gateway"
