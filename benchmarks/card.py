"""What metering writes to the memory card: bytes per reading, and per second of a whole village.

What is written is counted by the kernel, see :mod:`benchmarks.card_rig`. Peers run in real time:
they know no other.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.claims import Benchmark, Claim
from benchmarks.peers import aiomqtt_default, thingsboard

METERS = 200
HOURS = 6
PEER_PER_S, PEER_SECONDS = 5.0, 60.0
BULK_DAYS_AT_10_S, BULK_DAYS_AT_15_MIN = 30, 180
STATED_MB = 1_500
"""What 200 meters' raw readings may take: 180 days at 15 minutes and 30 days at 10 seconds."""


def measure() -> Benchmark:
    """Write a quarter of a day at several paces, and hold it against the peers."""
    slow, fast, village = _run(5, 60), _run(5, 10), _run(METERS / 60, 60, 12, "whole")
    dense, sparse = _run(METERS / 10, 10, hours=2), _run(METERS / 900, 60, hours=48)
    stored_mb = (
        dense["file_bytes_per_reading"] * METERS * 8_640 * BULK_DAYS_AT_10_S
        + sparse["file_bytes_per_reading"] * METERS * 96 * BULK_DAYS_AT_15_MIN
    ) / 1e6
    away = thingsboard.ingest_at(PEER_PER_S, PEER_SECONDS)
    online = thingsboard.ingest_at(PEER_PER_S, PEER_SECONDS, online=True)
    each = aiomqtt_default.ingest_at(PEER_PER_S, PEER_SECONDS)
    grouped = aiomqtt_default.ingest_at(PEER_PER_S, PEER_SECONDS, 10.0)
    peers: dict[str, float] = {
        "ThingsBoard gateway, offline": round(away.bytes_per_reading),
        "ThingsBoard gateway, online": round(online.bytes_per_reading),
        "aiomqtt, a commit each": round(each.bytes_per_reading),
        "aiomqtt, a commit every 10 s": round(grouped.bytes_per_reading),
    }
    unit = "bytes written per reading, at 5 readings/s"
    runs = {
        "5/s, committed every 60 s": slow,
        "5/s, committed every 10 s": fast,
        "200 meters each minute, every 60 s, with supply, chain and batches": village,
        "200 meters each 10 s, every 10 s": dense,
        "200 meters each 15 min, every 60 s": sparse,
    }
    return Benchmark(
        "card",
        (
            Claim("card.bytes_per_reading_60s", slow["per_reading"], unit, "<=", 160, peers),
            Claim("card.bytes_per_reading_10s", fast["per_reading"], unit, "<=", 500, peers),
            Claim(
                "card.bytes_per_s_200",
                village["per_s"],
                "bytes/s: all that the gateway writes, 200 meters read each minute",
                "<=",
                600,
            ),
            Claim(
                "card.stored_mb_200",
                round(stored_mb),
                "MB: 200 meters, 180 days at 15 min and 30 days at 10 s, raw and rolled up",
                "<=",
                STATED_MB,
            ),
        ),
        (
            "| readings | bytes/reading | bytes/s | in the file, bytes/reading |",
            "|---|--:|--:|--:|",
            *(
                f"| {name} | {run['per_reading']:.0f} | {run['per_s']:.0f} "
                f"| {run['file_bytes_per_reading']:.1f} |"
                for name, run in runs.items()
            ),
            "",
            f"Peers in real time, {PEER_PER_S:g} readings/s for {PEER_SECONDS:g} s, each as it "
            "comes but for retries and storage (see benchmarks/peers).",
        ),
    )


def _run(per_s: float, flush_s: int, hours: int = HOURS, what: str = "") -> dict[str, float]:
    """One pace, in a process of its own; bytes by reading and second."""
    command = [sys.executable, "-m", "benchmarks.card_rig", str(per_s), str(flush_s), str(hours)]
    done = subprocess.run([*command, *what.split()], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
