"""Supply control on a real store: it decides from there, acts on changes, heals and verifies."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.domain.supply import SupplyPolicy
from gateway.relays import SupplySettings
from gateway.store.status import Status, find_status, mark_status
from tests.relays.conftest import OpenVillage
from tests.relays.village import IMPATIENT, NOW_S, PATIENT, Contactors, Village, at

ROOT = Path(__file__).parents[2]
DEADLINE_S = 10.0


@pytest.fixture
async def village(open_village: OpenVillage) -> Village:
    return await open_village("gpio:0", "gpio:1", "gpio:2")


async def alarms(village: Village) -> list[Status]:
    return [one for one in await find_status(village.database) if one.state == "alarm"]


async def test_at_start_every_relay_is_told_its_state_once(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays})
    await control.tick(at(0))
    await control.tick(at(10))
    assert relays.history == [("0", False), ("1", False), ("2", False)]
    assert await village.journal() == [
        (point, "assert", "not_registered", "done") for point in (1, 2, 3)
    ]


async def test_a_payment_reconnects_and_the_end_of_credit_disconnects(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays})
    await control.tick(at(0))
    await village.set_balance(100, point=2)
    await control.tick(at(100))
    await village.set_balance(0, point=2)
    await control.tick(at(200))
    assert relays.history[3:] == [("1", True), ("1", False)]
    assert (await village.journal())[3:] == [
        (2, "reconnect", "credit", "done"),
        (2, "disconnect", "no_credit", "done"),
    ]
    supply = await village.supply(2)
    assert (supply["state"], supply["reason"]) == ("disconnected", "no_credit")


async def test_a_plan_ends_because_time_passes_though_nothing_is_stored(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays})
    await village.set_balance(0)
    await village.write("UPDATE chain_meter SET paid_until_s = ?, plan = 1", NOW_S + 900)
    await control.tick(at(0))
    await control.tick(at(899))
    assert all(connected for _, connected in relays.history)
    await control.tick(at(900))
    assert relays.history[3:] == [("0", False), ("1", False), ("2", False)]
    assert (await village.supply())["reason"] == "plan_ended"


async def test_a_relay_is_not_switched_twice_within_the_least_time(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays})
    await control.tick(at(0))
    await village.set_balance(100, point=1)
    await control.tick(at(1))
    assert (await village.supply())["state"] == "ready_for_reconnection"
    assert ("0", True) not in relays.history
    await control.tick(at(61))
    assert (await village.supply())["state"] == "connected"
    assert relays.history[-1] == ("0", True)


async def test_a_process_killed_before_the_switching_is_healed_by_the_next(
    open_village: OpenVillage, tmp_path: Path
) -> None:
    village = await open_village("gpio:0")
    relays = Contactors()
    await village.set_balance(100)
    await village.control({"gpio": relays}).tick(at(0))
    await village.set_balance(0)
    await village.database.close()
    script = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.relays.village import Village, at

class Dies:
    async def switch(self, name, *, connected):
        if not connected:
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    village = await Village.open(Path(sys.argv[1]), "gpio:0")
    await village.control({"gpio": Dies()}).tick(at(100))

asyncio.run(main())
"""
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    village = await open_village("gpio:0")
    assert (await village.supply())["state"] == "disconnected"
    assert relays.history == [("0", True)]
    await village.control({"gpio": relays}).tick(at(200))
    assert relays.history == [("0", True), ("0", False)]
    assert (await village.journal())[-1] == (1, "assert", "no_credit", "done")


async def test_a_relay_that_fails_does_not_stop_the_others_and_is_tried_again(
    village: Village,
) -> None:
    relays = Contactors()
    relays.stuck.add("1")
    control = village.control({"gpio": relays})
    await village.set_balance(100)
    await control.tick(at(0))
    await control.tick(at(1))
    assert relays.history == [("0", True), ("2", True)]
    assert (2, "reconnect", "credit", "failed") in await village.journal()
    (alarm,) = await alarms(village)
    assert alarm.name == "relay:house-1"
    assert alarm.message == (
        "house-1: its relay did not switch (line 1 is in use by another program); it is tried again"
    )
    relays.stuck.clear()
    await control.tick(at(2))
    assert relays.history[-1] == ("1", True)
    assert (await village.journal())[-1] == (2, "reconnect", "credit", "done")
    assert [one[3] for one in await village.journal()].count("failed") == 1
    assert await alarms(village) == []


async def test_a_failure_waits_before_it_is_tried_again(village: Village) -> None:
    relays = Contactors()
    relays.stuck.add("0")
    control = village.control({"gpio": relays}, PATIENT)
    await control.tick(at(0))
    relays.stuck.clear()
    await control.tick(at(10))
    assert ("0", False) not in relays.history
    await village.set_balance(100)
    await control.tick(at(20))
    assert ("0", True) in relays.history, "another decision does not wait"


async def test_a_switching_that_the_disk_did_not_take_is_journaled_later(village: Village) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays})
    await village.set_balance(100)
    await village.write(
        """CREATE TRIGGER disk_full BEFORE INSERT ON switch_journal
           BEGIN SELECT RAISE(ABORT, 'no space'); END"""
    )
    with pytest.raises(sqlite3.IntegrityError):
        await control.tick(at(0))
    assert len(relays.history) == 3
    assert await village.journal() == []
    await village.write("DROP TRIGGER disk_full")
    await control.tick(at(10))
    assert await village.journal() == [(one, "reconnect", "credit", "done") for one in (1, 2, 3)]
    times = await village.database.fetch_one("SELECT MAX(at_ms), COUNT(*) FROM switch_journal")
    assert times is not None
    assert tuple(times) == (NOW_S * 1000, 3)  # when it was done, not when there was room for it
    assert len(relays.history) == 3


async def test_a_relay_that_never_answers_does_not_hold_up_the_others(village: Village) -> None:
    relays = Contactors()
    relays.silent.add("0")
    control = village.control({"gpio": relays}, IMPATIENT)
    await control.tick(at(0))
    assert relays.history == [("1", False), ("2", False)]
    (alarm,) = await alarms(village)
    assert "no answer within 0.05 s" in alarm.message


async def test_a_meter_point_without_relay_shows_its_verdict_and_switches_nothing(
    open_village: OpenVillage,
) -> None:
    village = await open_village("none")
    relays = Contactors()
    control = village.control({"gpio": relays})
    await control.tick(at(0))
    await village.set_reading(800, 60)
    await control.tick(at(61))
    supply = await village.supply()
    assert (supply["state"], supply["output"]) == ("disconnected", "unconfirmed")
    assert (relays.history, await village.journal(), await alarms(village)) == ([], [], [])


async def test_a_kind_of_relay_that_nobody_drives_is_an_alarm(open_village: OpenVillage) -> None:
    village = await open_village("node:n1")
    await village.control({}).tick(at(0))
    (alarm,) = await alarms(village)
    assert "there is no driver for relay 'node:n1'" in alarm.message


async def test_power_after_reconnection_confirms_and_no_load_proves_nothing(
    village: Village,
) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays})
    await village.set_balance(100)
    await control.tick(at(0))
    await village.set_reading(0, 30, point=1)
    await village.set_reading(60, 30, point=2)
    await village.set_reading(60, -1, point=3)
    await control.tick(at(31))
    outputs = [(await village.supply(point))["output"] for point in (1, 2, 3)]
    assert outputs == ["unconfirmed", "confirmed", "unconfirmed"]
    await village.set_reading(0, 60, point=2)
    await control.tick(at(61))
    assert (await village.supply(2))["output"] == "confirmed"
    assert len(relays.history) == 3, "nothing is switched again"


async def test_no_power_after_disconnection_confirms(village: Village) -> None:
    control = village.control({"gpio": Contactors()})
    await control.tick(at(0))
    await village.set_reading(0, 30)
    await control.tick(at(31))
    assert (await village.supply())["output"] == "confirmed"


async def test_power_after_disconnection_is_an_event_and_an_alarm_until_it_stops(
    village: Village,
) -> None:
    relays = Contactors()
    control = village.control({"gpio": relays})
    await control.tick(at(0))
    await village.set_reading(75, 30)
    await control.tick(at(31))
    await control.tick(at(32))
    assert (await village.supply())["output"] == "contradicted"
    events = await village.database.fetch_all("SELECT * FROM event")
    assert [(row["kind"], row["meter_point_id"], row["detail"]) for row in events] == [
        ("contradicted", 1, "house-0: 75000 mW flow although the supply is disconnected")
    ]
    (alarm,) = await alarms(village)
    assert "look for a stuck relay or a bypass" in alarm.message
    assert len(relays.history) == 3, "nothing is switched again"
    await village.set_reading(0, 60)
    await control.tick(at(61))
    assert (await village.supply())["output"] == "confirmed"
    assert await alarms(village) == []


async def test_an_alarm_of_an_earlier_process_ends_when_the_relay_obeys(village: Village) -> None:
    relays = Contactors()
    relays.stuck.add("0")
    await village.control({"gpio": relays}).tick(at(0))
    assert len(await alarms(village)) == 1
    await village.control({"gpio": Contactors()}).tick(at(10))
    assert await alarms(village) == []


async def test_readings_right_after_a_switching_prove_nothing(village: Village) -> None:
    control = village.control({"gpio": Contactors()})
    await control.tick(at(0))
    await village.set_reading(75, 4)
    await control.tick(at(5))
    assert (await village.supply())["output"] == "unconfirmed"


async def test_a_node_that_comes_back_is_told_again(open_village: OpenVillage) -> None:
    village = await open_village("node:n1")
    relays = Contactors()
    control = village.control({"node": relays})
    await control.tick(at(0))
    await mark_status(village.database, "node:n1", "online", "reports", NOW_S + 50)
    await control.tick(at(51))
    await control.tick(at(52))
    assert relays.history == [("n1", False), ("n1", False)]
    assert (await village.journal())[-1] == (1, "assert", "not_registered", "done")


async def test_a_critical_supply_is_connected_from_the_start(open_village: OpenVillage) -> None:
    village = await open_village("gpio:0", critical=True)
    relays = Contactors()
    await village.control({"gpio": relays}).tick(at(0))
    assert relays.history == [("0", True)]
    assert (await village.supply())["reason"] == "critical"


async def test_run_follows_what_other_processes_store(open_village: OpenVillage) -> None:
    village = await open_village("gpio:0")
    ledger = await open_village("gpio:0")
    relays = Contactors()
    settings = SupplySettings(policy=SupplyPolicy(min_switch_s=0), every_s=3600.0)
    control = village.control({"gpio": relays}, settings)
    task = asyncio.create_task(control.run())
    try:
        await _until(relays, [("0", False)])
        await ledger.set_balance(100)
        await _until(relays, [("0", False), ("0", True)])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until(relays: Contactors, history: list[tuple[str, bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while relays.history != history:  # noqa: ASYNC110 - what is waited for is at the edge
            await asyncio.sleep(0.01)
