"""``gateway verify --settlement``: from reading to charge, and what is changed on the way is found.

The file comes from a real ledger; what should be in it is worked out here by hand, from the
registers and the contract's own bytes.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.__main__ import main
from gateway.domain.groups import NO_HEAD, by_meter, compress, expand, extend, seal
from tests.ledger.billed import Household, billed, copied
from tests.ledger.localnet import Localnet, running
from tests.ledger.verdict import page_bytes
from tests.ledger.village import PRICE, SITE, START_S, opened
from tests.store.chained import ask

Prove = Callable[..., tuple[int, str]]
RATES = (PRICE.off_peak, PRICE.standard, PRICE.peak)
LAST = 4
"""The newest batch."""


@dataclass(frozen=True)
class Lived:
    """A village that was settled, its file and its ledger."""

    localnet: Localnet
    contract: str
    path: Path
    config: Path


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("billed")

    async def live(ledger: Localnet) -> Lived:
        async with opened(ledger, folder) as village:
            home: Household = await billed(village, await village.open())
            path = copied(home.database, folder / "copy.db")
            return Lived(ledger, village.settings.contract, path, home.config())

    with running(START_S) as ledger:
        yield asyncio.run(live(ledger))


@pytest.fixture
def path(lived: Lived, tmp_path: Path) -> Path:
    return Path(shutil.copy(lived.path, tmp_path / "usage.db"))


@pytest.fixture
def prove(path: Path, capsys: pytest.CaptureFixture[str]) -> Prove:
    def run(*more: str, meter: str = "house-0") -> tuple[int, str]:
        status = main(["verify", "--database", str(path), "--settlement", "--meter", meter, *more])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def change(path: Path, sql: str, *parameters: object) -> None:
    """What somebody does who minds no check of the file's own."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        assert file.execute(sql, parameters).rowcount


def on_chain(lived: Lived) -> tuple[int, int]:
    """Total (Wh) and balance (stroops) of slot 0, from the ledger's bytes."""
    total_wh, balance = struct.unpack_from(
        ">Qq", page_bytes(lived.localnet, lived.contract, SITE), 8
    )
    return total_wh, balance


# What agrees


def test_an_untouched_file_agrees_and_says_what_was_used_and_charged(prove: Prove) -> None:
    status, said = prove()
    assert status == 0, said
    assert "every number agrees; add --online to ask the contract" in " ".join(said.split())
    assert "3,939 Wh used, 3,636 Wh settled; 4 batches charged 3,878 stroops" in said
    assert max(len(line) for line in said.splitlines()) <= 80


def test_the_charge_is_what_the_contract_s_own_bytes_say(lived: Lived, prove: Prove) -> None:
    """Paid in less what is left, by the page; usage times price, by hand."""
    total_wh, balance = struct.unpack_from(
        ">Qq", page_bytes(lived.localnet, lived.contract, SITE), 8
    )
    used = ask(
        lived.path,
        """SELECT tier, SUM(usage_wh) FROM usage WHERE meter_point_id = 1
           AND start_s < ? GROUP BY tier""",
        START_S + 12 * 3600,
    )
    assert sum(int(wh) for _, wh in used) == total_wh
    charged = sum(int(wh) * RATES[int(tier)] for tier, wh in used) // 1000
    assert 105_000 - balance == charged == 3_878
    status, said = prove("--json")
    document = json.loads(said)[0]
    assert status == 0
    assert sum(batch["charge"]["stroops"] for batch in document["batches"]) == charged
    assert document["contract"]["total_wh"] == total_wh
    assert [batch["credited"] for batch in document["batches"]] == [None, 0, 5_000, 0]


def test_a_period_shows_the_batches_that_carry_its_quarter_hours(prove: Prove) -> None:
    status, said = prove("--from", "2026-01-01T03:00", "--to", "2026-01-01T07:00")
    assert status == 0, said
    assert "digests 2 to 4 made again" in said
    assert "off-peak 606 Wh, standard 303 Wh; of this period 303 Wh" in said
    assert "batch 1:" not in said
    assert "batch 4:" not in said


def test_a_period_that_nothing_settled_yet_says_so(prove: Prove) -> None:
    status, said = prove("--from", "2026-01-01T12:00")
    assert status == 0, said
    assert "303 Wh used, 0 Wh settled; 0 batches charged 0 stroops" in said
    assert "? waits to be settled" in said


def test_what_the_contract_refused_is_shown_as_refused(prove: Prove) -> None:
    status, said = prove(meter="house-2")
    assert status == 0, said
    assert said.count("this meter REFUSED") == 1
    assert "3,627 Wh refused by the contract" in said
    assert "refused or withheld for good                 3,627 Wh" in said


def test_asked_online_the_contract_says_the_same(
    lived: Lived, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["verify", "--config", str(lived.config), "--settlement", "--meter", "house-0"]
    assert main([*command, "--online"]) == 0
    assert "the contract says the same" in " ".join(capsys.readouterr().out.split())
    assert main([*command, "--online", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)[0]
    total_wh, balance = struct.unpack_from(
        ">Qq", page_bytes(lived.localnet, lived.contract, SITE), 8
    )
    assert (document["online"]["total_wh"], document["online"]["balance"]) == (total_wh, balance)
    assert document["online"]["digest"] == document["batches"][-1]["digest"]


def test_every_quarter_hour_is_taken_by_a_batch_whole(prove: Prove) -> None:
    document = json.loads(prove("--json")[1])[0]
    for quarter in document["quarters"]:
        taken = sum(part["wh"] for part in quarter["taken"])
        late = quarter["start_s"] >= START_S + 12 * 3600
        assert taken == quarter["settled_wh"] == (0 if late else quarter["usage_wh"])


def test_only_online_loads_the_stellar_sdk(path: Path) -> None:
    command = ["verify", "--database", str(path), "--settlement", "--meter", "house-0"]
    code = (
        f"import sys; from gateway.__main__ import main; assert main({command!r}) == 0; "
        "assert 'stellar_sdk' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# What is asked wrongly


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--settlement",), "name it with --meter LABEL"),
        (("--online", "--meter", "house-0"), "--online belongs to --settlement"),
        (("--settlement", "--meter", "house-9"), "house-9: no such meter point"),
        (("--settlement", "--meter", "house-0", "--online"), "give --config instead"),
    ],
)
def test_what_can_t_be_asked_is_said(
    path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert main(["verify", "--database", str(path), *options]) == 1
    assert said in capsys.readouterr().err


# What was changed

ITEM = "WHERE meter_point_id = 1 AND outbox_id = (SELECT outbox_id FROM batch WHERE sequence = 2)"
NEIGHBOUR = ITEM.replace("= 1 AND", "= 2 AND")
QUARTER = f"WHERE meter_point_id = 1 AND start_s = {START_S + 4 * 3600}"
FLIP = "CASE substr({0}, 9, 1) WHEN '0' THEN '1' ELSE '0' END"
HEX = "substr({0}, 1, 8) || " + FLIP + " || substr({0}, 10)"
BLOB = "CAST(substr({0}, 1, 8) || zeroblob(1) || substr({0}, 10) AS BLOB)"
KEPT = "UPDATE kept_receipt SET {0} = {0} + 1 WHERE sequence = 2"

CHANGES = {
    "a quarter-hour used more": (
        f"UPDATE usage SET usage_wh = usage_wh + 1 {QUARTER}",
        "its quarter-hours add up to",
    ),
    "a quarter-hour used less": (
        f"UPDATE usage SET usage_wh = usage_wh - 1 {QUARTER}",
        "quarter-hour 2026-01-01 04:00: batches took 76 Wh of it, and it has 75 Wh",
    ),
    "a quarter-hour used and settled less": (
        f"UPDATE usage SET usage_wh = usage_wh - 1, claimed_wh = claimed_wh - 1 {QUARTER}",
        "quarter-hour 2026-01-01 04:00: 75 Wh of it are marked as settled, and batches took 76",
    ),
    "a quarter-hour is of another tier": (
        f"UPDATE usage SET tier = 0 {QUARTER}",
        "quarter-hour 2026-01-01 04:00: it stands as off-peak, and was settled as peak",
    ),
    "a quarter-hour was taken out": (
        f"DELETE FROM usage {QUARTER}",
        "quarter-hour 2026-01-01 04:00: batches took 76 Wh of it, and it has no usage",
    ),
    "an item says less": (
        f"UPDATE batch_item SET peak_wh = peak_wh - 1 {ITEM}",
        "batch 2: the figures of slot 0 were changed after it was sent",
    ),
    "a neighbour's item says more": (
        f"UPDATE batch_item SET standard_wh = standard_wh + 1 {NEIGHBOUR}",
        "batch 2: the figures of slot 1 were changed after it was sent",
    ),
    "an item was taken out": (
        f"DELETE FROM batch_item {NEIGHBOUR}",
        "batch 2: its figures do not make its digest",
    ),
    "its quarter-hours are others": (
        f"UPDATE batch_item SET parts = {BLOB.format('parts')} {ITEM}",
        "batch 2: which quarter-hours it took its usage from was changed",
    ),
    "it is marked as refused": (
        f"UPDATE batch_item SET accepted = 0 {ITEM}",
        "the contract accepted 2736 Wh of it, and this file marks 1827 Wh as accepted",
    ),
    "the contract's total after it is another": (
        f"UPDATE batch_item SET total_wh = total_wh + 1 {ITEM}",
        "after batch 2 the contract's total of this meter was 1819 Wh",
    ),
    "the contract's remainder after it is another": (
        f"UPDATE batch_item SET remainder_milli = remainder_milli + 1 {ITEM}",
        "batch 2: its usage at its price leaves 200 thousandths",
    ),
    "a period ends later": (
        "UPDATE batch SET to_s = to_s + 900 WHERE sequence = 2",
        "batch 2: its figures do not make its digest",
    ),
    "another price version is named": (
        "UPDATE batch SET price_version = 2 WHERE sequence = 2",
        "batch 2: its figures do not make its digest",
    ),
    "another network is named": (
        f"UPDATE batch SET network_id = {BLOB.format('network_id')} WHERE sequence = 2",
        "batch 2: its figures do not make its digest",
    ),
    "a digest is another": (
        f"UPDATE batch SET digest = {HEX.format('digest')} WHERE sequence = 2",
        "batch 2: its digest was changed; its figures are those that the contract has a receipt",
    ),
    "the digest before is another": (
        f"UPDATE batch SET previous_digest = {HEX.format('previous_digest')} WHERE sequence = 3",
        "batch 3: the digest of the batch before it was changed here",
    ),
    "a root is another": (
        f"UPDATE batch SET root = {HEX.format('root')} WHERE sequence = 2",
        "batch 2: its root was changed; what it was made of is still there",
    ),
    "what a root is made of is another": (
        "UPDATE batch SET commitment = CAST(substr(commitment, 1, 40) || x'00' || "
        "substr(commitment, 42) AS BLOB) WHERE sequence = 2",
        "batch 2: its root is not made of the heads beside it",
    ),
    "what a root is made of is gone": (
        "UPDATE batch SET commitment = NULL WHERE sequence = 2",
        "batch 2: what its root is made of was taken out",
    ),
    "a batch was taken out": (
        "DELETE FROM batch WHERE sequence = 2",
        "batch 2 is not in this file",
    ),
    "the newest batch was taken out": (
        f"UPDATE batch SET refused = 1 WHERE sequence = {LAST}",
        "the newest receipt kept here is of batch 4, and this file's batches end at 3",
    ),
    "a receipt is for another batch": (
        f"UPDATE kept_receipt SET digest = {BLOB.format('digest')} WHERE sequence = 2",
        "batch 2: its receipt is of another batch",
    ),
    "a receipt names another root": (
        f"UPDATE kept_receipt SET root = {BLOB.format('root')} WHERE sequence = 2",
        "batch 2: its receipt names another root",
    ),
    "a receipt accepted more": (KEPT.format("accepted_wh"), "batch 2: its receipt is for 2737 Wh"),
    "a receipt's total is another": (
        KEPT.format("total_wh"),
        "batch 2: the site's totals grew by 2737 Wh accepted",
    ),
    "a receipt is gone": (
        "DELETE FROM kept_receipt WHERE sequence = 2",
        "batch 2: is confirmed, and its receipt is not there",
    ),
    "the newest receipt's digest is another": (
        f"UPDATE chain_receipt SET digest = {HEX.format('digest')}",
        "the newest receipt kept here is for another batch 4",
    ),
    "the newest receipt's total is another": (
        "UPDATE chain_receipt SET total_wh = total_wh - 1",
        "the newest receipt kept here and the one kept for batch 4 differ",
    ),
    "a price is another": (
        "UPDATE chain_price SET standard = standard + 1",
        "price version 1 in this file is not the one that batch 2 was made with",
    ),
    "the contract's total is another": (
        "UPDATE chain_meter SET total_wh = total_wh - 1 WHERE meter_point_id = 1",
        "the contract has counted 3635 Wh of this meter, and its batches (3636 Wh)",
    ),
    "some was refused by nobody": (
        "INSERT INTO settlement (meter_point_id, residue_wh) VALUES (1, 5) "
        "ON CONFLICT DO UPDATE SET residue_wh = 5",
        "5 Wh are booked as refused for good, and the batches say 0 Wh",
    ),
    "the chain is ahead of nothing": (
        "INSERT INTO settlement (meter_point_id, ahead_wh) VALUES (1, 5) "
        "ON CONFLICT DO UPDATE SET ahead_wh = 5",
        "(and the chain is 5 Wh ahead), but batches and refusals make 3636 Wh",
    ),
    "a group's hash is another": (
        f"UPDATE reading_group SET hash = {BLOB.format('hash')} WHERE sequence = 30",
        "group 30",
    ),
    "the newest groups were taken out": (
        "DELETE FROM reading_group WHERE sequence > 60",
        "batch 4 was made after group 75 of readings, and this file ends at group 60",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_is_found_and_the_sentence_says_where(
    path: Path, prove: Prove, name: str
) -> None:
    sql, sentence = CHANGES[name]
    change(path, sql)
    status, said = prove()
    assert status == 1, said
    assert sentence in " ".join(said.split())
    assert "not agree: keep this file as it is" in " ".join(said.split())
    assert max(len(line) for line in said.splitlines()) <= 80


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_found_from_a_period_s_own_batches_as_well(
    path: Path, prove: Prove, name: str
) -> None:
    change(path, CHANGES[name][0])
    assert prove("--from", "2026-01-01T03:00", "--to", "2026-01-01T06:00")[0] == 1


def test_readings_that_were_written_anew_with_all_their_hashes_fit_no_batch(
    path: Path, prove: Prove
) -> None:
    """The chain of readings holds; that it was anchored elsewhere gives it away."""
    rows = ask(path, "SELECT sequence, readings FROM reading_group ORDER BY sequence")
    heads: dict[int, bytes] = {}
    hash_before = NO_HEAD
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("DELETE FROM chain_head")
        for sequence, blob in rows:
            assert isinstance(blob, bytes)
            records = bytearray(expand(blob))
            if sequence == 30:
                records[16] ^= 1  # a reading's voltage or time, which nothing was counted from
                records[16] ^= 1
                records[36] ^= 1
            changed = []
            for meter_id, own in by_meter(bytes(records)):
                heads[meter_id] = extend(heads.get(meter_id, NO_HEAD), own)
                changed.append((meter_id, heads[meter_id]))
            hash_before = seal(hash_before, changed)
            file.execute(
                "UPDATE reading_group SET readings = ?, hash = ? WHERE sequence = ?",
                (compress(bytes(records)), hash_before, sequence),
            )
    assert main(["verify", "--database", str(path)]) == 0
    status, said = prove()
    assert status == 1
    assert "group 39 of readings is not the one that batch 2 was made after" in " ".join(
        said.split()
    )


def test_an_older_copy_is_found_online(
    lived: Lived, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for sql in (
        f"DELETE FROM kept_receipt WHERE sequence = {LAST}",
        f"UPDATE batch SET refused = 1 WHERE sequence = {LAST}",
        "DELETE FROM chain_receipt",
    ):
        change(path, sql)
    monkeypatch.setenv("USAGE_EVENTS_DB_PATH", str(path))
    command = ["verify", "--config", str(lived.config), "--settlement", "--meter", "house-0"]
    assert main([*command, "--online"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "the contract's receipt is of batch 4, and this file's batches end at 3" in said


def test_another_price_on_the_contract_is_found_online(
    lived: Lived, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(path, "UPDATE chain_price SET off_peak = off_peak + 1")
    monkeypatch.setenv("USAGE_EVENTS_DB_PATH", str(path))
    command = ["verify", "--config", str(lived.config), "--settlement", "--meter", "house-0"]
    assert main([*command, "--online"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "price version 1 is another one on the contract than in this file" in said


# Any byte

NUMBERS = {
    "usage": ("tier", "usage_wh", "claimed_wh"),
    "batch": ("sequence", "from_s", "to_s", "price_version"),
    "batch_item": ("off_peak_wh", "standard_wh", "peak_wh", "included_wh", "market_wh"),
    "kept_receipt": ("sequence", "to_s", "accepted_wh", "residue_wh", "total_wh"),
    "chain_receipt": ("sequence", "to_s", "accepted_wh", "residue_wh", "total_wh"),
    "chain_price": ("effective_from_s", "off_peak", "standard", "peak", "daily", "weekly"),
}
HASHES = {
    "batch": ("digest", "previous_digest", "root", "writer"),
    "chain_receipt": ("digest",),
}
BLOBS = {
    "batch": ("network_id", "commitment"),
    "batch_item": ("parts",),
    "kept_receipt": ("digest", "root"),
    "reading_group": ("hash",),
}
KEYS = {"usage": "start_s", "reading_group": "sequence", "chain_price": "version"}
PLACES = st.sampled_from(
    [
        (table, column)
        for tables in (NUMBERS, HASHES, BLOBS)
        for table, columns in tables.items()
        for column in columns
    ]
)


def flipped(value: int | str | bytes, data: st.DataObject) -> int | str | bytes:
    """The value with one bit, or one digit, of it changed."""
    if isinstance(value, int):
        return value ^ 1 << data.draw(st.integers(0, 31))
    place = data.draw(st.integers(0, len(value) - 1))
    if isinstance(value, str):
        digit = f"{int(value[place], 16) ^ data.draw(st.integers(1, 15)):x}"
        return value[:place] + digit + value[place + 1 :]
    changed = bytearray(value)
    changed[place] ^= data.draw(st.integers(1, 255))
    return bytes(changed)


@given(PLACES, st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_figure_that_a_bill_rests_on_changes_unseen(
    lived: Lived, path: Path, place: tuple[str, str], data: st.DataObject
) -> None:
    """The law: whatever one changes between a reading and its charge, the verdict is 1."""
    table, column = place
    shutil.copy(lived.path, path)
    where = {"usage": "meter_point_id = 1", "batch_item": "meter_point_id = 1"}.get(table, "1")
    settled_s = START_S + 12 * 3600
    where += f" AND start_s < {settled_s}" if table == "usage" else ""
    where += " AND sequence <= 75" if table == "reading_group" else ""
    key = KEYS.get(table, "outbox_id" if table != "chain_receipt" else "site")
    rows = ask(path, f"SELECT {key}, {column} FROM {table} WHERE {where} ORDER BY {key}")
    row, value = data.draw(st.sampled_from(rows))
    other = flipped(value, data)
    try:
        sql = f"UPDATE {table} SET {column} = ? WHERE {key} = ? AND {where}"
        change(path, sql, other, row)
    except sqlite3.IntegrityError:  # a number that is taken
        return
    command = ["verify", "--database", str(path), "--settlement", "--meter", "house-0"]
    assert main(command) == 1
