"""Signs on a real store: each begins once and ends once, through restarts and exchanges."""

from __future__ import annotations

from dataclasses import replace

from gateway.clock import Clock
from gateway.clock.trust import begin
from gateway.notices import FeederSettings, NoticeSettings, SignWatch
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.database import Database
from gateway.store.exchanges import exchange_meter
from gateway.store.points import apply_settings
from tests.notices.stage import FEEDER, SETTINGS, Stage, at, labels, set_up
from tests.store.metering import tier_at
from tests.village import START_S, houses

FOUR = labels(4)
HOUSE = FOUR[0]
STEP_S = 10


async def live(
    stage: Stage,
    watch: SignWatch,
    from_s: int,
    to_s: int,
    who: list[str],
    *,
    voltages_mv: dict[str, int] | None = None,
    power_mw: int = 100_000,
    registers_wh: dict[str, int] | None = None,
) -> None:
    """Every ten seconds these meters are read, and somebody looks."""
    for second in range(from_s, to_s, STEP_S):
        for label in who:
            wh = (registers_wh or {}).get(label, 6_000 if label == FEEDER else 1_000)
            voltage_mv = (voltages_mv or {}).get(label, 230_000)
            await stage.read(second, {label: wh}, voltage_mv=voltage_mv, power_mw=power_mw)
        await watch.tick(at(second + 1))


async def test_while_the_time_is_not_known_nobody_is_called_mute(database: Database) -> None:
    stage = await set_up(database, 4)
    clock = Clock()
    watch = SignWatch(SETTINGS, database, clock)
    await stage.line("online")
    await live(stage, watch, 0, 60, [*FOUR, FEEDER])
    clock.standing = begin("boot", 0, 0, START_S * 1000, 0, 0)
    await live(stage, watch, 60, 700, [])
    assert await stage.standing() == []
    clock.standing = None
    await live(stage, watch, 700, 1_400, [*FOUR[1:], FEEDER])
    assert await stage.standing() == [("meter_dead", HOUSE)]


async def test_a_dead_meter_is_told_apart_from_a_dead_feeder(database: Database) -> None:
    stage = await set_up(database, 4)
    watch = stage.watch()
    await stage.line("online")
    await live(stage, watch, 0, 60, [*FOUR, FEEDER])
    await live(stage, watch, 60, 320, [*FOUR[1:], FEEDER])
    assert await stage.standing() == [("meter_dead", HOUSE)]
    assert await stage.events("meter_dead") == [
        "house-01: It is mute while 3 others on the feeder answer: the meter is dead, its line is "
        "cut, or its supply or neutral is off."
    ]
    await live(stage, watch, 320, 400, [*FOUR, FEEDER])
    assert await stage.standing() == []
    await stage.line("offline")
    await live(stage, watch, 400, 700, [])
    assert await stage.standing() == [("feeder_dead", FEEDER)]
    await stage.line("online")
    await live(stage, watch, 700, 760, [*FOUR, FEEDER])
    assert await stage.standing() == []
    assert len(await stage.events("meter_dead")) == 2
    began, ended = await stage.events("feeder_dead")
    assert began.startswith("north: All 4 meters are mute: the feeder has no voltage")
    assert ended == "north: over. 4 of 4 meters answer again."


async def test_a_feeder_is_dead_although_its_own_meter_before_the_breaker_answers(
    database: Database,
) -> None:
    stage = await set_up(database, 4)
    watch = stage.watch()
    await stage.line("online")
    await live(stage, watch, 0, 60, [*FOUR, FEEDER])
    await live(stage, watch, 60, 320, [FEEDER])
    assert await stage.standing() == [("feeder_dead", FEEDER)]


async def test_the_feeders_own_meter_is_dead_while_the_others_answer(database: Database) -> None:
    stage = await set_up(database, 4)
    watch = stage.watch()
    await live(stage, watch, 0, 60, [*FOUR, FEEDER])
    await live(stage, watch, 60, 320, FOUR)
    assert await stage.standing() == [("meter_dead", FEEDER)]


async def test_a_meter_that_was_never_read_is_dead_only_after_a_while(database: Database) -> None:
    stage = await set_up(database, 4)
    watch = stage.watch()
    await live(stage, watch, 0, 120, FOUR)
    assert await stage.standing() == []
    await live(stage, watch, 120, 320, FOUR)
    assert await stage.standing() == [("meter_dead", FEEDER)]


async def test_a_poller_that_is_away_is_no_dead_feeder(database: Database) -> None:
    """The field process was stopped: no line says that it is offline, and nobody reads."""
    stage = await set_up(database, 4)
    watch = stage.watch()
    await stage.line("online")
    await live(stage, watch, 0, 60, [*FOUR, FEEDER])
    await live(stage, watch, 60, 700, [])
    assert await stage.standing() == []


async def test_a_brown_out_begins_and_ends_once(database: Database) -> None:
    stage = await set_up(database, 4, ())
    watch = stage.watch()
    low = dict.fromkeys([*FOUR, FEEDER], 178_000)
    await live(stage, watch, 0, 60, FOUR)
    await live(stage, watch, 60, 160, FOUR, voltages_mv=low)
    assert await stage.standing() == [("brown_out", FEEDER)]
    await live(stage, watch, 160, 220, FOUR, voltages_mv=dict.fromkeys(FOUR, 195_000))
    assert await stage.standing() == [("brown_out", FEEDER)]
    await live(stage, watch, 220, 260, FOUR)
    assert await stage.standing() == []
    assert await stage.events("brown_out") == [
        "north: The feeder has 178 V.",
        "north: over. The feeder has 230 V.",
    ]


async def test_a_lost_neutral_shows_against_the_neighbours(database: Database) -> None:
    stage = await set_up(database, 4, ())
    watch = stage.watch()
    await live(stage, watch, 0, 60, FOUR, voltages_mv={HOUSE: 300_000})
    assert await stage.standing() == [("neutral_lost", HOUSE)]


async def test_a_register_that_went_back_is_told_until_it_has_caught_up(
    database: Database,
) -> None:
    stage = await set_up(database, 4, ())
    watch = stage.watch()
    await live(stage, watch, 0, 60, FOUR)
    await live(stage, watch, 60, 900, FOUR, registers_wh={HOUSE: 996})
    assert await stage.standing() == [("register_went_back", HOUSE)]
    await live(stage, watch, 900, 960, FOUR, registers_wh={HOUSE: 1_001})
    assert await stage.standing() == []


async def test_power_behind_an_open_relay_is_told_only_when_it_was_really_switched(
    database: Database,
) -> None:
    stage = await set_up(database, 4, ())
    await _relay(stage, "gpio:17")
    watch = stage.watch()
    await _decide(stage, "disconnected", decided_s=10, switched_s=None)
    await live(stage, watch, 20, 120, FOUR)
    assert await stage.standing() == []
    await _decide(stage, "disconnected", decided_s=10, switched_s=120)
    await live(stage, watch, 120, 240, FOUR)
    assert await stage.standing() == [("power_while_disconnected", HOUSE)]
    await live(stage, watch, 240, 300, FOUR, power_mw=0)
    assert await stage.standing() == []


async def test_a_restart_in_the_middle_of_a_sign_neither_repeats_nor_forgets_it(
    database: Database,
) -> None:
    stage = await set_up(database, 4)
    await live(stage, stage.watch(), 0, 60, [*FOUR, FEEDER])
    await live(stage, stage.watch(), 60, 320, [*FOUR[1:], FEEDER])
    again = stage.watch()
    await live(stage, again, 320, 360, [*FOUR[1:], FEEDER])
    assert await stage.standing() == [("meter_dead", HOUSE)]
    assert len(await stage.events("meter_dead")) == 1
    await live(stage, stage.watch(), 360, 420, [*FOUR, FEEDER])
    assert await stage.standing() == []
    assert len(await stage.events("meter_dead")) == 2


async def test_a_dead_meter_that_is_exchanged_ends_its_sign(database: Database) -> None:
    stage = await set_up(database, 4, ())
    watch = stage.watch()
    await live(stage, watch, 0, 60, FOUR)
    await live(stage, watch, 60, 320, FOUR[1:])
    assert await stage.standing() == [("meter_dead", HOUSE)]
    old = OldMeter(None, 0, "operator")
    await exchange_meter(
        database, Exchange(HOUSE, START_S + 330, old, NewMeter("PZEM-0777", 0)), tier_at
    )
    await stage.learn()
    await live(stage, watch, 340, 400, FOUR, registers_wh={HOUSE: 0})
    assert await stage.standing() == []
    assert len(await stage.events("meter_dead")) == 2


async def test_a_sign_of_what_is_watched_no_more_ends(database: Database) -> None:
    stage = await set_up(database, 4, ())
    watch = stage.watch()
    await live(stage, watch, 0, 60, FOUR)
    await live(stage, watch, 60, 320, FOUR[1:])
    await apply_settings(database, houses(4)[1:], START_S)
    await live(stage, watch, 320, 330, FOUR[1:])
    assert await stage.standing() == []
    assert (await stage.events("meter_dead"))[1] == "house-01: over. It is not watched any more."


async def test_without_feeders_a_bus_is_one_and_a_node_is_on_none(database: Database) -> None:
    nothing = NoticeSettings()
    node = replace(
        houses(5)[4], label="school", serial="node/school", model="node", address="node/school"
    )
    stage = await set_up(database, 4, [node])
    watch = stage.watch(nothing)
    await stage.line("online", "broker")
    await stage.line("offline")
    await live(stage, watch, 0, 60, [*FOUR, "school"])
    await live(stage, watch, 60, 320, [])
    assert await stage.standing() == [("feeder_dead", "main")]


async def test_a_village_of_another_voltage_has_another_brown_out(database: Database) -> None:
    stage = await set_up(database, 4, ())
    feeder = SETTINGS.feeders[0]
    low = replace(feeder.signs, brown_out_mv=96_000, restored_mv=105_600)
    settings = NoticeSettings((FeederSettings(FEEDER, signs=low),))
    watch = stage.watch(settings)
    await live(stage, watch, 0, 100, FOUR, voltages_mv=dict.fromkeys(FOUR, 118_000))
    assert await stage.standing() == []


async def _relay(stage: Stage, relay: str) -> None:
    async with stage.database.transaction() as connection:
        await connection.execute(
            "UPDATE meter_point SET relay = :relay WHERE label = :label",
            {"relay": relay, "label": HOUSE},
        )


async def _decide(stage: Stage, state: str, decided_s: int, switched_s: int | None) -> None:
    async with stage.database.transaction() as connection:
        await connection.execute(
            """INSERT OR REPLACE INTO supply
               (meter_point_id, state, reason, decided_ms, switched_ms, output, output_ms) VALUES
               (:point, :state, 'credit', :decided, :switched, 'unconfirmed', 0)""",
            {
                "point": stage.points[HOUSE].meter_point_id,
                "state": state,
                "decided": (START_S + decided_s) * 1_000,
                "switched": None if switched_s is None else (START_S + switched_s) * 1_000,
            },
        )
