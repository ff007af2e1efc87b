"""What the contract's entries and events say, read raw: by a reader that knows no code of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stellar_sdk import Address, scval, xdr

from tests.ledger.localnet import Localnet
from tests.torture.ground import SITE


def find_entry(localnet: Localnet, contract: str, name: str, number: int) -> dict[str, Any] | None:
    """One persistent entry of the contract, as it is on the ledger; None: there is none."""
    key = xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.LedgerKeyContractData(
            Address(contract).to_xdr_sc_address(),
            scval.to_vec([scval.to_symbol(name), scval.to_uint32(number)]),
            xdr.ContractDataDurability.PERSISTENT,
        ),
    )
    entries = localnet.ask("getLedgerEntries", {"keys": [key.to_xdr()]})["entries"]
    if not isinstance(entries, list) or not entries:
        return None
    data = xdr.LedgerEntryData.from_xdr(entries[0]["xdr"]).contract_data
    assert data is not None
    value = scval.to_native(data.val)
    assert isinstance(value, dict)
    return value


def announced_batches(localnet: Localnet, contract: str, since: int) -> list[int]:
    """The numbers of the batches that the contract has announced since a ledger, in order."""
    return [int(value["sequence"]) for value in _announced(localnet, contract, "batch", since)]


def announced_credits(localnet: Localnet, contract: str, eras: Sequence[int]) -> frozenset[str]:
    """The digests (hex) of the credits that the contract has announced since these ledgers."""
    return frozenset(
        value["digest"].hex()
        for since in eras
        for value in _announced(localnet, contract, "credit", since)
    )


def _announced(localnet: Localnet, contract: str, name: str, since: int) -> list[dict[str, Any]]:
    topics = [scval.to_symbol(name).to_xdr(), scval.to_uint32(SITE).to_xdr()]
    filters = [{"type": "contract", "contractIds": [contract], "topics": [topics]}]
    asked = {"startLedger": since, "filters": filters, "pagination": {"limit": 1_000}}
    events = localnet.ask("getEvents", asked)["events"]
    assert isinstance(events, list)
    found = []
    for event in events:
        value = scval.to_native(event["value"])
        assert isinstance(value, dict)
        found.append(value)
    return found
