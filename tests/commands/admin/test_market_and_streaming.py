"""Certification, market, oracle and schedules from the command line, end to end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.ledger.contracts import certification, electric, market, meter, oracle, scheduler
from gateway.ledger.contracts.certification import Source
from tests.commands.admin.laptop import Laptop, Person

HOUR_S = 3600
TOKEN = 10**7


@pytest.fixture(scope="module")
def certifier(laptop: Laptop) -> Person:
    """Somebody whom the provider lets decide."""
    person = laptop.person("certifier")
    laptop.done("certifier", "add", person.address)
    return person


@pytest.fixture(scope="module", autouse=True)
def fee(laptop: Laptop) -> None:
    """What an application costs."""
    laptop.done("producer", "fee", "5")


def applicant(laptop: Laptop, name: str) -> Person:
    """A producer who has applied."""
    producer = laptop.person(name)
    laptop.done("token", "grant", producer.address)
    contract = laptop.contract("certification")
    laptop.perform(
        certification.apply_for_certification(
            contract, producer.address, 5_000, Source.SOLAR, 5 * TOKEN
        ),
        producer,
    )
    return producer


def test_certifiers_and_reporters_are_named_listed_and_removed(laptop: Laptop) -> None:
    who = laptop.person("who", funded=False).address
    for noun in ("certifier", "reporter"):
        laptop.done(noun, "add", who)
        assert who in laptop.admin(noun, "list").out
        laptop.done(noun, "remove", who)
        assert who not in laptop.admin(noun, "list").out
        assert "does not hold this role" in laptop.refused(noun, "remove", who)


def test_a_producer_is_certified_revoked_and_reinstated_with_a_reason_for_ever(
    laptop: Laptop, certifier: Person
) -> None:
    producer = applicant(laptop, "producer").address
    waiting = laptop.admin("producer", "applications").out
    assert f"{producer}\n  5000 W solar, 5 tokens paid, since 2026-01-01 00:00 UTC" in waiting
    assert "the account does not hold this role" in laptop.refused("producer", "certify", producer)
    laptop.done("producer", "certify", producer, key=certifier)
    laptop.done("producer", "revoke", producer, "--reason=meter opened", key=certifier)
    assert f"{producer}  revoked, 5000 W solar" in laptop.admin("producer", "list").out
    laptop.done("producer", "reinstate", producer, "--reason=seal is back", key=certifier)
    acts = laptop.admin("producer", "audit", producer).out.splitlines()
    assert [act.split("  ")[1].split()[0] for act in acts] == [
        "applied",
        "certified",
        "revoked",
        "reinstated",
    ]
    assert acts[2].endswith(f'revoked by {certifier.address}: "meter opened"')
    assert "earned    5 tokens" in laptop.admin("status").out
    to = laptop.person("bank").address
    assert "more than the fees earned" in laptop.refused("withdraw", "certification", "6")
    laptop.done("withdraw", "certification", "5", f"--to={to}")


def test_a_rejected_producer_gets_the_fee_back(laptop: Laptop, certifier: Person) -> None:
    producer = applicant(laptop, "rejected").address
    laptop.done("producer", "reject", producer, "--reason=too near the line", key=certifier)
    assert laptop.admin("token", "balance", producer).out == "10000 tokens\n"
    assert producer not in laptop.admin("producer", "applications").out


def test_limits_of_plants_are_set(laptop: Laptop) -> None:
    laptop.done("producer", "limits", "100", "50000")
    assert "no minimum above the maximum" in laptop.refused("producer", "limits", "200", "100")


def test_the_market_is_switched_on_and_energy_is_sold(
    laptop: Laptop, site: str, certifier: Person
) -> None:
    laptop.done("market", "set")
    laptop.done("market", "limits", "--total=100000", "--producer=20000")
    laptop.done("market", "rates", "--commission=2.5", "--refund=90")
    laptop.done("market", "price", "0.1")
    laptop.done("market", "site", site, "on")
    shown = laptop.admin("market", "show").out
    for row in ("0.1 tokens/kWh", "2.5 %", "90 %", "100 kWh together, 20 kWh each"):
        assert row in shown
    assert f"site {site}     on" in shown
    assert "nothing is for sale" in shown

    producer, reporter, buyer = (
        applicant(laptop, "seller"),
        laptop.person("reporter"),
        laptop.person("buyer"),
    )
    laptop.done("producer", "certify", producer.address, key=certifier)
    laptop.done("reporter", "add", reporter.address)
    laptop.done("token", "grant", buyer.address)
    laptop.done("meter", "register", f"{site}/0", "--max-power=2000")
    laptop.localnet.advance(HOUR_S)
    places = laptop.contract("certification"), laptop.contract("market")
    report = certification.report_production(
        places[0], reporter.address, producer.address, total_wh=4_000
    )
    laptop.perform(report, reporter)
    offer = market.add_energy_for_sale(places[1], producer.address, 3_000, TOKEN)
    laptop.perform(offer, producer)
    shown = laptop.admin("market", "show").out
    assert f"for sale  3000 Wh at 1 tokens/kWh by {producer.address}" in shown

    buy = market.buy_energy_from_user(
        places[1], buyer.address, producer.address, int(site) << 32, 2_000, max_total=3 * TOKEN
    )
    laptop.perform(buy, buyer)
    assert "bought energy  2000 Wh" in laptop.admin("meter", "show", f"{site}/0").out
    assert "reserve   0.05 tokens" in laptop.admin("status").out
    laptop.perform(market.refund_energy(places[1], buyer.address, int(site) << 32, 10), buyer)
    laptop.done("market", "sell", "10", "0.5")
    assert "for sale  10 Wh at 0.5 tokens/kWh by the reserve" in laptop.admin("market", "show").out
    laptop.done("market", "unsell", "10")
    laptop.done("withdraw", "market", "0.001")
    laptop.done("token", "mint", laptop.provider.address, "1")
    laptop.done("market", "fund", "1")
    assert "more than the platform's funds" in laptop.refused("withdraw", "market", "5")
    laptop.done("market", "site", site, "off")
    laptop.done("market", "unset")


def test_a_streaming_meter_is_reported_scheduled_and_paid(laptop: Laptop, site: str) -> None:
    point, meter_id = f"{site}/0", int(site) << 32
    gateway, user = laptop.person("gateway"), laptop.person("user")
    laptop.done("meter", "register", point, "--max-power=5000", "--mode=streaming")
    laptop.done("oracle", "allow", site, gateway.address)
    assert laptop.admin("oracle", "list", site).out == f"{gateway.address}\n"
    laptop.done("token", "grant", user.address)
    token, payments = laptop.contract("token"), laptop.contract("scheduler")
    laptop.perform(electric.approve(token, user.address, payments, 100 * TOKEN, 100_000), user)
    laptop.perform(scheduler.subscribe(payments, user.address, meter_id), user)
    now_s = laptop.localnet.time_s()
    hour_s = now_s - now_s % HOUR_S + HOUR_S
    laptop.localnet.advance(hour_s + HOUR_S - now_s)
    hour = oracle.HourUsage(hour_s, 1, (12 * TOKEN // 100,), {0: (1, 2_500)})
    report = oracle.update_usage_and_price(
        laptop.contract("oracle"), gateway.address, int(site), [hour]
    )
    laptop.perform(report, gateway)

    start = f"{datetime.fromtimestamp(hour_s, UTC):%Y-%m-%dT%H:%M}"
    said = laptop.done("schedule", "create", point, start)
    number = said.out.split("this is payment ")[1].split()[0]
    again = laptop.done("schedule", "create", point, start)
    assert f"this is payment {number}" in again.out
    shown = laptop.admin("schedule", "status", number).out
    assert "amount       0.3 tokens" in shown
    assert "state        pending" in shown
    assert "it is executed now" in laptop.done("schedule", "execute", number).out
    shown = laptop.admin("schedule", "list", point).out
    assert f"payer        {user.address}" in shown
    assert "paid         0.3 tokens" in shown
    assert "settled or cancelled already" in laptop.refused("schedule", "cancel", number, key=user)
    assert "(error 43)" in laptop.refused("schedule", "reschedule", number)
    laptop.done("extend", "scheduler")
    laptop.done("schedule", "end", point)
    assert "nobody pays: it goes to the invoice" in laptop.admin("schedule", "list", point).out
    laptop.done("schedule", "provider", laptop.person("till", funded=False).address)


def test_a_meter_that_does_not_stream_cannot_be_scheduled(laptop: Laptop, site: str) -> None:
    laptop.done("meter", "register", f"{site}/0", "--max-power=100")
    complaint = laptop.refused("schedule", "create", f"{site}/0", "2026-01-01T00:00")
    assert complaint.startswith("scheduler refuses schedule_payment: ")
    assert meter.MODES[1] in complaint or "no usage" in complaint
