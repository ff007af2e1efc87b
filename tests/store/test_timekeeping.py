"""The village's time on a machine that lies: who is trusted, and that it never goes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.clock import Clock, Machine
from gateway.clock.trust import BACK_MS, BUILT_MS, Seen, Setting, Source, begin, judge
from gateway.store.clock import append_setting
from gateway.store.database import Database
from gateway.store.status import find_status
from gateway.store.timekeeping import (
    HEARTBEAT_MS,
    TRUSTED_HEARTBEAT_MS,
    ClockFollower,
    ClockKeeper,
)
from tests.machine import Y2K_S, World

TRUE_S = 1_800_000_000.0
HOUR_S, DAY_S, YEAR_S = 3_600, 86_400, 31_557_600


@dataclass
class Gateway:
    """A world, a store and a clock that is kept in it."""

    world: World
    database: Database
    clock: Clock
    keeper: ClockKeeper

    @classmethod
    def start(cls, world: World, database: Database) -> Gateway:
        """As the process starts; it has not looked yet."""
        clock = Clock(machine=world.machine)
        return cls(world, database, clock, ClockKeeper(database, clock))

    def again(self) -> Gateway:
        """The process is started again."""
        return self.start(self.world, self.database)

    async def look(self) -> None:
        """One look."""
        await self.keeper.tick(self.clock.now())

    async def run(self, duration_s: float, every_s: float = 60) -> None:
        """Time passes, and the keeper looks."""
        end_s = self.world.true_s + duration_s
        while self.world.true_s < end_s:
            self.world.run(min(every_s, end_s - self.world.true_s))
            await self.look()

    @property
    def state(self) -> tuple[Source | None, float]:
        """Who is trusted, and how far the village's time is from the truth, s."""
        return self.source, self.error_s

    @property
    def error_s(self) -> float:
        """How far the village's time is from the truth."""
        return self.clock.now_s() - self.world.true_s

    @property
    def source(self) -> Source | None:
        """Who is trusted."""
        assert self.clock.standing is not None
        return self.clock.standing.trusted_by

    async def says(self) -> tuple[str, str]:
        """The status that people see."""
        (one,) = [one for one in await find_status(self.database) if one.name == "clock"]
        return one.state, one.message

    async def see_ledger(self, closed_s: float) -> None:
        """The settlement process writes down that it saw a ledger."""
        async with self.database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO chain_cursor VALUES ('C', 'x', 1, ?)", (int(closed_s),)
            )


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    database = await Database.open(tmp_path / "usage.db")
    (tmp_path / "rtc").mkdir()
    yield Gateway.start(World(tmp_path / "rtc", TRUE_S, Y2K_S), database)
    await database.close()


async def known(gateway: Gateway) -> None:
    """NTP has told the time, and is gone for good."""
    gateway.world.synchronise()
    await gateway.look()
    gateway.world.lose_ntp()
    await gateway.look()


def test_this_machine_s_kernel_answers() -> None:
    machine = Machine()
    state, status = machine.kernel()
    assert 0 <= state <= 5
    assert status >= 0
    assert machine.boot()
    assert 0 < machine.monotonic() < machine.wall()


def test_a_kernel_that_tells_nothing_is_not_synchronised() -> None:
    def refuse() -> tuple[int, int]:
        raise PermissionError

    assert not Machine(kernel=refuse).is_synchronised()


async def test_before_anybody_told_the_time_nobody_is_trusted(gateway: Gateway) -> None:
    await gateway.look()
    assert gateway.clock.trust() == (False, 0)
    assert gateway.clock.now_s() == BUILT_MS / 1000
    state, message = await gateway.says()
    assert state == "alarm"
    assert "gateway clock set" in message
    gateway.world.run(90)
    assert gateway.clock.trust() == (False, 90)


async def test_ntp_is_trusted_and_followed(gateway: Gateway) -> None:
    gateway.world.synchronise()
    await gateway.look()
    assert gateway.state == (Source.NTP, 0)
    assert await gateway.says() == ("online", "the time is right, by NTP")
    gateway.world.true_s += 1_800  # the crystal is a bad one
    gateway.world.wall_s += 1_800
    await gateway.look()
    assert gateway.state == (Source.NTP, 0)


async def test_ntp_blocked_for_thirty_days_changes_nothing(gateway: Gateway) -> None:
    await known(gateway)
    await gateway.run(30 * DAY_S, every_s=HOUR_S)
    assert gateway.clock.trusted
    assert gateway.error_s == 0


@pytest.mark.parametrize("jump_s", [-20 * YEAR_S, -HOUR_S, 60, HOUR_S, 9 * YEAR_S])
async def test_a_jump_without_ntp_moves_no_village_s_time_and_ends_trust(
    gateway: Gateway, jump_s: float
) -> None:
    await known(gateway)
    before_s = gateway.clock.now_s()
    gateway.world.wall_s += jump_s
    await gateway.look()
    assert gateway.clock.now_s() == before_s
    assert gateway.clock.trust() == (False, 0)
    assert "moved by" in (await gateway.says())[1]
    await gateway.run(HOUR_S)
    assert gateway.error_s == 0  # counted on, only in doubt
    assert gateway.clock.trust() == (False, HOUR_S)
    assert "moved" in (await gateway.says())[1]
    gateway.world.synchronise()
    await gateway.look()
    assert gateway.state == (Source.NTP, 0)


@pytest.mark.parametrize("jump_s", [-20 * YEAR_S, 9 * YEAR_S])
async def test_a_jump_while_the_process_was_down_is_seen(gateway: Gateway, jump_s: float) -> None:
    await known(gateway)
    gateway.world.wall_s += jump_s
    again = gateway.again()
    await again.look()
    assert again.source is None
    assert again.error_s == 0


@pytest.mark.parametrize("wall_s", [Y2K_S, 0, TRUE_S - YEAR_S, TRUE_S + 9 * YEAR_S])
async def test_a_boot_without_ntp_goes_on_from_the_last_instant_and_never_back(
    gateway: Gateway, wall_s: float
) -> None:
    await known(gateway)
    await gateway.run(HOUR_S)
    last_s = gateway.clock.now_s()
    gateway.world.restart(off_s=DAY_S, wall_s=wall_s)
    again = gateway.again()
    await again.look()
    assert again.source is None
    assert last_s - 300 <= again.clock.now_s() <= last_s  # since the last write
    await again.run(600)
    assert again.clock.trust() == (False, 600)
    assert again.error_s < 0


async def test_a_restart_of_the_process_in_one_boot_keeps_trust(gateway: Gateway) -> None:
    await known(gateway)
    gateway.world.run(7_000)
    again = gateway.again()
    await again.look()
    assert again.state == (Source.NTP, 0)


async def test_untrusted_time_adds_up_over_boots(gateway: Gateway) -> None:
    await known(gateway)
    for boot in range(1, 4):
        gateway.world.restart(off_s=HOUR_S)
        gateway = gateway.again()
        await gateway.look()
        await gateway.run(DAY_S, every_s=60)
        untrusted_s = gateway.clock.trust()[1]
        assert boot * DAY_S - boot * 300 <= untrusted_s <= boot * DAY_S


async def test_an_rtc_is_trusted_when_it_can_be_right(gateway: Gateway) -> None:
    await known(gateway)
    gateway.world.restart(off_s=DAY_S)
    gateway.world.put_rtc(gateway.world.true_s)
    again = gateway.again()
    await again.look()
    assert again.source is Source.RTC
    assert abs(again.error_s) < 1


@pytest.mark.parametrize(
    "says_s", [0, Y2K_S, TRUE_S - DAY_S, TRUE_S + 200 * DAY_S], ids=["1970", "2000", "back", "far"]
)
async def test_an_rtc_that_cannot_be_right_is_not_trusted(gateway: Gateway, says_s: float) -> None:
    await known(gateway)
    gateway.world.restart(off_s=DAY_S)
    gateway.world.put_rtc(says_s)
    again = gateway.again()
    await again.look()
    assert again.source is None


async def test_an_rtc_that_did_not_set_the_system_is_not_asked(gateway: Gateway) -> None:
    gateway.world.put_rtc(TRUE_S, hctosys="0")
    await gateway.look()
    assert gateway.source is None


async def test_a_ledger_just_seen_tells_the_time_and_an_old_one_does_not(gateway: Gateway) -> None:
    await known(gateway)
    await gateway.see_ledger(gateway.world.true_s)
    gateway.world.restart(off_s=3 * DAY_S)
    again = gateway.again()
    await again.look()
    await again.run(120)
    assert again.source is None  # what is in the store is from before
    await again.see_ledger(again.world.true_s - 5)
    await again.look()
    assert again.source is Source.LEDGER
    assert again.error_s == -5


async def test_a_ledger_far_from_everything_known_is_not_believed(gateway: Gateway) -> None:
    await known(gateway)
    gateway.world.restart(off_s=3 * DAY_S)
    again = gateway.again()
    await again.look()
    await again.see_ledger(again.world.true_s + 60 * DAY_S)
    await again.look()
    assert again.source is None
    gateway.world.restart(off_s=60)  # and it moves the floor by no more than a day
    third = again.again()
    await third.look()
    assert third.error_s < DAY_S


async def test_ledger_and_rtc_confirm_time_in_doubt_only_if_they_agree(gateway: Gateway) -> None:
    await known(gateway)
    await gateway.see_ledger(TRUE_S - 100)
    await gateway.look()
    gateway.world.wall_s += 5 * YEAR_S
    gateway.world.put_rtc(TRUE_S + DAY_S)
    await gateway.look()
    assert gateway.source is None
    await gateway.see_ledger(TRUE_S - 20)
    await gateway.look()
    assert gateway.state == (Source.LEDGER, 0)


async def test_an_operator_sets_the_time_and_it_is_journaled(gateway: Gateway) -> None:
    await gateway.look()
    world = gateway.world
    monotonic_ms = int(world.monotonic_s * 1000)
    at_ms = int(world.true_s * 1000)
    await append_setting(gateway.database, "boot-1", at_ms, monotonic_ms, "Amina", far=False)
    await gateway.run(60)
    assert gateway.state == (Source.OPERATOR, 0)
    row = await gateway.database.fetch_one("SELECT detail FROM event WHERE kind = 'clock-set'")
    assert row is not None
    assert row["detail"] == "Amina set the clock"
    world.synchronise()
    await gateway.look()
    assert gateway.source is Source.NTP


async def test_a_setting_of_another_boot_says_nothing(gateway: Gateway) -> None:
    await gateway.look()
    await append_setting(gateway.database, "boot-0", int(TRUE_S * 1000), 0, "Amina", far=False)
    await gateway.look()
    assert gateway.source is None


async def test_ntp_an_hour_behind_what_was_reached_is_waited_for(gateway: Gateway) -> None:
    """An operator was an hour ahead: time stands still, readings wait, and NTP is trusted then."""
    await gateway.look()
    await append_setting(
        gateway.database, "boot-1", int((TRUE_S + HOUR_S) * 1000), 30_000, "Amina", far=False
    )
    await gateway.look()
    assert gateway.error_s == HOUR_S
    gateway.world.synchronise()
    await gateway.look()
    reached_s = gateway.clock.now_s()
    assert gateway.source is None
    await gateway.run(HOUR_S - BACK_MS / 1000 - 1, every_s=10)
    assert gateway.source is None
    assert gateway.clock.now_s() == reached_s
    await gateway.run(120, every_s=10)
    assert gateway.state == (Source.NTP, 0)


async def test_ntp_that_leaves_its_own_word_needs_another_source(gateway: Gateway) -> None:
    gateway.world.synchronise()
    await gateway.look()
    await gateway.see_ledger(TRUE_S)
    await gateway.look()
    gateway.world.wall_s += 90 * DAY_S
    for _ in range(3):
        await gateway.look()
        assert gateway.source is None
        assert gateway.error_s == 0
    await gateway.see_ledger(TRUE_S + 90 * DAY_S)
    await gateway.look()
    assert gateway.source is Source.NTP


async def test_ntp_corrects_by_days_what_an_operator_has_set(gateway: Gateway) -> None:
    await gateway.look()
    early_ms = int((TRUE_S - 9 * DAY_S) * 1000)
    await append_setting(gateway.database, "boot-1", early_ms, 30_000, "Amina", far=False)
    await gateway.look()
    assert gateway.source is Source.OPERATOR
    gateway.world.synchronise()
    await gateway.look()
    assert gateway.state == (Source.NTP, 0)


async def test_a_kernel_that_may_not_be_asked_is_named(gateway: Gateway) -> None:
    def refuse() -> tuple[int, int]:
        raise PermissionError

    gateway.clock.machine = replace(gateway.clock.machine, kernel=refuse)
    await gateway.look()
    assert "ProtectClock=" in (await gateway.says())[1]


async def test_ntp_years_off_is_not_believed_and_said(gateway: Gateway) -> None:
    await known(gateway)
    for lie_s in (-3 * YEAR_S, 3 * YEAR_S):
        gateway.world.synchronise()
        await gateway.look()
        gateway.world.wall_s = gateway.world.true_s + lie_s
        await gateway.look()
        assert gateway.source is None
        assert gateway.error_s == 0
        assert "too far" in (await gateway.says())[1]


async def test_the_other_processes_show_the_same_time(gateway: Gateway) -> None:
    other = Clock(machine=gateway.world.machine)
    follower = ClockFollower(gateway.database, other)
    await follower.tick(other.now())
    assert other.trust() == (False, 0)  # the field process has not run yet
    await known(gateway)
    await follower.tick(other.now())
    assert (other.trusted, other.now_s()) == (True, gateway.clock.now_s())
    gateway.world.wall_s -= YEAR_S
    await gateway.look()
    await follower.tick(other.now())
    gateway.world.run(1_000)
    assert other.trust() == gateway.clock.trust() == (False, 1_000)
    assert other.now_s() == gateway.clock.now_s()


ACTS = st.sampled_from(["run", "ntp", "no ntp", "jump", "restart", "process", "rtc", "ledger"])


@settings(max_examples=30, deadline=None)
@example([("ntp", 0), ("run", 301), ("restart", 0)])
@given(st.lists(st.tuples(ACTS, st.integers(-10 * YEAR_S, 10 * YEAR_S)), max_size=25))
async def test_law_time_never_goes_back(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("clock")
    database = await Database.open(folder / "usage.db")
    try:
        gateway = Gateway.start(World(folder, TRUE_S, Y2K_S), database)
        shown_s = 0.0
        for act, number in acts:
            world = gateway.world
            match act:
                case "run":
                    world.run(abs(number) % (3 * DAY_S))
                case "ntp":
                    world.synchronise()
                case "no ntp":
                    world.lose_ntp()
                case "jump":
                    world.wall_s += number
                case "restart":
                    world.restart(abs(number) % YEAR_S, wall_s=TRUE_S + number)
                    # Nothing is read here, so the last heartbeat is all that is known of the time.
                    beat_ms = TRUSTED_HEARTBEAT_MS if gateway.clock.trusted else HEARTBEAT_MS
                    shown_s = max(0.0, shown_s - beat_ms / 1_000)
                    gateway = gateway.again()
                case "process":
                    gateway = gateway.again()
                case "rtc":
                    world.put_rtc(world.true_s + number)
                case _:
                    await gateway.see_ledger(max(1, world.true_s + number % (2 * DAY_S)))
            await gateway.look()
            assert gateway.clock.now_s() >= shown_s
            shown_s = gateway.clock.now_s()
    finally:
        await database.close()


@given(st.integers(0, 10**12), st.booleans())
def test_an_overruled_setting_is_never_taken_up_later(offset_ms: int, far: bool) -> None:  # noqa: FBT001 - hypothesis
    standing = begin("b", 0, 0, BUILT_MS + 1, 0, 0)
    seen = Seen(1_000, BUILT_MS + 5_000, synchronised=True, setting=Setting(7, offset_ms, far))
    assert judge(standing, seen).standing.setting_id == 7
    assert judge(standing, seen).standing.trusted_by is Source.NTP
