"""Signs of faults and tampering: each begins once and ends once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.diagnosis import Sign, State, diagnose
from gateway.domain.signs import Limits, MeterFacts, SignKind

LIMITS = Limits()
NOW = 1_700_000_000


class Feeder:
    """Four meters, read every ten seconds, and every sign that was given."""

    def __init__(self, meters: int = 4) -> None:
        self.now_s = NOW
        self.state: State = {}
        self.meters = [
            MeterFacts(number, NOW, 230_000, 1_000, 200_000, connected=True, switched_s=NOW - 900)
            for number in range(meters)
        ]
        self.mute: set[int] = set()
        self.signs: list[Sign] = []

    def change(self, number: int, **changed: int | bool | None) -> None:
        """Something is different from now on."""
        self.meters[number] = replace(self.meters[number], **changed)  # type: ignore[arg-type]

    def wait(self, seconds: int) -> list[tuple[SignKind, int | None, bool]]:
        """The signs given meanwhile."""
        before = len(self.signs)
        for _ in range(seconds // 10):
            self.now_s += 10
            for number in range(len(self.meters)):
                if number not in self.mute:
                    self.change(number, seen_s=self.now_s)
            self.state, signs = diagnose(self.state, self.meters, self.now_s, LIMITS)
            self.signs += signs
        return [(sign.kind, sign.meter_id, sign.began) for sign in self.signs[before:]]


def test_a_feeder_without_faults_gives_no_sign_and_keeps_no_state() -> None:
    feeder = Feeder()
    assert feeder.wait(3_600) == []
    assert feeder.state == {}


def test_one_mute_meter_is_dead_and_comes_back() -> None:
    feeder = Feeder()
    feeder.mute = {2}
    assert feeder.wait(600) == [(SignKind.METER_DEAD, 2, True)]
    assert feeder.signs[-1].reason.startswith("It is mute while 3 others on the feeder answer")
    feeder.mute = set()
    assert feeder.wait(600) == [(SignKind.METER_DEAD, 2, False)]


def test_all_mute_at_once_is_a_dead_feeder_and_no_dead_meter() -> None:
    feeder = Feeder()
    feeder.mute = {0, 1, 2, 3}
    assert feeder.wait(600) == [(SignKind.FEEDER_DEAD, None, True)]
    feeder.mute = {3}
    assert feeder.wait(600) == [
        (SignKind.FEEDER_DEAD, None, False),
        (SignKind.METER_DEAD, 3, True),
    ]


def test_a_meter_alone_on_its_feeder_says_that_it_cannot_tell() -> None:
    feeder = Feeder(1)
    feeder.mute = {0}
    assert feeder.wait(600) == [(SignKind.METER_DEAD, 0, True)]
    assert "a dead feeder looks the same" in feeder.signs[-1].reason


def test_a_brown_out_begins_below_eighty_percent_and_ends_above_eighty_eight() -> None:
    feeder = Feeder()
    given_signs = []
    for voltage_mv in (190_000, 180_000, 190_000, 201_000, 180_000, 203_000):
        for number in range(4):
            feeder.change(number, voltage_mv=voltage_mv)
        given_signs.append(feeder.wait(60))
    assert given_signs == [
        [],
        [(SignKind.BROWN_OUT, None, True)],
        [],
        [],
        [],
        [(SignKind.BROWN_OUT, None, False)],
    ]


def test_a_dip_of_a_moment_is_no_sign() -> None:
    feeder = Feeder()
    for number in range(4):
        feeder.change(number, voltage_mv=150_000)
    assert feeder.wait(20) == []
    for number in range(4):
        feeder.change(number, voltage_mv=230_000)
    assert feeder.wait(600) == []


def test_one_voltage_far_from_its_neighbours_is_a_lost_neutral() -> None:
    feeder = Feeder()
    feeder.change(1, voltage_mv=45_000)
    assert feeder.wait(60) == [(SignKind.NEUTRAL_LOST, 1, True)]
    assert feeder.signs[-1].reason.startswith("45 V, while its neighbours on the feeder have 230 V")
    feeder.change(1, voltage_mv=225_000)
    assert feeder.wait(60) == [(SignKind.NEUTRAL_LOST, 1, False)]
    feeder.change(1, voltage_mv=310_000)
    assert feeder.wait(60) == [(SignKind.NEUTRAL_LOST, 1, True)]


def test_current_without_voltage_is_a_lost_neutral_even_without_neighbours() -> None:
    feeder = Feeder(1)
    feeder.change(0, voltage_mv=0, current_ma=4_000)
    assert (SignKind.NEUTRAL_LOST, 0, True) in feeder.wait(60)


def test_a_brown_out_is_nobodys_lost_neutral() -> None:
    feeder = Feeder()
    for number in range(4):
        feeder.change(number, voltage_mv=100_000 + number * 25_000)
    assert feeder.wait(60) == [(SignKind.BROWN_OUT, None, True)]


def test_power_behind_an_open_relay_is_a_sign_once_it_has_settled() -> None:
    feeder = Feeder()
    feeder.change(3, connected=False, switched_s=NOW)
    assert feeder.wait(40) == []
    assert feeder.wait(60) == [(SignKind.POWER_WHILE_DISCONNECTED, 3, True)]
    assert feeder.signs[-1].reason == "200 W flow though the supply is disconnected."
    feeder.change(3, power_mw=400)
    assert feeder.wait(60) == [(SignKind.POWER_WHILE_DISCONNECTED, 3, False)]


def test_a_reading_from_before_the_switching_says_nothing() -> None:
    feeder = Feeder()
    feeder.mute = {3}
    feeder.change(3, connected=False, switched_s=NOW + 10)
    assert feeder.wait(120) == []


def test_a_register_that_went_back_is_a_sign_until_it_has_caught_up() -> None:
    feeder = Feeder()
    feeder.change(0, behind_wh=50)
    assert feeder.wait(60) == [(SignKind.REGISTER_WENT_BACK, 0, True)]
    feeder.change(0, behind_wh=10)
    assert feeder.wait(60) == []
    feeder.change(0, behind_wh=0)
    assert feeder.wait(60) == [(SignKind.REGISTER_WENT_BACK, 0, False)]


def test_a_clock_that_goes_back_delays_a_sign_and_loses_none() -> None:
    feeder = Feeder()
    feeder.change(0, behind_wh=50)
    feeder.wait(10)
    feeder.now_s -= 7_200
    assert feeder.wait(60) == [(SignKind.REGISTER_WENT_BACK, 0, True)]


_MAYBE = st.one_of(st.none(), st.integers(0, 400_000))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.lists(
                st.tuples(st.integers(0, 500), _MAYBE, _MAYBE, _MAYBE, st.booleans()),
                min_size=3,
                max_size=3,
            ),
        ),
        max_size=30,
    )
)
def test_every_sign_begins_before_it_ends_and_never_twice(
    history: list[tuple[int, list[tuple[int, int | None, int | None, int | None, bool]]]],
) -> None:
    """Law: signs of one kind about one meter alternate; what is remembered is bounded."""
    state: State = {}
    now_s = NOW
    begun: set[tuple[SignKind, int | None]] = set()
    for wait_s, facts in history:
        now_s += wait_s
        meters = [
            MeterFacts(number, now_s - age_s, voltage, current, power, on, NOW, age_s % 3)
            for number, (age_s, voltage, current, power, on) in enumerate(facts)
        ]
        state, signs = diagnose(state, meters, now_s, LIMITS)
        for sign in signs:
            key = (sign.kind, sign.meter_id)
            assert sign.reason
            assert sign.began != (key in begun)
            begun ^= {key}
        assert len(state) <= 2 + 4 * len(meters)
