"""From the earlier layout to the current one: upgrade in place, then move, by command."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.commands.admin.deploy import WASM
from gateway.ledger.contracts import meter
from tests.commands.admin.laptop import DAY_S, opened

SITE = 7
METERS = 3
TOKEN = 10**7


def test_a_villages_meters_are_moved_once_with_their_balances(tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    shutil.copy(WASM / "electric.wasm", earlier)
    shutil.copy(WASM / "entries.wasm", earlier / "meter.wasm")
    with opened(tmp_path) as laptop:
        laptop.done("deploy", "token", "meter", f"--wasm={earlier}")
        laptop.done("site", "add", str(SITE))
        laptop.done(
            *("price", "set", "--from=2026-01-01"),
            *("--off-peak=0.1", "--standard=0.1", "--peak=0.1"),
        )
        contract, provider = laptop.contract("meter"), laptop.provider
        laptop.done("token", "mint", provider.address, "100")
        for slot in range(METERS):
            meter_id = SITE << 32 | slot
            laptop.perform(
                meter.register_meter(contract, meter_id, provider.address, 2000), provider
            )
            amount = (slot + 1) * TOKEN
            plan = meter.Plan.USAGE_BASED
            laptop.perform(
                meter.make_payment(contract, provider.address, meter_id, amount, plan), provider
            )
        laptop.done("upgrade", "announce", "meter", f"--wasm={WASM}/meter.wasm")
        laptop.localnet.advance(7 * DAY_S)
        laptop.done("upgrade", "do", "meter")

        dry = laptop.admin("meter", "migrate", f"--site={SITE}", "--dry-run")
        assert "3 of 3 meters are in the earlier layout" in dry.out
        assert dry.transactions == []
        said = laptop.done("meter", "migrate", f"{SITE}/1")
        assert "its record has version 1" in said.out
        said = laptop.done("meter", "migrate", f"--site={SITE}")
        assert "2 of 3 meters are in the earlier layout" in said.out
        assert len(said.transactions) == 2
        again = laptop.admin("meter", "migrate", f"--site={SITE}")
        assert "0 of 3 meters are in the earlier layout" in again.out
        laptop.done("meter", "migrate", f"{SITE}/1")
        for slot in range(METERS):
            shown = laptop.admin("meter", "show", f"{SITE}/{slot}").out
            assert f"balance        {slot + 1} tokens" in shown
        laptop.done("meter", "register", f"{SITE}/{METERS}", "--max-power=100")
