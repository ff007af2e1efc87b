"""Putting the contracts on a network: shown first, paid for once, picked up where it stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from stellar_sdk import Account, Asset, TransactionBuilder, scval

from gateway.commands.admin.deploy import WASM
from gateway.commands.admin.places import CONTRACTS
from gateway.ledger.contracts.calls import address_of, create, upload
from tests.commands.admin.laptop import Laptop, opened
from tests.ledger.localnet import PASSPHRASE


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Laptop]:
    with opened(tmp_path) as laptop:
        yield laptop


def test_a_dry_run_shows_every_cost_and_sends_nothing(fresh: Laptop) -> None:
    before = (fresh.ledger(), fresh.lumens(fresh.provider))
    said = fresh.admin("deploy", "--dry-run")
    assert said.status == 0, said
    assert said.out.count("not sent: this is a dry run") == len(CONTRACTS)
    assert said.out.count("costs      at most") == len(CONTRACTS)
    assert (fresh.ledger(), fresh.lumens(fresh.provider)) == before
    assert not fresh.addresses.exists()


def test_a_deployment_that_was_cut_short_is_picked_up_and_never_paid_for_twice(
    fresh: Laptop,
) -> None:
    fresh.done("deploy", "token", "meter")
    token, contract = fresh.contract("token"), fresh.contract("meter")
    paid = (fresh.ledger(), fresh.lumens(fresh.provider))
    again = fresh.admin("deploy", "meter")
    assert f"meter: is at {contract} already" in again.out

    fresh.addresses.unlink()  # the crash was before it was written down
    again = fresh.admin("deploy", "token", "meter")
    assert again.status == 0, again
    assert again.transactions == []
    assert f"meter: was created at {contract} already" in again.out
    assert (fresh.contract("token"), fresh.contract("meter")) == (token, contract)
    assert (fresh.ledger(), fresh.lumens(fresh.provider)) == paid


def test_nothing_is_sent_when_any_code_is_missing(fresh: Laptop, tmp_path: Path) -> None:
    folder = tmp_path / "wasm"
    folder.mkdir()
    (folder / "electric.wasm").write_bytes((WASM / "electric.wasm").read_bytes())
    complaint = fresh.refused("deploy", "token", "meter", f"--wasm={folder}")
    assert "meter.wasm can't be read (No such file or directory)" in complaint


def test_a_contract_that_needs_another_says_so(fresh: Laptop) -> None:
    said = fresh.admin("deploy", "oracle")
    assert said.status == 1
    assert "names no meter contract on local: deploy it" in said.err


def test_an_unknown_contract_is_named(fresh: Laptop) -> None:
    complaint = fresh.refused("deploy", "mete")
    assert complaint.startswith("mete: no contract of ours; known: token, meter, certification")


def test_a_token_with_other_digits_is_refused(fresh: Laptop) -> None:
    """Six digits where seven are meant would make every price ten times too high."""
    code = (WASM / "electric.wasm").read_bytes()
    admin = fresh.provider
    arguments = [
        scval.to_address(admin.address),
        scval.to_uint32(6),
        scval.to_string("Six"),
        scval.to_string("SIX"),
    ]
    made = create(hashlib.sha256(code).digest(), admin.address, arguments)
    for operation in (upload(code), made):
        value = fresh.with_client(
            lambda client, operation=operation: client.perform(  # type: ignore[misc]
                operation, admin.key, poll_s=0.01, max_fee_stroops=10**11
            )
        )
    token = address_of(value)
    complaint = fresh.refused("deploy", f"--token={token}")
    assert "has 6 digits after the point, and the contracts count on 7" in complaint


def test_an_assets_own_contract_serves_as_the_token(fresh: Laptop) -> None:
    """As a stablecoin's does; here it is that of lumens."""
    admin = fresh.provider
    builder = TransactionBuilder(Account(admin.address, 0), PASSPHRASE)
    builder.append_create_stellar_asset_contract_from_asset_op(Asset.native())
    operation = builder.add_time_bounds(0, 0).build().transaction.operations[0]
    fresh.with_client(lambda client: client.perform(operation, admin.key, poll_s=0.01))
    token = Asset.native().contract_id(PASSPHRASE)
    said = fresh.done("deploy", "meter", f"--token={token}")
    assert len(said.transactions) == 2
    assert fresh.contract("token") == token
    assert "an asset's own contract, which belongs to the network" in fresh.admin("status").out
    assert "upload" not in fresh.admin("deploy", "token").out
    fresh.done("site", "add", "7")
    fresh.done("float", "fund", "7", "2.5")
    assert "float     2.5 tokens" in fresh.admin("status").out
    poor = fresh.person("poor")
    complaint = fresh.refused("float", "fund", "7", "9999999", key=poor)
    assert "the account does not have that many tokens (error 10)" in complaint
    fresh.done("extend")


def test_a_fee_beyond_what_is_allowed_is_refused(fresh: Laptop) -> None:
    complaint = fresh.refused("deploy", "token", "--max-fee=1")
    assert "it may cost 1 XLM at most" in complaint
    assert "raise --max-fee" in complaint
