"""What the chain itself says of a meter now, for whoever holds a file against it."""

from __future__ import annotations

from gateway.ledger.client import LedgerClient
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.site import look
from gateway.store.tracing import Witness


async def read_witness(
    client: LedgerClient, settings: LedgerSettings, slot: int, prices: int
) -> Witness:
    """Ask for the site's receipt, the meter's record and all prices.

    Args:
        client: the network.
        settings: which contract and which site.
        slot: the meter's number there.
        prices: how many price versions are known.

    Raises:
        Transient: no answer, or one that is older than the last.
        Permanent: the contract's entries have a form that this version does not know.
    """
    state = (await look(client, settings, [slot], prices)).state
    by_version = {price.version: price for price in state.prices}
    return Witness(state.ledger, state.as_of_s, state.receipt, state.records.get(slot), by_version)
