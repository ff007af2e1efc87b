"""The provider's side on a real ledger: the committed contracts, put there, paid for and used."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from stellar_sdk import Account, Address, Keypair, xdr

from gateway.ledger.client import LedgerClient, account_key
from gateway.ledger.contracts import electric, meter
from gateway.ledger.contracts.calls import upload
from gateway.ledger.fees import BASE_FEE_STROOPS, PLAIN_MAX_FEE_STROOPS, TooExpensive
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


def instance_key(contract: str) -> xdr.LedgerKey:
    """Where a contract itself is kept."""
    return xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.LedgerKeyContractData(
            contract=Address(contract).to_xdr_sc_address(),
            key=xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE),
            durability=xdr.ContractDataDurability.PERSISTENT,
        ),
    )


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


async def test_code_that_costs_more_than_a_plain_transaction_holds_is_uploaded_and_refunded(
    localnet: Localnet, client: LedgerClient
) -> None:
    admin = funded(localnet)
    before = await lumens(client, admin)
    asked = 2 * PLAIN_MAX_FEE_STROOPS
    await client.perform(upload(METER), admin, poll_s=0.01, max_fee_stroops=asked)
    assert PLAIN_MAX_FEE_STROOPS < before - await lumens(client, admin) < asked


async def test_a_fee_beyond_what_is_allowed_is_refused_with_a_sentence(
    localnet: Localnet, client: LedgerClient
) -> None:
    admin = funded(localnet)
    before = await lumens(client, admin)
    sequence = await client.account_sequence(admin.address)
    assert sequence is not None
    source = Account(admin.address, sequence)
    sentence = r"the network asks 5\d\d\.\d+ XLM .* may cost 429\.4967295 XLM at most"
    with pytest.raises(TooExpensive, match=sentence):
        await client.prepare(upload(METER), source, START_S + 60, BASE_FEE_STROOPS)
    with pytest.raises(TooExpensive, match=sentence):
        await client.perform(upload(METER), admin)
    with pytest.raises(TooExpensive, match=r"may cost 0\.1 XLM at most"):
        await client.perform(upload(ELECTRIC), admin, max_fee_stroops=1_000_000)
    assert await lumens(client, admin) == before
