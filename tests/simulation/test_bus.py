"""The simulated line: its pace, its meters, its faults, and what it holds against an asker."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from gateway.errors import Permanent
from gateway.simulation.bus import Bus
from gateway.simulation.pzem import Fault, Pzem
from gateway.wire import frames, registers
from gateway.wire.errors import CrcError, TruncatedFrameError, UnexpectedReplyError
from gateway.wire.frames import (
    ExceptionReply,
    Function,
    ReadReply,
    ReadRequest,
    ResetEnergyReply,
    ResetEnergyRequest,
    WriteReply,
    WriteRequest,
)
from gateway.wire.registers import PZEM_004T_V3
from tests.simulation.world import START_S, Asker, household, read_all, until_now

NOW_MS = (START_S + 3600) * 1000
READ_SPAN_S = frames.frame_duration_s(8) + 0.008 + frames.frame_duration_s(25)


@pytest.fixture
def bus() -> Iterator[Bus]:
    line = Bus([Pzem(unit, household(unit * 1_000_000)) for unit in (1, 2, 3)], lambda: NOW_MS)
    line.start()
    yield line
    line.stop()


@pytest.fixture
def asker(bus: Bus) -> Iterator[Asker]:
    with Asker(bus.path) as asking:
        yield asking


def test_each_meter_answers_with_its_own_register(bus: Bus, asker: Asker) -> None:
    for unit in (1, 2, 3):
        reply = frames.decode_reply(asker.ask(read_all(unit)), read_all(unit))
        assert isinstance(reply, ReadReply)
        measured = registers.decode(PZEM_004T_V3, reply.words)
        assert (measured.energy_wh, measured.power_mw) == (unit * 1_000, unit * 1_000_000)

    assert [meter.polls for meter in bus.meters] == [1, 1, 1]


def test_a_read_takes_at_least_its_time_on_the_line(asker: Asker) -> None:
    polls = 5
    began_s = time.monotonic()
    for _ in range(polls):
        asker.ask(read_all(1))
    elapsed_s = time.monotonic() - began_s

    assert elapsed_s >= polls * READ_SPAN_S + (polls - 1) * frames.silence_s()


def test_an_asker_that_keeps_the_gap_is_never_blamed(bus: Bus, asker: Asker) -> None:
    for _ in range(10):
        asker.ask(read_all(1))

    assert (bus.counters.requests, bus.counters.replies) == (10, 10)
    assert bus.counters.gap_violations == 0


def test_requests_without_a_gap_are_counted(bus: Bus, asker: Asker) -> None:
    def hurry_until_noticed() -> bool:
        asker.ask(read_all(2), keeps_gap=False, timeout_s=0.5)
        return bus.counters.gap_violations > 0

    until_now(hurry_until_noticed, "a request within 3.6 ms of the last reply is counted")
    assert bus.counters.gap_violations > 0


def test_asking_while_a_meter_talks_loses_the_request(bus: Bus, asker: Asker) -> None:
    asked = 0

    def interrupt_until_noticed() -> bool:
        nonlocal asked
        asked += 1
        asker.ask(read_all(1), timeout_s=0.02)  # gives up in the middle of the reply
        asker.ask(read_all(2), keeps_gap=False, timeout_s=0.3)
        return bus.counters.collisions > 0

    until_now(interrupt_until_noticed, "a request during a reply is lost")
    assert bus.meter(2).polls == asked - 1


def test_an_absent_meter_is_silent_and_the_others_answer(bus: Bus, asker: Asker) -> None:
    bus.meter(2).set_fault(Fault.ABSENT)

    assert asker.ask(read_all(2), timeout_s=0.2) == b""
    assert asker.ask(read_all(9), timeout_s=0.2) == b""
    assert len(asker.ask(read_all(3))) == 25
    assert bus.meter(2).polls == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.CORRUPT_CRC, CrcError),
        (Fault.NOISE, CrcError),
        (Fault.WRONG_UNIT, UnexpectedReplyError),
    ],
)
def test_a_spoiled_reply_is_never_taken_for_a_reading(
    bus: Bus, asker: Asker, fault: Fault, error: type[Exception]
) -> None:
    bus.meter(1).set_fault(fault, replies=1)

    with pytest.raises(error):
        frames.decode_reply(asker.ask(read_all(1)), read_all(1))
    asker.listen(99, timeout_s=0.02)
    assert frames.decode_reply(asker.ask(read_all(1)), read_all(1)).unit == 1


def test_a_truncated_reply_stops_in_the_middle(bus: Bus, asker: Asker) -> None:
    bus.meter(1).set_fault(Fault.TRUNCATED, replies=1)

    heard = asker.ask(read_all(1), timeout_s=0.3)

    assert len(heard) == 12
    with pytest.raises((TruncatedFrameError, CrcError)):
        frames.decode_reply(heard, read_all(1))


def test_a_late_reply_comes_when_something_else_is_awaited(bus: Bus, asker: Asker) -> None:
    bus.meter(1).set_fault(Fault.LATE, replies=1)
    assert asker.ask(read_all(1), timeout_s=0.2) == b""

    late = asker.listen(25)

    reset = ResetEnergyRequest(1)
    assert isinstance(frames.decode_reply(late, read_all(1)), ReadReply)
    with pytest.raises(UnexpectedReplyError):
        frames.decode_reply(late, reset)


def test_a_failing_meter_says_code_four(bus: Bus, asker: Asker) -> None:
    bus.meter(1).set_fault(Fault.EXCEPTION)

    reply = frames.decode_reply(asker.ask(read_all(1)), read_all(1))

    assert reply == ExceptionReply(1, Function.READ_INPUT, frames.ExceptionCode.DEVICE_ERROR)


def test_the_unit_id_can_be_changed(bus: Bus, asker: Asker) -> None:
    change = WriteRequest(1, 2, 17)

    assert frames.decode_reply(asker.ask(change), change) == WriteReply(1, 2, 17)
    assert len(asker.ask(read_all(17))) == 25
    assert asker.ask(read_all(1), timeout_s=0.2) == b""
    assert bus.meter(17).polls == 2


def test_holding_registers_show_the_threshold_and_the_unit(asker: Asker) -> None:
    asker.ask(WriteRequest(3, 1, 2_000))
    request = ReadRequest(3, Function.READ_HOLDING, 1, 2)

    reply = frames.decode_reply(asker.ask(request), request)

    assert reply == ReadReply(3, Function.READ_HOLDING, (2_000, 3))
    measured = frames.decode_reply(asker.ask(read_all(3)), read_all(3))
    assert isinstance(measured, ReadReply)
    assert registers.decode(PZEM_004T_V3, measured.words).alarm


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ReadRequest(1, Function.READ_INPUT, 5, 6), 2),
        (ReadRequest(1, Function.READ_INPUT, 0, 0), 2),
        (ReadRequest(1, Function.READ_HOLDING, 0, 1), 2),
        (WriteRequest(1, 3, 1), 2),
        (WriteRequest(1, 2, 0xF8), 3),
    ],
)
def test_an_impossible_request_is_refused(
    asker: Asker, request_: frames.Request, code: int
) -> None:
    reply = frames.decode_reply(asker.ask(request_), request_)

    assert reply == ExceptionReply(1, frames.request_function(request_), code)


def test_an_unknown_function_is_refused(asker: Asker) -> None:
    heard = asker.ask(frames.seal(bytes((1, 0x2B, 0))))

    assert frames.unseal(heard) == bytes((1, 0xAB, 1))


def test_a_reset_obeys_the_unit_and_the_broadcast(bus: Bus, asker: Asker) -> None:
    one, every = ResetEnergyRequest(1), ResetEnergyRequest(frames.BROADCAST_UNIT)

    assert frames.decode_reply(asker.ask(one), one) == ResetEnergyReply(1)
    assert bus.meter(2).household.register_wh(NOW_MS) == 2_000
    assert asker.ask(every, timeout_s=0.2) == b""
    assert [m.household.register_wh(NOW_MS) for m in bus.meters] == [0, 0, 0]


def test_the_general_address_works_with_one_meter_and_garbles_with_three(asker: Asker) -> None:
    heard = asker.ask(read_all(frames.GENERAL_UNIT))
    with pytest.raises(CrcError):
        frames.unseal(heard)

    alone = Bus([Pzem(5, household())], lambda: NOW_MS)
    alone.start()
    with Asker(alone.path) as other:
        reply = other.ask(read_all(frames.GENERAL_UNIT))
    alone.stop()
    assert isinstance(frames.decode_reply(reply, read_all(frames.GENERAL_UNIT)), ReadReply)


def test_noise_on_the_line_does_not_stop_it(bus: Bus, asker: Asker) -> None:
    asker.ask(b"\x01\x04\x00", timeout_s=0.1)
    asker.ask(b"\x01\x04\x00\x00\x00\x0a\x00\x00", timeout_s=0.1)

    assert len(asker.ask(read_all(1))) == 25
    until_now(lambda: bus.counters.damaged == 1, "the damaged request is counted")


def test_stopping_leaves_nothing_behind(bus: Bus) -> None:
    path = bus.path
    assert os.path.exists(path)  # noqa: PTH110 - a device, not a file
    bus.stop()
    bus.stop()

    assert bus._thread is None
    with pytest.raises(OSError, match="No such file"):
        os.open(path, os.O_RDWR)


def test_a_unit_that_is_not_there_is_named(bus: Bus) -> None:
    with pytest.raises(Permanent, match="no meter on this bus has unit id 9"):
        bus.meter(9)
