"""Frames against the golden bytes that were taken from real meters and their manual."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import frames
from gateway.wire.errors import (
    CrcError,
    FrameError,
    TruncatedFrameError,
    UnexpectedReplyError,
    UnsupportedFunctionError,
)
from gateway.wire.frames import (
    ExceptionReply,
    Function,
    ReadReply,
    ReadRequest,
    Request,
    ResetEnergyReply,
    ResetEnergyRequest,
    WriteReply,
    WriteRequest,
)

READ_ALL = ReadRequest(1, Function.READ_INPUT, 0, 10)
GOLDEN: list[tuple[Request, str]] = [
    (READ_ALL, "01 04 00 00 00 0A 70 0D"),
    (ReadRequest(0xF8, Function.READ_INPUT, 0, 10), "F8 04 00 00 00 0A 64 64"),
    (ResetEnergyRequest(1), "01 42 80 11"),
    (ResetEnergyRequest(0xF8), "F8 42 C2 41"),
    (WriteRequest(0xF8, 2, 5), "F8 06 00 02 00 05 FC 60"),
    (ReadRequest(1, Function.READ_HOLDING, 1, 2), "01 03 00 01 00 02 95 CB"),
]

words = st.integers(0, 0xFFFF)
units = st.integers(frames.FIRST_UNIT, frames.LAST_UNIT)
requests = st.one_of(
    st.builds(
        ReadRequest,
        units,
        st.sampled_from([Function.READ_INPUT, Function.READ_HOLDING]),
        words,
        st.integers(1, frames.MAX_READ_WORDS),
    ),
    st.builds(WriteRequest, units, words, words),
    st.builds(ResetEnergyRequest, units),
)


@pytest.mark.parametrize(("request_", "golden"), GOLDEN)
def test_requests_are_the_golden_frames(request_: Request, golden: str) -> None:
    frame = bytes.fromhex(golden)

    assert frames.encode_request(request_) == frame
    assert frames.decode_request(frame) == request_


@given(requests)
def test_what_is_encoded_is_decoded_again(request: Request) -> None:
    assert frames.decode_request(frames.encode_request(request)) == request


def test_the_makers_example_reply_is_taken_apart() -> None:
    body = bytes.fromhex("01 04 14 0898 03E8 0000 0898 0000 0000 0000 01F4 0064 0000")

    reply = frames.decode_reply(frames.seal(body), READ_ALL)

    assert reply == ReadReply(
        1, Function.READ_INPUT, (0x898, 0x3E8, 0, 0x898, 0, 0, 0, 0x1F4, 0x64, 0)
    )
    assert frames.encode_reply(reply) == frames.seal(body)


@given(requests, st.integers(0, 7), st.data())
def test_one_flipped_bit_never_passes(request: Request, bit: int, data: st.DataObject) -> None:
    frame = bytearray(frames.encode_request(request))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << bit

    with pytest.raises(CrcError):
        frames.decode_request(bytes(frame))


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (READ_ALL, ReadReply(2, Function.READ_INPUT, (0,) * 10)),
        (READ_ALL, ReadReply(1, Function.READ_HOLDING, (0,) * 10)),
        (READ_ALL, ReadReply(1, Function.READ_INPUT, (0,) * 9)),
        (READ_ALL, ResetEnergyReply(1)),
        (WriteRequest(1, 2, 5), WriteReply(1, 2, 6)),
        (ResetEnergyRequest(1), ExceptionReply(1, Function.READ_INPUT, 4)),
    ],
)
def test_a_late_reply_to_something_else_is_refused(request_: Request, reply: frames.Reply) -> None:
    with pytest.raises(UnexpectedReplyError):
        frames.decode_reply(frames.encode_reply(reply), request_)


def test_a_refusal_is_a_reply_with_its_code() -> None:
    frame = frames.seal(bytes((1, 0xC2, 1)))

    refusal = frames.decode_reply(frame, ResetEnergyRequest(1))

    assert refusal == ExceptionReply(
        1, Function.RESET_ENERGY, frames.ExceptionCode.ILLEGAL_FUNCTION
    )
    assert frames.encode_reply(refusal) == frame


def test_any_meter_may_answer_the_general_address() -> None:
    frame = frames.encode_reply(ResetEnergyReply(17))

    assert frames.decode_reply(frame, ResetEnergyRequest(frames.GENERAL_UNIT)) == ResetEnergyReply(
        17
    )


def test_the_calibration_function_is_not_understood() -> None:
    with pytest.raises(UnsupportedFunctionError) as caught:
        frames.decode_request(frames.seal(bytes((0xF8, 0x41, 0x37, 0x21))))

    assert (caught.value.unit, caught.value.function) == (0xF8, 0x41)


@pytest.mark.parametrize("frame", ["", "01", "01 04 00", "01 04 00 00 90 0D"])
def test_part_of_a_frame_is_never_taken_for_a_whole_one(frame: str) -> None:
    with pytest.raises((TruncatedFrameError, CrcError)):
        frames.decode_request(bytes.fromhex(frame))


def test_a_read_of_a_pzem_takes_41_67_ms_of_line_time() -> None:
    line_s = (
        frames.frame_duration_s(8)
        + frames.frame_duration_s(frames.reply_length(READ_ALL))
        + 2 * frames.silence_s()
    )

    assert line_s == pytest.approx(0.041667, abs=1e-6)
    assert frames.silence_s(115_200) == 0.00175


def test_a_second_stop_bit_makes_every_character_a_tenth_longer() -> None:
    assert frames.frame_duration_s(8, 9600, 2) == pytest.approx(1.1 * frames.frame_duration_s(8))
    assert frames.silence_s(9600, 2) == pytest.approx(1.1 * frames.silence_s(9600))


@given(requests, st.binary(max_size=260))
def test_no_bytes_at_all_crash_whoever_reads_them(request: Request, noise: bytes) -> None:
    for frame in (noise, frames.seal(noise)):
        with suppress(FrameError):
            frames.decode_request(frame)
        with suppress(FrameError):
            reply = frames.decode_reply(frame, request)
            assert frames.encode_reply(reply) == frame
