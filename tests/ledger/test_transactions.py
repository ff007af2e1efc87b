"""One transaction by hand: its outcome is known, or it is said how to look it up."""

from __future__ import annotations

import re

import pytest

from gateway.errors import Permanent, Transient
from gateway.ledger.contracts import meter
from gateway.ledger.transactions import carry_out, prepare
from tests.ledger.village import SITE, Village, client_of
from tests.ledger.wire import Fault, lose, tapped

MOST_STROOPS = 10**8


async def test_an_answer_that_is_lost_on_the_way_leaves_its_hash_behind(village: Village) -> None:
    call = meter.allow(village.settings.contract, SITE, village.admin.address)
    cut = tapped(village.localnet.url, lose("sendTransaction", Fault.LOSE_ANSWER))
    async with cut as wire, client_of(wire.url) as client:
        admin = village.admin
        prepared = await prepare(client, call.operation(), admin.address, MOST_STROOPS)
        with pytest.raises(Transient, match="may have been sent") as caught:
            await carry_out(client, prepared.signed(admin), poll_s=0.01)
    found = re.search(r"transaction ([0-9a-f]{64}) ", str(caught.value))
    assert found is not None
    answer = await village.client.find_transaction(found[1])
    assert answer.succeeded


async def test_what_the_network_does_not_take_is_said_and_costs_nothing(village: Village) -> None:
    """Two of them with one sequence number."""
    contract, admin = village.settings.contract, village.admin.address
    calls = [meter.allow(contract, SITE, admin), meter.add_site(contract, SITE + 1, admin)]
    first, second = [
        await prepare(village.client, call.operation(), admin, MOST_STROOPS) for call in calls
    ]
    done = await carry_out(village.client, first.signed(village.admin), poll_s=0.01)
    assert 0 < done.fee_stroops <= first.resource_stroops + first.inclusion_stroops
    assert done.rent_stroops is not None
    with pytest.raises(Permanent, match="does not take the transaction: txBAD_SEQ"):
        await carry_out(village.client, second.signed(village.admin), poll_s=0.01)


async def test_whoever_else_has_to_sign_is_known_before_anything_is_sent(village: Village) -> None:
    call = meter.allow(village.settings.contract, SITE, village.key.address)
    own = await prepare(village.client, call.operation(), village.admin.address, MOST_STROOPS)
    other = await prepare(village.client, call.operation(), village.key.address, MOST_STROOPS)
    assert own.strangers == ()
    assert other.strangers == (village.admin.address,)
