"""OpenPAYGO tokens: digits to a value and the counts they can stand for, and back.

Uses the primitives of ``openpaygo`` 0.6.3 and not its decoder, whose answers depend on a memory
that it loses (an empty list of used counts lets a token in twice). Knows no memory: whether a
token counts is decided in :mod:`gateway.domain.tokens`. Only the standard tokens, of 9 digits or
of 15 digits from 1 to 4. What decoding costs depends on the counter alone, never on the token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from openpaygo.token_encode import OpenPAYGOTokenEncoder
from openpaygo.token_shared import OpenPAYGOTokenShared, TokenType

KEY_BYTES = 16
MOST_STARTING_CODE = 999_999_999
MOST_UNITS = OpenPAYGOTokenShared.MAX_ACTIVATION_VALUE
"""The most that one token can add."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What a meter point's tokens are made with; never printed.

    Args:
        secret: 16 bytes.
        starting_code: 9 digits at most.
    """

    secret: bytes = field(repr=False)
    starting_code: int = field(repr=False)


def read_keys(text: str) -> dict[str, TokenKey]:
    """The keys of a keys file: a line ``LABEL HEX STARTING_CODE`` per meter point.

    Args:
        text: of the file; empty lines and those that begin with # are skipped.

    Raises:
        ValueError: with the number of a line that is wrong, never with its text.
    """
    keys: dict[str, TokenKey] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != len(("label", "hex", "starting code")) or not _is_key(words[1], words[2]):
            raise ValueError(
                f"line {number}: write LABEL, {2 * KEY_BYTES} hex digits and a starting code of "
                "up to 9 digits"
            )
        if words[0] in keys:
            raise ValueError(f"line {number}: {words[0]} has a key already; keep one")
        keys[words[0]] = TokenKey(bytes.fromhex(words[1]), int(words[2]))
    return keys


def _is_key(secret: str, starting_code: str) -> bool:
    is_code = starting_code.isascii() and starting_code.isdecimal()
    return (
        re.fullmatch(r"[0-9A-Fa-f]{32}", secret) is not None
        and is_code
        and len(starting_code) <= len(str(MOST_STARTING_CODE))
        and int(starting_code) > 0
    )


def decode_token(key: TokenKey, digits: str, last: int) -> tuple[int, list[int]]:
    """All that a token can be.

    Args:
        key: of the meter point.
        digits: 9, or 15 from 1 to 4.
        last: the last count that is looked at.

    Returns:
        The three digits of its value, 0-999, and every count from 1 that has these digits.
    """
    shared = OpenPAYGOTokenShared
    token = int(digits)
    if len(digits) > len(str(MOST_STARTING_CODE)):
        token = shared.convert_from_4_digit_token(token)
    base = shared.get_token_base(token)
    value = (base - shared.get_token_base(key.starting_code)) % shared.TOKEN_VALUE_OFFSET
    code = shared.put_base_in_token(key.starting_code, base)
    counts = []
    for count in range(1, last + 1):
        code = shared.generate_next_token(code, key.secret)
        if shared.put_base_in_token(code, base) == token:
            counts.append(count)
    return value, counts


def encode_token(
    key: TokenKey, units: int, after: int, *, restricted: bool = False
) -> tuple[int, str]:
    """A token that adds value.

    Args:
        key: of the meter point.
        units: 1 to 995.
        after: the count of the token before it; 0: this is the first.
        restricted: True: 15 digits from 1 to 4, for keypads with four keys.

    Returns:
        Its count and its digits.

    Raises:
        ValueError: the units do not fit a token.
    """
    if not 1 <= units <= MOST_UNITS:
        raise ValueError(f"{units} units do not fit a token: give 1 to {MOST_UNITS}")
    count, digits = OpenPAYGOTokenEncoder.generate_token(
        secret_key=key.secret.hex(),
        count=after,
        value=units,
        token_type=TokenType.ADD_TIME,
        starting_code=key.starting_code,
        restricted_digit_set=restricted,
    )
    return int(count), str(digits)
