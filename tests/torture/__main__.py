"""``python -m tests.torture [PART] [--seed N] [--runs N] [--workers N]``.

Without a part: the full form of all, which writes ``docs/reliability.md``. With a part: some runs
of it; ``--seed`` alone has one run again. Exit status 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import sys

from tests.torture.report import CHAPTERS, write
from tests.torture.runs import PARTS, run_many


def say(sentence: str) -> None:
    """Tell whoever watches."""
    print(sentence, flush=True)  # noqa: T201 - a command


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("part", nargs="?", choices=sorted(PARTS))
    parser.add_argument("--seed", type=int, help="the first seed; alone: only this one")
    parser.add_argument("--runs", type=int, help="how many seeds")
    parser.add_argument("--workers", type=int, default=2, help="processes side by side (2)")
    told = parser.parse_args()
    if told.part is None:
        tallies = {}
        for part, chapter in CHAPTERS.items():
            first = told.seed or 0
            count = told.runs or chapter.runs
            tallies[part] = run_many(part, range(first, first + count), told.workers, say)
        write(tallies, told.seed or 0)
        return int(any(tally.failed for tally in tallies.values()))
    runs = told.runs or (1 if told.seed is not None else CHAPTERS[told.part].runs)
    first = told.seed or 0
    tally = run_many(told.part, range(first, first + runs), told.workers, say)
    for counted in (tally.thrown, tally.sums):
        say("  ".join(f"{name}={count}" for name, count in sorted(counted.items())))
    return int(bool(tally.failed))


if __name__ == "__main__":
    sys.exit(main())
