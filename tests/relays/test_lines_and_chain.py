"""What happens to a whole village: blackouts, brown-outs, and a chain that asks for too much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.clock import Clock, Machine, Source, Standing
from gateway.domain.signs import SignKind
from gateway.domain.supply import Hold, SupplyPolicy
from gateway.errors import Permanent
from gateway.relays import SupplyControl, SupplySettings, SwitchSettings
from gateway.store.acts import Act
from gateway.store.chain_looks import answer_holds, find_holds
from gateway.store.lock_outs import lock_out
from gateway.store.signs import Turn, save_turns
from gateway.store.status import Status, find_status, mark_status
from tests.relays.conftest import OpenVillage
from tests.relays.village import NOW_S, Contactors, Village, at

HOUR_S = 3600
DAY_S = 86_400
HOUSES = 8
POLICY = SupplyPolicy(min_switch_s=0, stagger_s=10)
QUICK = SupplySettings(POLICY, SwitchSettings(retry_s=0.0))


@pytest.fixture
async def village(open_village: OpenVillage) -> Village:
    village = await open_village(*(f"gpio:{line}" for line in range(HOUSES)))
    await village.set_balance(1000)
    await village.write("INSERT INTO chain_price VALUES (1, 0, 500, 700, 900, 0, 0)")
    return village


@pytest.fixture
def relays() -> Contactors:
    return Contactors()


@pytest.fixture
async def control(village: Village, relays: Contactors) -> SupplyControl:
    control = village.control({"gpio": relays}, QUICK)
    await control.tick(at(0))
    relays.history.clear()
    return control


async def sign(village: Village, kind: SignKind, after_s: int, *, began: bool = True) -> None:
    """What the watch writes; all houses hang on the bus 'main'."""
    await save_turns(village.database, [Turn(kind, "main", began, "as measured")], NOW_S + after_s)


async def reasons(village: Village) -> list[str]:
    rows = await village.database.fetch_all("SELECT reason FROM supply ORDER BY meter_point_id")
    return [row["reason"] for row in rows]


async def held_alarm(village: Village) -> Status | None:
    found = [one for one in await find_status(village.database) if one.name == "supply:held"]
    return found[0] if found else None


def off(*lines: int) -> list[tuple[str, bool]]:
    return [(str(line), False) for line in lines]


def on(*lines: int) -> list[tuple[str, bool]]:
    return [(str(line), True) for line in lines]


async def spend(village: Village, wh: int, *points: int) -> None:
    """The meters of these points counted that, and it is not on the chain yet."""
    for point in points:
        await village.write(
            """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh) VALUES (?, ?, 2, ?)
               ON CONFLICT DO UPDATE SET usage_wh = usage_wh + excluded.usage_wh""",
            NOW_S - NOW_S % 900,
            point,
            wh,
        )
        await village.write(
            """INSERT INTO register (meter_id, read_ms, energy_wh, cumulative_wh, flagged_wh)
               VALUES (?1, ?3, ?2, ?2, 0)
               ON CONFLICT DO UPDATE SET cumulative_wh = cumulative_wh + ?2""",
            point,
            wh,
            NOW_S * 1000,
        )


async def test_in_a_brown_out_nothing_is_switched_but_a_lock_opens(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await sign(village, SignKind.BROWN_OUT, 1)
    await village.set_balance(0)
    await control.tick(at(2))
    assert relays.history == []
    await lock_out(village.database, Act("house-0", "Amina", "smoke", NOW_S + 3))
    await control.tick(at(3))
    assert relays.history == off(0)
    assert await reasons(village) == ["locked_out"] + ["brown_out"] * 7
    await sign(village, SignKind.BROWN_OUT, 4, began=False)
    await control.tick(at(5))
    assert len(relays.history) == 4, "the chain alone took the balance: three in an hour"


async def test_a_plan_waits_for_its_dead_feeder_and_ends_later_by_as_long(
    village: Village, relays: Contactors
) -> None:
    control = village.control({"gpio": relays}, QUICK)
    await village.write(
        "UPDATE chain_meter SET balance = 0, plan = 1, paid_until_s = ?", NOW_S + HOUR_S
    )
    await control.tick(at(1))
    await sign(village, SignKind.FEEDER_DEAD, 600)
    await control.tick(at(600))
    await control.tick(at(2 * HOUR_S))
    assert await reasons(village) == ["plan"] * HOUSES
    await sign(village, SignKind.FEEDER_DEAD, 2 * HOUR_S, began=False)
    await control.tick(at(2 * HOUR_S))
    still_s = HOUR_S + (2 * HOUR_S - 600)
    await control.tick(at(still_s - 1))
    assert relays.history == on(*range(HOUSES))
    await control.tick(at(still_s))
    assert relays.history[HOUSES:] == off(*range(HOUSES))
    (row,) = await village.database.fetch_all("SELECT * FROM dead_time")
    assert tuple(row) == ("main", NOW_S + 600, NOW_S + 2 * HOUR_S)


async def test_a_blackout_is_kept_through_a_restart(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await sign(village, SignKind.FEEDER_DEAD, 10)
    await control.tick(at(20))
    await village.set_balance(0)
    again = village.control({"gpio": relays}, QUICK)
    await again.tick(at(30))
    assert relays.history == on(*range(HOUSES)), "told their state, not switched"
    await sign(village, SignKind.FEEDER_DEAD, 40, began=False)
    await village.control({"gpio": Contactors()}, QUICK).tick(at(50))
    (row,) = await village.database.fetch_all("SELECT * FROM dead_time")
    assert (row["from_s"], row["to_s"]) == (NOW_S + 10, NOW_S + 50)


async def test_a_meter_that_speaks_is_on_no_dead_feeder(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    """The part that ends signs may be away; a reading proves that there is power."""
    await sign(village, SignKind.FEEDER_DEAD, 10)
    await village.set_reading(0, 20, point=3)
    await spend(village, 2000, 3, 4)
    await control.tick(at(21))
    assert relays.history == off(2)


async def test_after_a_blackout_houses_come_back_one_after_the_other_critical_first(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await spend(village, 2000, *range(1, HOUSES + 1))
    await control.tick(at(1))
    assert relays.history == off(*range(HOUSES))
    await sign(village, SignKind.FEEDER_DEAD, 100)
    await control.tick(at(100))
    await village.set_balance(10_000)
    await village.write("UPDATE meter_point SET critical = 1 WHERE meter_point_id = 8")
    await control.tick(at(150))
    assert len(relays.history) == HOUSES
    await sign(village, SignKind.FEEDER_DEAD, 200, began=False)
    came = []
    for second in range(200, 210):
        relays.history.clear()
        await control.tick(at(second))
        came.append([name for name, connected in relays.history if connected])
    assert came == [["7"], ["0"], ["1"], ["2"], ["3"], ["4"], ["5"], ["6"], [], []]


async def test_when_the_computer_comes_back_with_the_power_relays_are_told_in_turn(
    village: Village,
) -> None:
    await village.control({"gpio": Contactors()}, QUICK).tick(at(0))
    await village.write("UPDATE meter_point SET critical = 1 WHERE meter_point_id = 3")
    await spend(village, 2000, 5)
    relays = Contactors()
    settings = replace(QUICK, switching=SwitchSettings(stagger_s=3600))
    await village.control({"gpio": relays}, settings).tick(at(10))
    assert relays.history == [("2", True), ("4", False)]


async def test_the_fourth_disconnection_by_the_chain_waits_for_a_person_on_site(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await village.write("UPDATE chain_meter SET flags = 3")
    await control.tick(at(1))
    assert relays.history == off(0, 1, 2)
    assert await reasons(village) == ["deactivated"] * 3 + ["chain_held"] * 5
    alarm = await held_alarm(village)
    assert alarm is not None
    assert alarm.message.startswith(
        "5 supplies would be disconnected because the chain says so, and wait for a person on "
        "site (house-3, house-4, house-5, house-6, house-7): look at `gateway supply list`"
    )
    await control.tick(at(HOUR_S + 2))
    again = village.control({"gpio": relays}, QUICK)
    await again.tick(at(3 * HOUR_S))
    assert relays.history[3:] == [*off(0, 1, 2), *on(3, 4, 5, 6, 7)], "told again, not switched"
    events = await village.database.fetch_all("SELECT * FROM event WHERE kind = 'chain_held'")
    assert len(events) == 5


async def test_confirmed_ones_go_once_two_endpoints_agree(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await village.write("UPDATE chain_meter SET flags = 3")
    await control.tick(at(1))
    said = await answer_holds(village.database, "Amina", Hold.CONFIRMED, [], NOW_S + 2)
    assert said == [f"house-{slot}" for slot in range(3, HOUSES)]
    await control.tick(at(2))
    assert relays.history == off(0, 1, 2)
    await village.write("INSERT INTO chain_witness SELECT meter_point_id, 2 FROM meter_point")
    await control.tick(at(3))
    assert relays.history == off(*range(HOUSES))
    await control.tick(at(4))
    assert await find_holds(village.database) == []
    alarm = await held_alarm(village)
    assert alarm is not None
    assert alarm.state == "online"


async def test_somebody_may_answer_for_one_endpoint_but_not_for_two_that_disagree(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await village.write("UPDATE chain_meter SET flags = 3")
    await control.tick(at(1))
    await mark_status(village.database, "chain", "alarm", "two servers disagree", NOW_S)
    on_one = Hold.CONFIRMED_ON_ONE
    await answer_holds(village.database, "Amina", on_one, ["house-7"], NOW_S + 2)
    await control.tick(at(2))
    assert relays.history == off(0, 1, 2)
    await mark_status(village.database, "chain", "online", "in reach", NOW_S)
    await control.tick(at(3))
    assert relays.history == off(0, 1, 2, 7)


async def test_who_has_confirmed_may_still_say_that_one_endpoint_is_enough(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await village.write("UPDATE chain_meter SET flags = 3")
    await control.tick(at(1))
    for answer in (Hold.CONFIRMED, Hold.CONFIRMED_ON_ONE):
        assert len(await answer_holds(village.database, "Amina", answer, [], NOW_S + 2)) == 5
    await control.tick(at(2))
    assert relays.history == off(*range(HOUSES))


async def test_a_rejected_one_stays_on_until_the_chain_says_something_else(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await village.write("UPDATE chain_meter SET flags = 3")
    await control.tick(at(1))
    await answer_holds(village.database, "Amina", Hold.REJECTED, [], NOW_S + 2)
    with pytest.raises(Permanent, match="no disconnection waits for that answer"):
        await answer_holds(village.database, "Amina", Hold.REJECTED, [], NOW_S + 2)
    await control.tick(at(30 * DAY_S))
    assert relays.history == off(0, 1, 2)
    await village.write("UPDATE chain_meter SET flags = 1")
    await control.tick(at(30 * DAY_S + 1))
    await control.tick(at(30 * DAY_S + 2))
    assert await find_holds(village.database) == []
    await village.write("UPDATE chain_meter SET flags = 3 WHERE meter_point_id = 8")
    await control.tick(at(30 * DAY_S + 3))
    assert relays.history[-1] == ("7", False), "the first in this hour"


async def test_balances_that_usage_here_explains_are_no_concern_of_anybody(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    """What is used goes to the chain in a batch and comes back as a lower balance."""
    await spend(village, 1200, *range(1, HOUSES + 1))  # at 900 stroops per kWh: 1080
    await control.tick(at(1))
    assert relays.history == off(*range(HOUSES))
    await village.write("UPDATE usage SET claimed_wh = usage_wh")
    await village.set_balance(-80)
    await control.tick(at(2))
    await village.set_balance(500)
    await control.tick(at(3))
    relays.history.clear()
    await spend(village, 600, *range(1, HOUSES + 1))
    await control.tick(at(4))
    assert relays.history == off(*range(HOUSES))
    assert await held_alarm(village) is None


async def test_balances_that_vanish_cost_the_village_three_supplies(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await village.set_balance(0)
    await control.tick(at(1))
    assert relays.history == off(0, 1, 2)
    assert (await reasons(village))[3:] == ["chain_held"] * 5
    await village.set_balance(1000)
    await control.tick(at(2))
    assert relays.history[3:] == on(0, 1, 2)
    assert await reasons(village) == ["credit"] * HOUSES


async def test_supplies_that_nothing_here_switches_make_no_other_one_wait(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await village.write("UPDATE meter_point SET relay = 'none' WHERE meter_point_id <= 4")
    await village.set_balance(0)
    await control.tick(at(1))
    await control.tick(at(2))
    assert relays.history == off(4, 5, 6)
    assert await reasons(village) == ["no_credit"] * 7 + ["chain_held"]


async def test_plans_count_for_seven_days_while_nobody_knows_the_time(
    village: Village, relays: Contactors
) -> None:
    count_s = 0.0
    clock = Clock(machine=Machine(monotonic=lambda: count_s))
    trusted = Standing(
        "boot",
        NOW_S * 1000,
        0,
        anchored_by=Source.NTP,
        trusted_by=Source.NTP,
        since_ms=0,
        untrusted_ms=0,
        wall_offset_ms=0,
    )
    clock.standing = trusted
    control = SupplyControl(QUICK, village.database, clock, {"gpio": relays})
    await village.write(
        "UPDATE chain_meter SET balance = 0, plan = 2, paid_until_s = ?", NOW_S + 30 * DAY_S
    )
    await control.tick(clock.now())
    clock.standing = replace(trusted, trusted_by=None)
    count_s = 7 * DAY_S - 1
    await control.tick(clock.now())
    assert relays.history == on(*range(HOUSES))
    count_s = 7 * DAY_S
    await control.tick(clock.now())
    assert relays.history[HOUSES:] == off(*range(HOUSES))
    clock.standing = trusted
    count_s = 7 * DAY_S + 1
    await control.tick(clock.now())
    assert relays.history[2 * HOUSES :] == on(*range(HOUSES))


async def test_estimated_usage_disconnects_nobody_before_it_is_settled(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    await spend(village, 1200, 1)
    await village.write("UPDATE usage SET estimated_wh = 200")
    await control.tick(at(1))
    assert (relays.history, (await reasons(village))[0]) == ([], "in_doubt")
    # On its way in a batch it is still an estimate; once the chain has it, it counts.
    await village.write("UPDATE usage SET claimed_wh = usage_wh")
    await village.write(
        "INSERT INTO outbox (outbox_id, kind, state, created_s, updated_s) "
        "VALUES (1, 'batch', 'pending', 0, 0)"
    )
    start_s = NOW_S - NOW_S % 900
    await village.write(
        """INSERT INTO batch (outbox_id, site, writer, sequence, from_s, to_s, price_version,
               previous_digest, digest) VALUES (1, 1, '', 1, ?, ?, 1, '', '')""",
        start_s,
        start_s + 900,
    )
    await village.write(
        """INSERT INTO batch_item (outbox_id, meter_point_id, off_peak_wh, standard_wh, peak_wh,
               included_wh) VALUES (1, 1, 0, 0, 1200, 0)"""
    )
    await control.tick(at(2))
    assert (await reasons(village))[0] == "in_doubt"
    await village.write("UPDATE batch SET refused = 0")
    await village.write("UPDATE batch_item SET accepted = 1")
    await village.write("UPDATE outbox SET state = 'confirmed'")
    await village.write(
        "UPDATE chain_meter SET balance = -80, last_read_s = ? WHERE meter_point_id = 1",
        start_s + 900,
    )
    await control.tick(at(3))
    assert relays.history == off(0)


@pytest.mark.parametrize(
    "kind",
    [
        SignKind.NEUTRAL_LOST,
        SignKind.METER_DEAD,
        SignKind.POWER_WHILE_DISCONNECTED,
        SignKind.REGISTER_WENT_BACK,
    ],
)
async def test_a_sign_of_tampering_disconnects_nobody(
    village: Village, control: SupplyControl, relays: Contactors, kind: SignKind
) -> None:
    await save_turns(village.database, [Turn(kind, "house-0", began=True, reason="x")], NOW_S + 1)
    await control.tick(at(2))
    assert relays.history == []
    assert await reasons(village) == ["credit"] * HOUSES


async def test_age_alone_disconnects_nobody(
    village: Village, control: SupplyControl, relays: Contactors
) -> None:
    """Chain away for 180 days: what was last known counts until it is used up."""
    await control.tick(at(180 * DAY_S))
    assert relays.history == []
    await spend(village, 2000, 1)
    await control.tick(at(180 * DAY_S + 1))
    assert relays.history == off(0)
