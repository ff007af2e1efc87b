"""The report, from results alone: ``docs/reliability.md``, ``benchmarks/results/torture.json``."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.claims import Benchmark, Claim
from tests.ledger.localnet import ROOT
from tests.torture.outcome import Tally

PAGE = ROOT / "docs" / "reliability.md"
MOST_SEEDS = 20
"""Seeds of failed runs that the page names."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """What the page says of one part, whatever came of it.

    Args:
        runs: in the full form.
        title: its heading.
        text: what is done, and what is asked.
    """

    runs: int
    title: str
    text: str


CHAPTERS: Mapping[str, Chapter] = {
    "rpc": Chapter(
        10_000,
        "The way to the chain fails and lies",
        "A village uses energy for one to three hours; its readings go through the real intake "
        "into a real file, and the real submitter and refresher settle it on the real Soroban "
        "host, through a proxy on loopback that does to each request what the seed says. "
        "Meanwhile the services are started again, envelopes expire, clocks jump, others pay and "
        "use the same account. People pay cash and enter tokens, which go on chain once; tokens "
        "are tried again, made up, or carried to another house; locks are hung on supplies and "
        "taken off; the store's backup is put in its place, and an operator takes the site over. "
        "Then the faults end, and everything must be settled. What is read "
        "only after the batch of its time was settled may be more than the contract lets flow "
        "until the next one: it waits. Unless there was a plan, or a meter was switched off, no Wh "
        "may be refused.",
    ),
    "kill": Chapter(
        700,
        "SIGKILL at any call",
        "A process lives through some hours of the story: readings are stored and acknowledged, "
        "batches composed, signed, sent and confirmed, events read, readings rolled up and "
        "forgotten, the site taken over. A shim in front of the kernel kills it before, after, "
        "or in the midst of its n-th write, sync, truncation, removal or request. One to three "
        "die so; the last one has to get to the end. In each step somebody may pay, one supply is "
        "locked out all the time and others now and then, and what relays are told outlives their "
        "process. Below is where they died, and what the "
        "outbox said.",
    ),
    "disk": Chapter(
        150,
        "The power is cut, and the disk is torn",
        "As above, but what was not synced is not safe. From the shim's log the disk is rebuilt "
        "as the power cut may have left it, at the end of a life and at instants within it: of "
        "all writes since the last sync none, all, a beginning, some, or some of their 512-byte "
        "sectors. Each disk is opened by the real store, checked, and searched for every reading "
        "that had been acknowledged and every envelope that had been sent by then; the next life "
        "goes on with one of them.",
    ),
    "fault": Chapter(
        150,
        "The disk is full or fails",
        "For up to 60 calls in a row each write ends with ENOSPC, the first after half of it, or "
        "each write and each sync with EIO. The process may wait or end with a sentence; the next "
        "one has to get to the end.",
    ),
    "field": Chapter(
        24,
        "Bus, broker, disk, clock and process of the field",
        "The real `gateway run --only field` reads two meters on a simulated bus and two nodes on "
        "a real Mosquitto, into a file system of 48 MB. Three to six things happen to it; after "
        "each all meters must be read again, and at the end every reading that a node was told "
        "is stored must be there. One supply is locked out on its way, another one is critical. "
        "What happens follows from the seed, the instants do not.",
    ),
    "away": Chapter(
        60,
        "Thirty days without chain, disk or broker",
        "One or two of the three are away for thirty simulated days: requests to the chain are "
        "refused or never answered, the real Mosquitto is stopped, the disk is full, read-only, or "
        "fails each write; for good or with short returns. Households use energy, spend what they "
        "have, are cut, and pay on site by token and by cash; people hang locks and give orders; "
        "others pay, buy plans and deactivate meters on the chain; processes are started anew. "
        "After each decision each relay is held against a reader of its own, by the rules of "
        "`docs/supply.md` in plain integers, from what is stored and what was heard. While the "
        "disk takes nothing relays stay as they are, but for a lock-out, which opens. Then "
        "everything is back, and everything must be settled, money paid on site exactly once.",
    ),
}


def write(tallies: Mapping[str, Tally], first_seed: int) -> None:
    """Write both files; a run that failed is in them.

    Args:
        tallies: what came of each part.
        first_seed: where each part's seeds begin.
    """
    benchmark = Benchmark("torture", tuple(_claims(tallies)), tuple(_table(tallies)))
    benchmark.save()
    lines = [*_HEAD, *_verdict(benchmark)]
    for part, tally in tallies.items():
        lines += _chapter(part, tally, first_seed)
    PAGE.write_text("\n".join(lines) + "\n", "utf-8")


_HEAD = [
    "# Reliability, tortured",
    "",
    "Written by `make torture` from what it saw; do not edit. The rig is `tests/torture`: the "
    "gateway's own services, real files, the real Soroban host, and a world around them that "
    "fails. Each run follows from its seed alone. The verdict is read by a reader of its own from "
    "the simulated meters' registers, the store's file and the ledger's entries: per meter, "
    "`on chain + pending + residue = register end - register start`, nothing pending at the end, "
    "receipts and batches of the contract in step with those of the store, and each balance is "
    "what was paid less what was used. All the while a locked-out supply is never switched on, and "
    "a critical one never off.",
    "",
    "A run again: `.venv/bin/python -m tests.torture PART --seed N`. All of it: `make torture`. A "
    "short form runs in `make test`, with fixed seeds and with fresh ones.",
    "",
]


def _claims(tallies: Mapping[str, Tally]) -> list[Claim]:
    sums = sum((tally.sums for tally in tallies.values()), start=Tally().sums)
    drained = sum(tally.runs - len(tally.failed) for tally in tallies.values())
    runs = sum(tally.runs for tally in tallies.values())
    rpc = tallies["rpc"].runs if "rpc" in tallies else 0
    # No run is away for longer, so the mean falls below it as soon as one was not.
    away = sums["days_away"] // max(tallies["away"].runs, 1) if "away" in tallies else 0
    return [
        Claim("torture.rpc_schedules", rpc, "schedules", ">=", 10_000),
        Claim("torture.kill_points", sums["kills"], "kills", ">=", 1_000),
        Claim("torture.torn_disks", sums["disks"], "disks", ">=", 500),
        Claim("torture.wh_lost_or_doubled", sums["wh_wrong"], "Wh", "=", 0),
        Claim("torture.acked_rows_lost", sums["rows_lost"], "readings", "=", 0),
        Claim("torture.relay_faults", sums["relay_faults"], "commands", "=", 0),
        Claim("torture.runs_not_drained", runs - drained, "runs", "=", 0),
        Claim("torture.days_away", away, "days a run, simulated", ">=", 30),
        Claim("torture.wrong_relays", sums["wrong_relays"], "relays", "=", 0),
    ]


def _table(tallies: Mapping[str, Tally]) -> list[str]:
    lines = ["| part | runs | batches settled | Wh settled | failed | ms a run |"]
    lines += ["|---|--:|--:|--:|--:|--:|"]
    lines += [
        f"| {part} | {tally.runs:,} | {tally.sums['batches']:,} | {tally.sums['wh_settled']:,} "
        f"| {len(tally.failed)} | {tally.ms_a_run} |"
        for part, tally in tallies.items()
    ]
    return lines


def _verdict(benchmark: Benchmark) -> list[str]:
    lines = [f"{platform.machine()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.", ""]
    lines += ["| claim | seen | bound | holds |", "|---|--:|--:|---|"]
    lines += [
        f"| `{claim.id}` | {claim.value:,g} {claim.unit} | {claim.op} {claim.bound:,g} "
        f"| {'yes' if claim.holds else '**no**'} |"
        for claim in benchmark.claims
    ]
    return [*lines, "", *benchmark.table, ""]


def _chapter(part: str, tally: Tally, first_seed: int) -> list[str]:
    chapter = CHAPTERS[part]
    last = first_seed + tally.runs - 1
    lines = [f"## {chapter.title}", "", chapter.text, ""]
    lines += [f"Seeds {first_seed} to {last}: `python -m tests.torture {part} --seed N`.", ""]
    if tally.failed:
        seeds = ", ".join(str(one.seed) for one in tally.failed[:MOST_SEEDS])
        lines += [f"**{len(tally.failed)} failed**: seeds {seeds}.", ""]
    else:
        lines += ["None failed.", ""]
    lines += ["| thrown at it | times |", "|---|--:|"]
    lines += [f"| {name} | {count:,} |" for name, count in sorted(tally.thrown.items())]
    counted = {name: count for name, count in sorted(tally.sums.items()) if name != "wh_wrong"}
    counts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counted.items())
    return [*lines, "", f"Counted: {counts}.", ""]
