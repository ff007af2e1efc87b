"""Opening and running a village from the command line, end to end on a real ledger."""

from __future__ import annotations

import pytest

from gateway.commands.admin.deploy import WASM
from gateway.commands.admin.places import Places
from gateway.domain.batches import Batch, SlotUsage
from gateway.ledger.contracts import meter
from tests.commands.admin.laptop import DAY_S, Laptop

WRITER = bytes(range(16))
HOUR_S = 3600


@pytest.fixture(scope="module", autouse=True)
def price(laptop: Laptop) -> None:
    """The first price, which may start at once."""
    said = laptop.done(
        *("price", "set", "--from=2026-01-01", "--off-peak=0.096", "--standard=0.12"),
        *("--peak=0.18", "--daily=30", "--weekly=180"),
    )
    assert "this is price version 1" in said.out


def settle(laptop: Laptop, site: str, usage_wh: int) -> None:
    """A gateway of the village settles usage of its first meter at the standard rate."""
    gateway = laptop.person(f"gateway-{site}")
    laptop.done("signer", "allow", site, gateway.address)
    now_s = laptop.localnet.time_s()
    end_s = now_s - now_s % 900 + HOUR_S
    laptop.localnet.advance(end_s - now_s)
    slots = (SlotUsage(0, standard_wh=usage_wh),)
    batch = Batch(int(site), WRITER, 1, end_s - HOUR_S, end_s, 1, None, slots)
    laptop.perform(
        meter.batch_update_usage(laptop.contract("meter"), gateway.address, batch), gateway
    )


def test_a_site_is_added_shown_and_removed_again(laptop: Laptop, site: str) -> None:
    operator = laptop.person("operator")
    laptop.done("site", "operator", site, operator.address)
    assert f"operator   {operator.address}" in laptop.admin("site", "show", site).out
    assert f"site {site}" in laptop.admin("status").out
    laptop.done("site", "remove", site)
    assert f"site {site}" not in laptop.admin("status").out
    assert "the contract does not know this site" in laptop.refused("site", "show", site)


def test_a_site_that_is_there_is_only_remembered(laptop: Laptop, site: str) -> None:
    laptop.addresses.write_text(laptop.addresses.read_text().replace(site, "4294967295"))
    again = laptop.admin("site", "add", site)
    assert (again.status, again.transactions) == (0, [])
    places = Places.load(laptop.addresses, "local", {})
    assert int(site) in places.sites
    places.sites.remove(2**32 - 1)
    places.save()
    stranger = laptop.person("stranger", funded=False).address
    assert "use `gateway admin site operator`" in laptop.refused(
        "site", "add", site, "--operator", stranger
    )


def test_a_gateway_is_allowed_once_and_disallowed(laptop: Laptop, site: str) -> None:
    gateway = laptop.person("gateway", funded=False)
    for _ in range(2):
        laptop.done("signer", "allow", site, gateway.address)
    shown = laptop.admin("site", "show", site).out
    assert shown.count(gateway.address) == 1
    laptop.done("signer", "disallow", site, gateway.address)
    assert "signer     none yet" in laptop.admin("site", "show", site).out
    assert "(error 8)" in laptop.refused("signer", "disallow", site, gateway.address)


def test_a_meter_is_registered_switched_off_and_on_and_described(laptop: Laptop, site: str) -> None:
    point, owner = f"{site}/0", laptop.person("owner").address
    laptop.done("meter", "register", point, "--max-power=1995", "--mode=postpaid")
    shown = laptop.admin("meter", "show", point).out
    assert "state          active" in shown
    assert "mode           postpaid" in shown
    assert "max power      2000 W" in shown
    laptop.done("meter", "deactivate", point)
    assert "switched off by the provider" in laptop.admin("meter", "show", point).out
    laptop.done("meter", "activate", point)
    laptop.done("meter", "owner", point, owner)
    laptop.done("meter", "max-power", point, "3000")
    shown = laptop.admin("meter", "show", point).out
    assert "state          active" in shown
    assert f"owner          {owner}" in shown
    assert "max power      3000 W" in shown


def test_meters_are_registered_from_a_file_and_again_changes_nothing(
    laptop: Laptop, site: str
) -> None:
    roll = laptop.folder / f"roll-{site}.csv"
    roll.write_text("slot,max_power_w,mode\n1,3000,streaming\n0,2000,\n2,500,prepaid\n")
    dry = laptop.admin("meter", "register", f"--csv={roll}", f"--site={site}", "--dry-run")
    assert "3 to register, 0 registered already" in dry.out
    assert "and 2 more, each about as much" in dry.out
    assert dry.transactions == []
    said = laptop.done("meter", "register", f"--csv={roll}", f"--site={site}")
    assert len(said.transactions) == 3
    assert "mode           streaming" in laptop.admin("meter", "show", f"{site}/1").out
    again = laptop.admin("meter", "register", f"--csv={roll}", f"--site={site}")
    assert (again.status, again.transactions) == (0, [])
    assert "0 to register, 3 registered already" in again.out


def test_a_file_that_says_otherwise_than_the_contract_sends_nothing(
    laptop: Laptop, site: str
) -> None:
    laptop.done("meter", "register", f"{site}/0", "--max-power=2000")
    roll = laptop.folder / f"roll-{site}.csv"
    roll.write_text("slot,max_power_w\n0,1000\n2,1000\n")
    complaint = laptop.refused("meter", "register", f"--csv={roll}", f"--site={site}")
    assert "line 2: slot 0 is registered as prepaid with 2000 W" in complaint
    assert "line 3: slot 1 has to come before slot 2" in complaint


def test_arrears_are_written_off_and_reinstated_never_more_than_they_are(
    laptop: Laptop, site: str
) -> None:
    point = f"{site}/0"
    laptop.done("meter", "register", point, "--max-power=2000")
    settle(laptop, site, usage_wh=1_000)
    assert "owes         0.12 tokens" in laptop.admin("arrears", "show", point).out
    assert "more than the meter owes" in laptop.refused("arrears", "write-off", point, "0.13")
    said = laptop.done("arrears", "write-off", point, "0.1")
    assert "its balance is -0.02 tokens now" in said.out
    assert "written off  0.1 tokens" in laptop.admin("arrears", "show", point).out
    assert "written off" in laptop.refused("arrears", "reinstate", point, "0.2")
    assert "-0.12 tokens now" in laptop.done("arrears", "reinstate", point, "0.1").out


def test_a_float_is_funded_and_withdrawn_by_the_operator_alone(laptop: Laptop, site: str) -> None:
    operator = laptop.person(f"operator-{site}")
    laptop.done("site", "operator", site, operator.address)
    laptop.done("token", "mint", laptop.provider.address, "50")
    assert "does not have that many tokens" in laptop.refused("float", "fund", site, "1000")
    laptop.done("float", "fund", site, "50")
    assert "float        50 tokens" in laptop.admin("float", "show", site).out
    assert operator.address in laptop.refused("float", "withdraw", site, "20")
    laptop.done("float", "withdraw", site, "20", key=operator)
    assert "20 tokens" in laptop.admin("token", "balance", operator.address).out
    complaint = laptop.refused("float", "withdraw", site, "31", key=operator)
    assert "does not hold that much" in complaint


def test_what_households_paid_is_paid_out(laptop: Laptop, site: str) -> None:
    point, household = f"{site}/0", laptop.person("household")
    laptop.done("meter", "register", point, "--max-power=2000")
    laptop.done("token", "grant", household.address)
    assert "everyone gets it once" in laptop.refused("token", "grant", household.address)
    meter_id = int(site) << 32
    plan = meter.Plan.USAGE_BASED
    contract = laptop.contract("meter")
    laptop.perform(
        meter.make_payment(contract, household.address, meter_id, 7 * 10**7, plan), household
    )
    assert "balance        7 tokens" in laptop.admin("meter", "show", point).out
    to = laptop.person("bank").address
    laptop.done("withdraw", "meter", "7", f"--to={to}")
    assert laptop.admin("token", "balance", to).out == "7 tokens\n"


def test_prices_have_a_days_notice_and_can_be_withdrawn_until_they_are_in_force(
    laptop: Laptop,
) -> None:
    rates = ("--off-peak=0.1", "--standard=0.1", "--peak=0.1")
    complaint = laptop.refused("price", "set", "--from=2026-01-01T06:00", *rates)
    assert "a price needs a day's notice" in complaint
    said = laptop.done("plan", "set", "--from=2030-01-01", "--daily=0")
    assert "daily not offered, weekly 180 tokens" in said.out
    shown = laptop.admin("price", "list").out.splitlines()
    assert shown[2].split()[4:] == ["0.096", "0.12", "0.18", "30", "180", "in", "force"]
    assert shown[3].split()[4:] == ["0.096", "0.12", "0.18", "none", "180", "to", "come"]
    laptop.done("price", "withdraw", "2")
    assert "before it is in force" in laptop.refused("price", "withdraw", "1")
    assert laptop.admin("plan", "list").out.count("UTC") == 1


def test_a_paused_contract_says_so_and_goes_on(laptop: Laptop, site: str) -> None:
    laptop.done("token", "mint", laptop.provider.address, "1")
    laptop.done("pause", "meter")
    assert "paused    yes" in laptop.admin("status").out
    complaint = laptop.refused("float", "fund", site, "1")
    assert "meter refuses fund_float: the contract is paused: unpause it first" in complaint
    laptop.done("unpause", "meter")
    laptop.done("float", "fund", site, "1")


def test_an_upgrade_is_announced_a_week_ahead(laptop: Laptop) -> None:
    wasm = laptop.folder / "next.wasm"
    wasm.write_bytes((WASM / "electric.wasm").read_bytes() + _custom_section(b"next"))
    assert "no upgrade of token is announced" in laptop.refused("upgrade", "do", "token")
    said = laptop.done("upgrade", "announce", "token", f"--wasm={wasm}")
    assert len(said.transactions) == 2
    assert "possible from " in said.out
    assert "the announced week is not over yet" in laptop.refused("upgrade", "do", "token")
    laptop.done("upgrade", "withdraw", "token")
    laptop.done("upgrade", "announce", "token", f"--wasm={wasm}")
    laptop.localnet.advance(7 * DAY_S)
    said = laptop.done("upgrade", "do", "token")
    assert "run `gateway admin extend token`" in said.out
    laptop.done("extend", "token")


def _custom_section(name: bytes) -> bytes:
    """A section that changes a module's hash and nothing else."""
    return bytes([0, 1 + len(name), len(name)]) + name


def test_the_admin_hands_over_in_two_steps(laptop: Laptop, site: str) -> None:
    new = laptop.person("new-admin")
    laptop.done("admin", "transfer", "meter", new.address)
    assert laptop.admin("admin", "show", "meter").out.strip() == laptop.provider.address
    laptop.done("admin", "withdraw", "meter", new.address)
    assert "no hand-over is open" in laptop.refused("admin", "accept", "meter", key=new)
    laptop.done("admin", "transfer", "meter", new.address)
    laptop.done("admin", "accept", "meter", key=new)
    complaint = laptop.refused("meter", "register", f"{site}/0", "--max-power=100")
    assert f"this needs the signature of {new.address}" in complaint
    laptop.done("admin", "transfer", "meter", laptop.provider.address, key=new)
    laptop.done("admin", "accept", "meter")
    laptop.done("meter", "register", f"{site}/0", "--max-power=100")


def test_everything_is_kept_alive(laptop: Laptop, site: str) -> None:
    laptop.done("oracle", "allow", site, laptop.provider.address)
    laptop.done("meter", "register", f"{site}/0", "--max-power=100")
    said = laptop.done("extend")
    for call in ("token: extend", "meter: extend", "certification: extend", "market: extend"):
        assert call in said.out
    assert f"oracle: extend(site {site}, page 0)" in said.out
