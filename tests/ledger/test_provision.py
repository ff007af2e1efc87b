"""The provider's side on a real ledger: the committed contracts, put there, paid for and used."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from stellar_sdk import Account, Keypair, xdr

from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import electric, meter
from gateway.ledger.contracts.calls import instance_key, upload
from gateway.ledger.envelopes import account_key
from gateway.ledger.fees import (
    BASE_FEE_STROOPS,
    PLAIN_MAX_FEE_STROOPS,
    TooExpensive,
    fit_fee,
    sign,
)
from gateway.ledger.keys import SigningKey
from gateway.ledger.provision import NewMeter, Provider
from tests.ledger.localnet import ROOT, Localnet
from tests.ledger.village import MAX_POWER_W, PRICE, SITE, START_S, chain_id, client_of

METER = (ROOT / "contracts/wasm/meter.wasm").read_bytes()
ELECTRIC = (ROOT / "contracts/wasm/electric.wasm").read_bytes()


@pytest.fixture
async def client(localnet: Localnet) -> AsyncIterator[LedgerClient]:
    async with client_of(localnet.url) as opened:
        yield opened


def funded(localnet: Localnet) -> SigningKey:
    """A new account with its first lumens."""
    key = SigningKey(Keypair.random())
    localnet.fund(key.address)
    return key


async def lumens(client: LedgerClient, key: SigningKey) -> int:
    """What an account has, stroops."""
    place = account_key(key.address)
    entry = (await client.read([place])).found[place.to_xdr()]
    assert entry.account is not None
    return entry.account.balance.int64


async def tokens(client: LedgerClient, token: str, holder: str) -> int:
    """What somebody has of the token, stroops."""
    call = electric.balance(token, holder)
    value = await client.simulate(call.operation(), Keypair.random().public_key)
    assert value is not None
    return electric.decode_balance(value)


async def test_both_contracts_are_deployed_and_a_household_can_pay(
    localnet: Localnet, client: LedgerClient
) -> None:
    admin, household = funded(localnet), funded(localnet)
    provider = Provider(client, admin, poll_s=0.01)
    deployment = await provider.deploy(METER, ELECTRIC)
    contracts = [deployment.meter, deployment.token]
    found = await client.read([instance_key(contract) for contract in contracts])
    assert len(found.found) == len(contracts)

    points = [NewMeter(0, MAX_POWER_W, "prepaid")]
    await provider.open_site(deployment.meter, SITE, household.address, points, PRICE)
    await provider.grant(deployment.token, household.address, 1_000)
    payment = meter.make_payment(
        deployment.meter, household.address, chain_id(0), 700, meter.Plan.USAGE_BASED
    )
    await client.perform(payment.operation(), household, poll_s=0.01)

    page = (await client.read([place := meter.page_key(deployment.meter, SITE, 0)])).value(place)
    assert page is not None
    assert [record.balance for record in meter.decode_page_entry(page)] == [700]
    assert await tokens(client, deployment.token, household.address) == 300
    assert await tokens(client, deployment.token, deployment.meter) == 700


async def test_a_fee_that_no_plain_transaction_holds_goes_inside_a_bump_and_is_refunded(
    localnet: Localnet, client: LedgerClient
) -> None:
    """What a network with dearer rent would ask for code of this size."""
    admin = funded(localnet)
    before = await lumens(client, admin)
    sequence = await client.account_sequence(admin.address)
    assert sequence is not None
    source = Account(admin.address, sequence)
    prepared = await client.prepare(upload(ELECTRIC), source, START_S + 60, BASE_FEE_STROOPS)
    data = prepared.transaction.soroban_data
    assert data is not None
    needed = data.resource_fee.int64
    asked = PLAIN_MAX_FEE_STROOPS + needed
    data.resource_fee = xdr.Int64(asked)
    prepared.transaction.fee = asked + BASE_FEE_STROOPS
    with pytest.raises(TooExpensive, match=r"asks 4\d\d\.\d+ XLM .* may cost 429\.4967295 XLM"):
        fit_fee(prepared, PLAIN_MAX_FEE_STROOPS)
    fit_fee(prepared, 2 * PLAIN_MAX_FEE_STROOPS)
    signed = sign(prepared, admin, START_S + 60)
    await client.send(signed.envelope)
    answer = await client.find_transaction(signed.tx_hash)
    assert answer.succeeded
    assert answer.fee_stroops == before - await lumens(client, admin)
    assert answer.fee_stroops < 2 * needed


async def test_a_fee_beyond_what_is_allowed_is_refused_with_a_sentence(
    localnet: Localnet, client: LedgerClient
) -> None:
    admin = funded(localnet)
    before = await lumens(client, admin)
    with pytest.raises(TooExpensive, match=r"asks \d+\.\d+ XLM .* may cost 0\.1 XLM at most"):
        await client.perform(upload(ELECTRIC), admin, max_fee_stroops=1_000_000)
    assert await lumens(client, admin) == before
