"""The line's discipline: a reply counts only when it answers the very request it follows."""

from __future__ import annotations

import asyncio
import os
import select
import time
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from gateway.simulation.bus import LATE_S, Bus
from gateway.simulation.pzem import Fault
from gateway.sources.line import PortError, RefusedError, SerialLine, SilenceError
from gateway.wire.errors import CrcError, FrameError, UnexpectedReplyError
from gateway.wire.frames import (
    Function,
    ReadReply,
    ReadRequest,
    encode_reply,
    frame_duration_s,
    silence_s,
)
from tests.simulation.world import read_all
from tests.sources.stage import house, line_with, register_wh, running

HOLDING = ReadRequest(1, Function.READ_HOLDING, 1, 2)


@pytest.fixture
def bus() -> Iterator[Bus]:
    line = line_with([house(1), house(2)])
    line.start()
    yield line
    line.stop()


@pytest.fixture
async def line(bus: Bus) -> AsyncIterator[SerialLine]:
    line = SerialLine(bus.path)
    await line.open()
    yield line
    line.close()


async def test_words_come_as_the_meter_sent_them(line: SerialLine) -> None:
    words = await line.read(read_all(2))
    assert len(words) == 10
    assert words[5] == register_wh(2)
    assert (await line.read(HOLDING))[1] == 1


@dataclass(frozen=True)
class Wire:
    """A pty without a meter: the test is the far end."""

    far_end: int
    device: int
    path: str

    async def hear_request(self) -> None:
        """Wait for a request's eight bytes."""
        heard = b""
        while len(heard) < 8:
            heard += await asyncio.to_thread(os.read, self.far_end, 8)

    def say(self, reply: ReadReply) -> None:
        """Send a whole frame at once; it has arrived when this returns."""
        os.write(self.far_end, encode_reply(reply))
        select.select([self.device], [], [], 5)  # a pty hands bytes over a moment later


@pytest.fixture
def wire() -> Iterator[Wire]:
    far_end, device = os.openpty()
    tty.setraw(device)
    yield Wire(far_end, device, os.ttyname(device))
    os.close(far_end)
    os.close(device)


@asynccontextmanager
async def opened(path: str, timeout_s: float) -> AsyncIterator[SerialLine]:
    line = SerialLine(path, timeout_s=timeout_s)
    await line.open()
    try:
        yield line
    finally:
        line.close()


@pytest.mark.parametrize(
    "late",
    [
        ReadReply(1, Function.READ_INPUT, (7, 7)),
        ReadReply(1, Function.READ_HOLDING, (7,) * 10),
        ReadReply(2, Function.READ_HOLDING, (7, 7)),
    ],
)
async def test_a_late_reply_to_another_request_is_never_taken(wire: Wire, late: ReadReply) -> None:
    """Another function, another length, another unit: each alone gives it away."""
    async with opened(wire.path, timeout_s=0.1) as line:
        asking = asyncio.create_task(line.read(HOLDING))
        await wire.hear_request()
        wire.say(late)
        with pytest.raises(UnexpectedReplyError):
            await asking


async def test_what_comes_late_is_drained_before_the_next_request(wire: Wire) -> None:
    async with opened(wire.path, timeout_s=0.05) as line:
        with pytest.raises(SilenceError):
            await line.read(HOLDING)
        await wire.hear_request()
        late_s = time.monotonic()
        wire.say(ReadReply(1, Function.READ_HOLDING, (7, 7)))
        asking = asyncio.create_task(line.read(HOLDING))
        await wire.hear_request()
        assert time.monotonic() - late_s >= silence_s()
        wire.say(ReadReply(1, Function.READ_HOLDING, (23_000, 1)))
        assert await asking == (23_000, 1)


async def test_a_line_that_never_falls_silent_is_given_up(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sources.line.LONGEST_BABBLE_S", 0.1)

    async def babble() -> None:
        while True:
            os.write(wire.far_end, b"\x55")
            await asyncio.sleep(0.001)

    async with opened(wire.path, timeout_s=0.1) as line, running(babble()):
        said = ""
        async with asyncio.timeout(20):
            while "babbling" not in said:  # a busy machine may pause in the middle of it
                with pytest.raises(FrameError) as caught:
                    await line.read(HOLDING)
                said = str(caught.value)


async def test_a_cancellation_that_comes_together_with_the_reply_is_heeded(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = SerialLine(wire.path)
    heard = line._watch

    def cancel_too(sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus's shape
        if not sending:
            asyncio.get_running_loop().call_soon(asking.cancel)
        return heard(sending, data)

    monkeypatch.setattr(line, "_watch", cancel_too)
    await line.open()
    asking = asyncio.create_task(line.read(HOLDING))
    await wire.hear_request()
    wire.say(ReadReply(1, Function.READ_HOLDING, (23_000, 1)))
    with pytest.raises(asyncio.CancelledError):
        await asking
    line.close()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.ABSENT, SilenceError),
        (Fault.LATE, SilenceError),
        (Fault.CORRUPT_CRC, CrcError),
        (Fault.TRUNCATED, FrameError),
        (Fault.NOISE, FrameError),
        (Fault.WRONG_UNIT, UnexpectedReplyError),
        (Fault.EXCEPTION, RefusedError),
    ],
)
async def test_each_failure_has_its_name(
    line: SerialLine, bus: Bus, fault: Fault, kind: type[Exception]
) -> None:
    bus.meter(1).set_fault(fault, replies=1)
    with pytest.raises(kind):
        await line.read(read_all(1))
    assert (await line.read(read_all(2)))[5] == register_wh(2)
    assert bus.counters.collisions == 0


async def test_an_absent_meter_costs_its_timeout_and_no_more(line: SerialLine, bus: Bus) -> None:
    bus.meter(1).set_fault(Fault.ABSENT)
    began_s = time.monotonic()
    with pytest.raises(SilenceError):
        await line.read(read_all(1))
    took_s = time.monotonic() - began_s
    assert took_s >= 0.2
    assert took_s < LATE_S + frame_duration_s(33)  # 0.234 s, and room for a busy machine


async def test_a_closed_line_says_so(bus: Bus) -> None:
    with pytest.raises(PortError, match="open it first"):
        await SerialLine(bus.path).read(HOLDING)


async def test_a_line_can_be_given_back_and_taken_again(bus: Bus) -> None:
    first, second = SerialLine(bus.path), SerialLine(bus.path)
    await first.open()
    with pytest.raises(PortError, match="in use"):
        await second.open()
    first.close()
    await second.open()
    assert (await second.read(read_all(1)))[5] == register_wh(1)
    second.close()
