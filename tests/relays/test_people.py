"""What people decide about supply, from the store to the relay: locks, orders, credit, disputes."""

from __future__ import annotations

import pytest

from gateway.domain.supply import Override, SupplyPolicy
from gateway.errors import Permanent, Transient
from gateway.relays import SupplySettings, SwitchSettings
from gateway.store.acts import Act
from gateway.store.lock_outs import find_lock_outs, lock_out, release
from gateway.store.supply_acts import (
    close_disputes,
    end_order,
    open_dispute,
    order,
    reconnect,
    take_emergency_credit,
)
from tests.relays.conftest import OpenVillage
from tests.relays.village import NOW_S, Contactors, Village, at

DAY_S = 86_400
QUICK = SupplySettings(SupplyPolicy(min_switch_s=0), SwitchSettings(retry_s=0.0))


def act(after_s: int = 0, by: str = "Amina", label: str = "house-0") -> Act:
    return Act(label, by, "works on the line", NOW_S + after_s)


@pytest.fixture
async def village(open_village: OpenVillage) -> Village:
    village = await open_village("gpio:0")
    await village.set_balance(1000)
    return village


async def events(village: Village, kind: str) -> list[str]:
    rows = await village.database.fetch_all(
        "SELECT detail FROM event WHERE kind = ? ORDER BY event_id", (kind,)
    )
    return [row["detail"] for row in rows]


async def reason(village: Village) -> str:
    return str((await village.supply())["reason"])


async def test_a_lock_opens_the_relay_and_nobody_else_takes_it_off(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays}, QUICK)
    await control.tick(at(0))
    await lock_out(village.database, act(1))
    await control.tick(at(1))
    assert relays.history == [("0", True), ("0", False)]
    await village.set_balance(10**9)
    await order(
        village.database, act(2, "Boss"), Override(connected=True, until_s=NOW_S + 99), DAY_S
    )
    with pytest.raises(Permanent, match="locked out by Amina: only Amina can release it, on site"):
        await release(village.database, act(3, "Boss"))
    await control.tick(at(3))
    assert relays.history[-1] == ("0", False)
    await release(village.database, act(4, "amina"))
    await control.tick(at(4))
    assert relays.history == [("0", True), ("0", False), ("0", True)]
    assert await events(village, "lock_out") == [
        "house-0: locked out on site by Amina: works on the line",
        "house-0: released on site by amina: works on the line",
    ]


async def test_every_lock_has_to_come_off(village: Village) -> None:
    await lock_out(village.database, act(1))
    await lock_out(village.database, act(2, "Bola"))
    with pytest.raises(Permanent, match="has locked it out already"):
        await lock_out(village.database, act(3, "BOLA"))
    relays = Contactors()
    control = village.control({"gpio": relays}, QUICK)
    assert (await release(village.database, act(4))).endswith("; still locked out by Bola")
    await control.tick(at(5))
    assert relays.history == [("0", False)]
    await release(village.database, act(6, "Bola"))
    await control.tick(at(7))
    assert relays.history == [("0", False), ("0", True)]
    assert len(await find_lock_outs(village.database, "house-0")) == 2


async def test_a_lock_survives_a_restart_and_the_first_thing_told_is_off(
    open_village: OpenVillage,
) -> None:
    village = await open_village("gpio:0", critical=True)
    await lock_out(village.database, act(1))
    await village.database.close()
    village = await open_village("gpio:0", critical=True)
    relays = Contactors()
    await village.control({"gpio": relays}, QUICK).tick(at(2))
    assert relays.history == [("0", False)]
    assert await reason(village) == "locked_out"


async def test_a_lock_opens_its_relay_though_the_disk_takes_no_verdict(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays}, QUICK)
    await control.tick(at(0))
    await lock_out(village.database, act(1))
    await village.write("CREATE TABLE filler (bytes BLOB)")
    await village.write(
        """CREATE TRIGGER a_large_verdict BEFORE UPDATE OF state ON supply
           BEGIN INSERT INTO filler VALUES (zeroblob(100000)); END"""
    )
    pages = await village.database.fetch_one("PRAGMA page_count")
    assert pages is not None
    async with village.database.transaction() as connection:
        await connection.execute(f"PRAGMA max_page_count = {pages[0]}")
    with pytest.raises(Transient, match="the disk is full"):
        await control.tick(at(2))
    assert relays.history == [("0", True), ("0", False)]
    async with village.database.transaction() as connection:
        await connection.execute("PRAGMA max_page_count = 1000000")
    await control.tick(at(3))
    assert relays.history == [("0", True), ("0", False)]
    assert (await village.journal())[-1] == (1, "disconnect", "locked_out", "done")
    assert await reason(village) == "locked_out"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DELETE FROM lock_out", "never deleted"),
        ("UPDATE lock_out SET reason = 'x'", "never changed"),
        (
            "UPDATE lock_out SET released_s = 1, released_by = 'Boss', release_reason = 'x'",
            "CHECK",
        ),
    ],
)
async def test_no_statement_takes_a_lock_off_for_somebody_else(
    village: Village, sql: str, words: str
) -> None:
    await lock_out(village.database, act(1))
    with pytest.raises(Exception, match=words):
        await village.write(sql)


async def test_a_feeder_is_never_switched(village: Village) -> None:
    await village.write("UPDATE meter_point SET kind = 'feeder'")
    with pytest.raises(Permanent, match="is a feeder, and software never switches one"):
        await lock_out(village.database, act())
    with pytest.raises(Permanent, match="is a feeder"):
        await order(village.database, act(), Override(connected=False, until_s=NOW_S + 9), DAY_S)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Act("house-9", "Amina", "x", NOW_S), "house-9 is no meter point"),
        (Act("house-0", "  ", "x", NOW_S), "--by is missing"),
        (Act("house-0", "Amina", "", NOW_S), "--reason is missing"),
        (Act("house-0", "Amina", "two\nlines", NOW_S), "--reason has characters that don't show"),
        (Act("house-0", "A" * 201, "x", NOW_S), "--by is longer than 200 letters"),
    ],
)
async def test_an_act_without_name_or_reason_is_refused(
    village: Village, wrong: Act, words: str
) -> None:
    with pytest.raises(Permanent, match=words):
        await lock_out(village.database, wrong)
    assert await events(village, "lock_out") == []


async def test_a_supply_without_a_relay_is_not_said_to_be_locked(village: Village) -> None:
    await village.write("UPDATE meter_point SET relay = 'none'")
    with pytest.raises(Permanent, match="has no relay, so nothing here can make it dead"):
        await lock_out(village.database, act())


async def test_an_order_holds_until_it_ends_and_is_journaled(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays}, QUICK)
    await control.tick(at(0))
    await order(village.database, act(0), Override(connected=False, until_s=NOW_S + 100), DAY_S)
    await control.tick(at(99))
    assert await reason(village) == "override"
    await control.tick(at(100))
    assert relays.history == [("0", True), ("0", False), ("0", True)]
    assert await events(village, "override") == [
        "house-0: ordered off for 2 min by Amina: works on the line"
    ]


async def test_an_order_is_ended_early_and_once(village: Village) -> None:
    control = village.control({"gpio": Contactors()}, QUICK)
    await order(village.database, act(0), Override(connected=False, until_s=NOW_S + 100), DAY_S)
    await end_order(village.database, act(50))
    with pytest.raises(Permanent, match="nothing is ordered"):
        await end_order(village.database, act(51))
    await control.tick(at(52))
    assert await reason(village) == "credit"


@pytest.mark.parametrize("seconds", [0, -1, DAY_S + 1])
async def test_an_order_without_an_end_within_the_limit_is_refused(
    village: Village, seconds: int
) -> None:
    with pytest.raises(Permanent, match="an override lasts from 1 s to 24 h"):
        await order(
            village.database, act(), Override(connected=True, until_s=NOW_S + seconds), DAY_S
        )


async def test_a_critical_supply_is_not_ordered_off(open_village: OpenVillage) -> None:
    village = await open_village("gpio:0", critical=True)
    with pytest.raises(Permanent, match="is critical and is never switched off by an order"):
        await order(village.database, act(), Override(connected=False, until_s=NOW_S + 9), DAY_S)


async def test_emergency_credit_is_given_once_and_again_after_it_is_paid_back(
    village: Village,
) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays}, QUICK)
    await village.set_balance(0)
    await control.tick(at(0))
    await take_emergency_credit(village.database, act(1), 500, 0)
    await control.tick(at(2))
    assert await reason(village) == "emergency_credit"
    with pytest.raises(Permanent, match="has taken its emergency credit and owes it"):
        await take_emergency_credit(village.database, act(3), 500, -1)
    await village.set_balance(-500)
    await control.tick(at(4))
    assert await reason(village) == "no_credit"
    await village.set_balance(-100)  # a payment, not enough
    await control.tick(at(5))
    with pytest.raises(Permanent, match="has taken its emergency credit"):
        await take_emergency_credit(village.database, act(6), 500, -100)
    await village.set_balance(1)
    await control.tick(at(7))
    await village.set_balance(0)
    await control.tick(at(8))
    assert await reason(village) == "no_credit"
    await take_emergency_credit(village.database, act(9), 500, 0)
    await control.tick(at(10))
    assert relays.history == [("0", one) for one in (False, True, False, True, False, True)]
    assert (await events(village, "emergency_credit"))[1] == (
        "house-0: emergency credit is paid back and there again"
    )


@pytest.mark.parametrize(
    ("amount", "left", "words"),
    [(0, 0, "there is no emergency"), (500, 1, "has 1 stroops left"), (500, None, "not needed")],
)
async def test_emergency_credit_that_is_not_needed_is_refused(
    village: Village, amount: int, left: int | None, words: str
) -> None:
    with pytest.raises(Permanent, match=words):
        await take_emergency_credit(village.database, act(), amount, left)


async def test_a_dispute_keeps_the_supply_on_until_it_is_settled(village: Village) -> None:
    control = village.control({"gpio": Contactors()}, QUICK)
    await village.write("INSERT INTO chain_price VALUES (1, 0, 500, 700, 900, 0, 0)")
    await control.tick(at(0))
    await village.set_balance(-90)
    await open_dispute(village.database, act(1), energy_wh=100)
    await control.tick(at(2))
    assert await reason(village) == "no_credit", "100 Wh at the dearest rate are 90 stroops"
    await open_dispute(village.database, act(3), stroops=1)
    await control.tick(at(4))
    assert await reason(village) == "in_doubt"
    assert "2 disputes were settled" in await close_disputes(village.database, act(5))
    await control.tick(at(6))
    assert await reason(village) == "no_credit"


async def test_energy_cannot_be_disputed_before_there_is_a_price(village: Village) -> None:
    with pytest.raises(Permanent, match="no price is known yet: give what is disputed as"):
        await open_dispute(village.database, act(), energy_wh=100)
    with pytest.raises(Permanent, match="either --wh or --stroops"):
        await open_dispute(village.database, act(), stroops=0)


async def test_three_overloads_in_a_day_wait_for_a_person(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays}, QUICK)
    await village.write("UPDATE meter_point SET load_limit_w = 500")
    await control.tick(at(0))
    now_s = 0
    for _ in range(3):
        await village.set_reading(501, now_s + 1)
        await control.tick(at(now_s + 2))
        assert relays.history[-1] == ("0", False)
        await village.set_reading(0, now_s + 3)
        await control.tick(at(now_s + 301))
        assert relays.history[-1] == ("0", False)
        now_s += 302
        await control.tick(at(now_s))
    supply = await village.supply()
    assert (supply["state"], supply["reason"]) == ("ready_for_reconnection", "overload")
    assert supply["overloads"] == 3
    await reconnect(village.database, act(now_s))
    await control.tick(at(now_s + 1))
    assert relays.history[-1] == ("0", True)
    with pytest.raises(Permanent, match="was not disconnected for overload"):
        await reconnect(village.database, act(now_s))


async def test_an_overload_a_day_after_the_last_is_the_first_again(village: Village) -> None:
    control = village.control({"gpio": Contactors()}, QUICK)
    await village.write("UPDATE meter_point SET load_limit_w = 500")
    await control.tick(at(0))
    for day in range(4):
        await village.set_reading(501, day * (DAY_S + 1) + 1)
        await control.tick(at(day * (DAY_S + 1) + 2))
        await village.set_reading(0, day * (DAY_S + 1) + 3)
        await control.tick(at(day * (DAY_S + 1) + 400))
        assert (await village.supply())["overloads"] == 1


async def test_low_credit_is_told_once_for_each_level(village: Village) -> None:
    settings = SupplySettings(SupplyPolicy(min_switch_s=0), warn_stroops=(500, 100))
    control = village.control({"gpio": Contactors()}, settings)
    for step, balance in enumerate((1000, 499, 499, 520, 99, 0, 600)):
        await village.set_balance(balance)
        await control.tick(at(step))
        await village.control({"gpio": Contactors()}, settings).tick(at(step))
    assert await events(village, "low_credit") == [
        "house-0: credit is low: 499 stroops left",
        "house-0: credit is very low: 99 stroops left",
        "house-0: credit is no longer low: 600 stroops left",
    ]
