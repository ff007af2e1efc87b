"""The whole village, as a stranger would start it: the installed command, and what it leaves."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

GATEWAY = Path(sys.executable).with_name("gateway")
READY_S = 120.0
METERS = 16


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of the demo.

    Args:
        status: of the process.
        report: what ``--json`` printed.
        said: what it told a person meanwhile.
    """

    status: int
    report: dict[str, Any]
    said: str


async def demo(*arguments: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        GATEWAY,
        "demo",
        "--json",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    assert process.returncode is not None
    assert out, said.decode()
    return Ended(process.returncode, json.loads(out), said.decode())


async def test_a_village_outlives_an_outage_and_every_wh_is_accounted_for() -> None:
    ended = await demo("--for", "45", "--outage", "12:24")
    report = ended.report
    assert ended.status == 0, ended
    assert report["ok"] is True
    assert report["meters"] == METERS
    assert report["readings_stored"] > 5 * METERS
    accounted_wh = report["wh_on_chain"] + report["wh_pending"] + report["wh_residue"]
    assert report["wh_metered"] == accounted_wh
    assert report["wh_on_chain"] > 0
    assert report["wh_pending"] == 0
    assert report["batches_confirmed"] >= 2
    assert report["disconnects"] >= 1
    assert report["reconnects"] >= 1
    assert report["outage_backlog_max"] >= METERS
    assert "chain offline" in ended.said


def recording(path: Path, minutes: int) -> list[int]:
    """Write a recorded household of whole watts; returns its power by minute, W."""
    powers_w = [(minute * 7919) % 4_000 for minute in range(minutes)]
    rows = [
        f"2026-03-01T{minute // 60 % 24:02d}:{minute % 60:02d},230.0,{power / 230:.3f},{power}"
        for minute, power in enumerate(powers_w)
    ]
    path.write_text("\n".join(["time,voltage_v,current_a,power_w", *rows]) + "\n")
    return powers_w


async def test_a_recorded_household_arrives_on_the_chain_to_the_wh(tmp_path: Path) -> None:
    """Each minute is constant power × the meter's scale; a register is the floor of the sum."""
    path = tmp_path / "household.csv"
    powers_w = recording(path, 24 * 60)
    played = 20
    ended = await demo("--load", str(path), "--for", str(played))
    expected_wh = 0
    for slot in range(METERS):
        offset, scale = slot * 997 % len(powers_w), Fraction(700 + 40 * slot, 1000)
        minutes = [powers_w[(offset + minute) % len(powers_w)] for minute in range(played)]
        expected_wh += int(sum(minutes) * scale / 60)
    assert ended.status == 0, ended
    assert ended.report["ok"] is True
    assert ended.report["wh_pending"] == 0
    assert ended.report["wh_on_chain"] == ended.report["wh_metered"] == expected_wh
    assert ended.report["disconnects"] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_ctrl_c_a_kill_and_a_closed_terminal_leave_no_process_and_no_file(
    number: signal.Signals,
) -> None:
    # What starts the tests in the background makes them, and what they start, deaf to Ctrl-C.
    process = await asyncio.create_subprocess_exec(
        *("env", "--default-signal", GATEWAY, "demo"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(READY_S):
        while "the page:" not in said:
            line = (await process.stdout.readline()).decode()
            assert line, said
            said += line
    children = descendants(process.pid)
    assert len(children) >= 5  # the ledger, the broker, the gateway's three processes
    folders = {
        match for child in children for match in re.findall(r"/\S*/village-[^/\s]+", child[1])
    }
    assert folders
    process.send_signal(number)
    async with asyncio.timeout(READY_S):
        rest = await process.stdout.read()
    assert await process.wait() == 0, said + rest.decode()
    assert not [pid for pid, _ in children if Path(f"/proc/{pid}").exists()]
    assert not [folder for folder in folders if Path(folder).exists()]


def descendants(pid: int) -> list[tuple[int, str]]:
    """Process ids and command lines of everything that a process started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            found += [(int(child), command), *descendants(int(child))]
    return found


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--outage", "80:40"), "A must come before B"),
        (("--outage", "soon"), "write it as A:B, like 40:80"),
        (("--for", "0"), "--for: give at least 1 second"),
        (("--for", "30", "--outage", "10:40"), "it must end before --for does"),
        (("--load", "/nowhere.csv"), "/nowhere.csv cannot be read as CSV"),
    ],
)
async def test_a_wrong_argument_is_named(arguments: tuple[str, ...], sentence: str) -> None:
    process = await asyncio.create_subprocess_exec(
        GATEWAY, "demo", *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode in (1, 2)
    assert sentence in said.decode()
