"""Why a call was refused, in words that say what to do."""

from __future__ import annotations

from gateway.ledger.answers import ContractRefusal
from gateway.ledger.contracts import (
    certification,
    electric,
    market,
    meter,
    oracle,
    scheduler,
    upkeep,
)
from gateway.ledger.contracts.refusals import Refusal, sentence_of

_REFUSALS: dict[str, type[Refusal]] = {
    "token": electric.ElectricRefusal,
    "meter": meter.MeterError,
    "certification": certification.CertificationRefusal,
    "market": market.MarketRefusal,
    "oracle": oracle.OracleRefusal,
    "scheduler": scheduler.SchedulerRefusal,
}
_MOVES_MONEY = ("fund", "withdraw", "pay", "transfer", "certify", "reject", "execute")
_HOST_SAYS = (
    (
        "Storage, MissingValue",
        "there is no such contract on this network: check the address and --network",
    ),
    (
        "WasmVm, MissingValue",
        "the contract has no such function: it is of another version, or another contract",
    ),
    ("Budget, ExceededLimit", "it is too much for one transaction"),
)
"""What the host means by what it says, where an operator can do something about it."""


def explained(contract: str, function: str, refusal: ContractRefusal) -> str:
    """What a refusal means, with what was refused.

    Args:
        contract: what the contract is called.
        function: what it was asked to do.
        refusal: what came back; a contract that was called by it may have refused.
    """
    title = f"{contract} refuses {function}"
    if refusal.code is None:
        message = str(refusal)
        known = (sentence for sign, sentence in _HOST_SAYS if sign in message)
        return f"{title}: {next(known, f'the network would not carry it out ({message})')}"
    kinds: list[type[Refusal]] = [upkeep.UpkeepRefusal]
    if any(word in function for word in _MOVES_MONEY):
        kinds.append(electric.AssetRefusal)
    if contract in _REFUSALS:
        kinds.append(_REFUSALS[contract])
    kinds += _REFUSALS.values()
    return f"{title}: {sentence_of(refusal.code, *kinds)} (error {refusal.code})"
