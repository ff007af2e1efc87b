"""A receipt as a person names it: by what is on the paper, or by its number alone."""

from __future__ import annotations

from gateway.errors import Permanent
from gateway.store.credits import LocalCredit, Void, find_payment
from gateway.store.database import Database

_MOST_DIGITS = 12


async def find_receipt(database: Database, text: str) -> tuple[int, LocalCredit, Void | None]:
    """The receipt's number, the payment that it is of, and its counter-entry.

    Args:
        database: the store.
        text: like '17' or '1-000017'.

    Raises:
        Permanent: it is no receipt's number, there is none, or the paper is of another series.
    """
    series, _, digits = text.strip().rpartition("-")
    if not _is_number(digits) or not (series == "" or _is_number(series)):
        raise Permanent(f"{text[:40]!r} is no receipt's number: give it like 17 or 1-000017")
    number = int(digits)
    found = await find_payment(database, number)
    if found is None:
        raise Permanent(f"there is no receipt {text}: see `gateway cash list`")
    credit, void = found
    named = credit if void is None or credit.receipt == number else void
    if series and int(series) != named.series:
        raise Permanent(
            f"there is no receipt {text} here: number {number} is {named.number}, another paper; "
            "what was taken after a backup and before its restore is not in this database"
        )
    return number, credit, void


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
