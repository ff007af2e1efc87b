"""Where a database stands towards the receipt: go on, wait, or stop and say what to do."""

from __future__ import annotations

from gateway.domain.batches import Head, Receipt
from gateway.domain.settling import OpenBatch, Standing, judge

OURS, THEIRS = bytes(16), b"\1" * 16


def digest(number: int) -> bytes:
    return bytes([number]) * 32


def receipt(sequence: int, writer: bytes = OURS, of: bytes | None = None) -> Receipt:
    return Receipt(
        writer=writer,
        sequence=sequence,
        previous_digest=digest(sequence - 1),
        digest=of or digest(sequence),
        from_s=0,
        to_s=900,
        price_version=1,
        accepted_wh=0,
        residue_wh=0,
        total_wh=0,
        total_residue_wh=0,
        root=bytes(32),
        closed_s=900,
    )


def head(sequence: int) -> Head:
    return Head(sequence, digest(sequence), 900)


def test_a_site_that_never_settled_may_begin() -> None:
    assert judge(None, None, None, OURS).standing is Standing.CURRENT


def test_a_receipt_that_vanished_stops_settling() -> None:
    verdict = judge(None, head(3), None, OURS)
    assert verdict.standing is Standing.HALT
    assert "chain.contract_id" in verdict.reason


def test_the_receipt_of_our_last_batch_lets_the_next_one_go() -> None:
    found = judge(receipt(3), head(3), OpenBatch(4, digest(4)), OURS)
    assert found.standing is Standing.CURRENT


def test_the_receipt_of_our_open_batch_confirms_it() -> None:
    found = judge(receipt(4), head(3), OpenBatch(4, digest(4)), OURS)
    assert found.standing is Standing.APPLIED
    assert judge(receipt(1), None, OpenBatch(1, digest(1)), OURS).standing is Standing.APPLIED


def test_an_older_receipt_is_an_older_answer() -> None:
    assert judge(receipt(2), head(3), None, OURS).standing is Standing.BEHIND


def test_another_writer_s_receipt_stops_settling_even_with_our_digest() -> None:
    for known in (None, head(2), head(3)):
        verdict = judge(receipt(3, THEIRS), known, None, OURS)
        assert verdict.standing is Standing.HALT
        assert "gateway take-over" in verdict.reason


def test_a_chain_ahead_of_us_stops_settling() -> None:
    verdict = judge(receipt(5), head(3), OpenBatch(4, digest(4)), OURS)
    assert verdict.standing is Standing.HALT
    assert "gateway take-over" in verdict.reason


def test_another_batch_under_our_number_stops_settling() -> None:
    other = receipt(4, of=digest(9))
    assert judge(other, head(3), OpenBatch(4, digest(4)), OURS).standing is Standing.HALT
    assert judge(other, head(4), None, OURS).standing is Standing.HALT
