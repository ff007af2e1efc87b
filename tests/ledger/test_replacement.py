"""A gateway that begins with nothing: totals adopted, registers confirmed, nothing billed twice."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import Keypair

from gateway.__main__ import main
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.domain.replacing import ChainMeter, begin
from gateway.domain.tariffs import DEFAULT_BANDS, TimeBands
from gateway.ledger.contracts import meter
from gateway.ledger.keys import SigningKey
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.points import find_points
from gateway.store.settlement import find_pending
from tests.commands.stored import gateway
from tests.ledger.localnet import PASSPHRASE
from tests.ledger.verdict import facts
from tests.ledger.village import (
    HOUR_S,
    MAX_POWER_W,
    START_S,
    Village,
    at,
    settlement_status,
    use,
)

LOST_S = START_S + 2 * HOUR_S
FIRST_WH = (1_000, 2_000, None)
USED_WH = (300, 400, 500)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_law_only_what_can_have_flowed_is_billed(
    first_wh: int, register_wh: int, chain_wh: int, away_s: int
) -> None:
    meter = ChainMeter("house", 1, 1, chain_wh, 0, MAX_POWER_W, first_wh, None)
    found = begin(meter, register_wh, away_s)
    between_wh = register_wh - first_wh - chain_wh
    assert found.estimate_wh + found.doubtful_wh == between_wh
    assert 0 <= found.estimate_wh <= MAX_POWER_W * away_s // 3600
    assert not (found.estimate_wh and found.doubtful_wh)


def config_of(village: Village, name: str) -> Path:
    """The configuration of a new card: the same meter points, nothing else."""
    secret = Keypair.random()
    key_file = village.folder / "key"
    key_file.write_text(secret.secret)
    key_file.chmod(0o600)
    village.localnet.fund(secret.public_key)
    path = village.folder / "gateway.toml"
    time_s = village.localnet.time_s()
    path.write_text(
        f"""
        [gateway]
        name = "test"
        site = {village.settings.site}
        database = "{village.folder / name}"
        [clock]
        origin_s = {time_s}
        wall_s = 0
        factor = 1e-9
        [chain]
        network = "local"
        passphrase = "{PASSPHRASE}"
        rpc = ["{village.localnet.url}"]
        contract_id = "{village.settings.contract}"
        key_file = "{key_file}"
        [[bus]]
        name = "bus"
        port = "/dev/null"
        """
        + "".join(
            f"""
        [[meter_point]]
        label = "house-{slot}"
        slot = {slot}
        bus = "bus"
        unit_id = {slot + 1}
        serial = "meter-{slot}"
        max_power_w = {MAX_POWER_W}
        {"" if first is None else f"first_register_wh = {first}"}
        """
            for slot, first in enumerate(FIRST_WH)
        )
    )
    return path


async def lost_village(village: Village, name: str = "new.db") -> Path:
    """Two hours were settled, the card is gone; returns the configuration of the next one."""
    database = await village.open("lost.db")
    for slot, wh in enumerate(USED_WH):
        use(database, slot, START_S, wh)
    await village.settle(database, LOST_S)
    village.localnet.advance(HOUR_S)
    path = config_of(village, name)
    secret = (village.folder / "key").read_text()
    await village.allow(SigningKey(Keypair.from_secret(secret)))
    return path


async def command(*arguments: str) -> int:
    """Run the command as a person does."""
    return await asyncio.to_thread(main, ["replace-gateway", *arguments])


def registers(village: Village, *lines: str) -> str:
    """What a person wrote down, walking from meter to meter."""
    path = village.folder / "registers.csv"
    path.write_text("label,register_wh\n" + "\n".join(lines) + "\n")
    return str(path)


async def test_a_new_card_adopts_what_the_chain_has_and_bills_the_rest_as_an_estimate(
    village: Village, capsys: pytest.CaptureFixture[str]
) -> None:
    """House 0 used 25 Wh since, house 1 nothing; nobody knows where house 2's register began."""
    path = await lost_village(village)
    told = registers(village, "house-0,1325", "house-1,2400", "house-2,90000")
    assert await command("--config", str(path), "--registers", told, "--yes") == 0
    said = capsys.readouterr().out
    assert "house-0: 300 Wh on the chain, register 1325 Wh: 25 Wh used since" in said
    assert "house-2: 500 Wh on the chain, register 90000 Wh; what it used since" in said

    database = await Database.open(village.folder / "new.db")
    assert await find_pending(database, village.settings.site) == {0: 25, 1: 0, 2: 0}
    assert estimated(database) == {0: 25}
    await read_on(database, village, {0: 1_325 + 40, 1: 2_400 + 50, 2: 90_000 + 60})
    second = village.localnet.time_s() + 2 * HOUR_S
    secret = SigningKey(Keypair.from_secret((village.folder / "key").read_text()))
    await village.with_key(secret).settle(database, second)
    found = facts(village, database)
    assert [found[slot].chain_wh for slot in range(3)] == [300 + 25 + 40, 450, 560]
    assert (await settlement_status(database)).state == "online"
    await database.close()
    for slot in range(3):
        proof = ["verify", "--config", str(path), "--settlement", "--meter", f"house-{slot}"]
        process = await asyncio.create_subprocess_exec(*gateway(*proof, "--online"))
        assert await process.wait() == 0


async def read_on(database: Database, village: Village, shown_wh: dict[int, int]) -> None:
    """The new gateway reads its meters, a while later."""
    points = await find_points(database)
    now = at(village.localnet.time_s() + 600)
    tier_at = TimeBands(UTC, DEFAULT_BANDS).tier_at
    clock = Clock(village.localnet.time_s() + 600, 0, 1e-9)
    intake = Intake(IntakeSettings(10), points, tier_at, database, clock)
    for point in points:
        wh = shown_wh[point.slot]
        intake.offer(Reading(point.meter_id, now, wh, 230_000, 0, 0, 50_000, 0))
    await intake.tick(now)


def estimated(database: Database) -> dict[int, int]:
    """Usage that is flagged as an estimate, Wh by slot."""
    with closing(sqlite3.connect(database.path)) as file:
        return dict(
            file.execute(
                """SELECT slot, SUM(estimated_wh) FROM usage JOIN meter_point USING (meter_point_id)
                   GROUP BY slot HAVING SUM(estimated_wh) > 0"""
            ).fetchall()
        )


async def test_what_cannot_have_flowed_is_told_and_not_billed(
    village: Village, capsys: pytest.CaptureFixture[str]
) -> None:
    path = await lost_village(village)
    told = registers(village, "house-0,9999999", "house-1,2100", "house-2,5")
    assert await command("--config", str(path), "--registers", told, "--yes") == 0
    said = capsys.readouterr().out
    assert said.count("can't have flowed") == 2
    database = await Database.open(village.folder / "new.db")
    assert await find_pending(database, village.settings.site) == {0: 0, 1: 0, 2: 0}
    await database.close()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("house-0,1300",), "house-1: say what its register shows now"),
        (("house-9,1300",), "house-9: no meter point"),
        (("house-0,-4", "house-1,2400"), "line 2: write LABEL,WH"),
        (("house-0,1,5", "house-0,1"), "line 2: write LABEL,WH"),
        (("house-0,1", "house-0,1"), "line 3: house-0 was named before"),
    ],
)
async def test_a_list_with_a_mistake_changes_nothing(
    village: Village, capsys: pytest.CaptureFixture[str], lines: tuple[str, ...], words: str
) -> None:
    path = await lost_village(village)
    told = registers(village, *lines)
    assert await command("--config", str(path), "--registers", told, "--yes") == 1
    assert words in capsys.readouterr().err
    database = await Database.open(village.folder / "new.db")
    assert await find_open(database) is None
    await database.close()


async def test_it_asks_meter_by_meter_and_nobody_there_changes_nothing(
    village: Village, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = await lost_village(village)
    answers = iter(["1.3 kWh", "1300", "2400", "", "n"])
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    assert await command("--config", str(path)) == 1
    found = capsys.readouterr()
    assert "write whole Wh" in found.out
    assert "nothing was changed" in found.err
    answers = iter(["1300", "2400", "", "y"])
    assert await command("--config", str(path)) == 0


async def test_it_may_be_cut_short_and_asked_for_again(
    village: Village, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registers are confirmed, then the key turns out not to be allowed."""
    path = await lost_village(village)
    key = SigningKey(Keypair.from_secret((village.folder / "key").read_text()))
    contract, site = village.settings.contract, village.settings.site
    await village.do(meter.disallow(contract, site, key.address))
    told = registers(village, "house-0,1325", "house-1,2400", "house-2,90000")
    assert await command("--config", str(path), "--registers", told, "--yes") == 1
    assert "has to allow it" in capsys.readouterr().err
    await village.allow(key)
    assert await command("--config", str(path), "--yes") == 0
    database = await Database.open(village.folder / "new.db")
    assert await find_pending(database, site) == {0: 25, 1: 0, 2: 0}
    await database.close()


async def test_a_gateway_that_settles_already_has_nothing_to_replace(
    village: Village, capsys: pytest.CaptureFixture[str]
) -> None:
    path = await lost_village(village)
    told = registers(village, "house-0,1325", "house-1,2400", "house-2,90000")
    assert await command("--config", str(path), "--registers", told, "--yes") == 0
    assert await command("--config", str(path), "--yes") == 1
    assert "settles for the site already" in capsys.readouterr().err


async def test_a_restored_backup_goes_on_by_the_same_command(
    village: Village, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has counted its meters itself, so nobody has to read a register."""
    database = await village.open("lost.db")
    for slot, wh in enumerate(USED_WH):
        use(database, slot, START_S, wh)
    await village.settle(database, LOST_S)
    with (
        closing(sqlite3.connect(database.path)) as source,
        closing(sqlite3.connect(village.folder / "new.db")) as copy,
    ):
        source.backup(copy)
    use(database, 0, START_S + HOUR_S, 70)
    await village.settle(database, LOST_S + HOUR_S)
    path = config_of(village, "new.db")
    key = SigningKey(Keypair.from_secret((village.folder / "key").read_text()))
    await village.allow(key)
    assert await command("--config", str(path), "--yes") == 0
    assert "counted every meter itself" in capsys.readouterr().out
    restored = await Database.open(village.folder / "new.db")
    assert facts(village, restored)[0].ahead_wh == 70
    await restored.close()
