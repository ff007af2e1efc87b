"""Run benchmarks, print their tables, and render ``docs/performance.md`` from all results."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from benchmarks.claims import RESULTS, Claim

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
NOT_BENCHMARKS = {
    "__init__",
    "__main__",
    "askers",
    "card_rig",
    "chain",
    "claims",
    "drain_field",
    "field",
    "line",
    "two_buses",
    "village",
}
ON_REQUEST = {"bus_hour", "coverage"}
"""Not part of a run without names: an hour's watch, and what needs tools of its own."""


def names() -> list[str]:
    """Every benchmark in this folder that a run without names measures."""
    left_out = NOT_BENCHMARKS | ON_REQUEST
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in left_out)


def render() -> str:
    """The page, from the stored results."""
    lines = [
        "# Measured",
        "",
        "Written by `make bench` from `benchmarks/results/`; do not edit. Machines differ: ratios",
        "and counts carry over, absolute times do not.",
        "",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        lines += [f"## {path.stem}", "", f"{document['machine']}, {document['at']}", ""]
        lines += ["| claim | measured | bound | holds | peers |", "|---|--:|--:|---|---|"]
        lines += [_row(Claim(**claim)) for claim in document["claims"]]
        lines += ["", *document["table"], ""]
    return "\n".join(lines)


def _row(claim: Claim) -> str:
    peers = ", ".join(f"{name} {value:,g}" for name, value in claim.peers.items())
    holds = "yes" if claim.holds else "**no**"
    bound = f"{claim.op} {claim.bound:,g}"
    return f"| `{claim.id}` | {claim.value:,g} {claim.unit} | {bound} | {holds} | {peers} |"


def main() -> int:
    """Run the named benchmarks, or all; 0 also when a claim does not hold: the table says so."""
    for name in sys.argv[1:] or names():
        benchmark = importlib.import_module(f"benchmarks.{name}").measure()
        benchmark.save()
        print("\n".join((f"## {name}", *benchmark.table, "")))
        for claim in benchmark.claims:
            print(_row(claim))
    PAGE.write_text(render(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
