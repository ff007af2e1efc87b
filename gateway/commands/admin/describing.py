"""A call in words: every argument by its name in the contract, with its unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stellar_sdk import scval, xdr

from gateway.commands.admin.words import (
    shown_amount,
    shown_meter,
    shown_rate,
    shown_time,
    shown_wh,
)
from gateway.ledger.contracts import certification, meter
from gateway.ledger.contracts.calls import Call
from gateway.ledger.contracts.values import to_address, to_flag, to_text, to_u32

_TIERS = ("off-peak", "standard", "peak")


def described(call: Call) -> dict[str, str]:
    """Each argument: its name in words, and its value with its unit.

    Args:
        call: any call of our contracts.
    """
    return {_named(name): _argument(name, value) for name, value in call.arguments.items()}


def _named(name: str) -> str:
    """A name in words; its unit stands beside the value."""
    words = "energy" if name == "wh" else name.replace("_", " ")
    return words.removesuffix(" w").removesuffix(" id").removesuffix(" wh")


def _argument(name: str, value: xdr.SCVal) -> str:
    shown = _NAMED.get(name)
    if shown is not None:
        return shown(_number(value))
    other = _BY_TYPE.get(value.type)
    return other(value) if other else str(_number(value))


def _list(value: xdr.SCVal) -> str:
    """The three rates of a price; of anything longer, how many there are."""
    items = scval.from_vec(value)
    if len(items) != len(_TIERS) or items[0].type is not xdr.SCValType.SCV_I64:
        return f"{len(items)} of them"
    pairs = zip(_TIERS, (scval.from_int64(rate) for rate in items), strict=True)
    return ", ".join(f"{tier} {shown_amount(rate)}" for tier, rate in pairs) + " tokens/kWh"


def _number(value: xdr.SCVal) -> int:
    match value.type:
        case xdr.SCValType.SCV_U32:
            return to_u32(value)
        case xdr.SCValType.SCV_U64:
            return scval.from_uint64(value)
        case xdr.SCValType.SCV_I64:
            return scval.from_int64(value)
        case xdr.SCValType.SCV_I128:
            return scval.from_int128(value)
        case _:
            raise ValueError(f"{value.type.name} is no number")


def _tokens(stroops: int) -> str:
    return f"{shown_amount(stroops)} tokens"


def _per_kwh(stroops: int) -> str:
    return f"{shown_amount(stroops)} tokens/kWh"


def _plan_price(stroops: int) -> str:
    return _tokens(stroops) if stroops else "not offered"


def _watts(power_w: int) -> str:
    return f"{power_w} W"


_Shown = Callable[[int], str]
_NAMED: Mapping[str, _Shown] = {
    "meter_id": shown_meter,
    "amount": _tokens,
    "fee": _tokens,
    "max_total": _tokens,
    "price": _per_kwh,
    "daily": _plan_price,
    "weekly": _plan_price,
    "wh": shown_wh,
    "units": shown_wh,
    "total_wh": shown_wh,
    "max_power_w": _watts,
    "capacity_w": _watts,
    "min_w": _watts,
    "max_w": _watts,
    "rate": shown_rate,
    "effective_from": shown_time,
    "hour": shown_time,
    "mode": lambda number: meter.MODES[number],
    "plan": lambda number: meter.Plan(number).name.lower(),
    "source": lambda number: certification.Source(number).name.lower(),
    "live_until_ledger": lambda number: str(number) if number else "none: it is withdrawn",
}
"""How a number is shown, by the argument's name."""
_BY_TYPE: Mapping[xdr.SCValType, Callable[[xdr.SCVal], str]] = {
    xdr.SCValType.SCV_VOID: lambda _: "none",
    xdr.SCValType.SCV_ADDRESS: to_address,
    xdr.SCValType.SCV_STRING: lambda value: f'"{to_text(value)}"',
    xdr.SCValType.SCV_BOOL: lambda value: "yes" if to_flag(value) else "no",
    xdr.SCValType.SCV_BYTES: lambda value: scval.from_bytes(value).hex(),
    xdr.SCValType.SCV_VEC: _list,
}
"""How everything else is shown, by its type."""
