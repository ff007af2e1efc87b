"""What one run shows, and many runs together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.torture.judge import Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run.

    Args:
        seed: by which it can be had again.
        problems: what should not be, one sentence each; none, it is hoped.
        thrown: what was thrown at it, by name.
        sums: what it counted: ``wh_wrong``, ``rows_lost``, ``batches`` and the like.
        seconds: how long it took, wall; whoever runs it takes the time.
    """

    seed: int
    problems: tuple[str, ...]
    thrown: Counter[str]
    sums: Counter[str]
    seconds: float = 0.0


Run = Callable[[Path, int], Awaitable[Outcome]]
"""One run, in an empty folder, of a seed."""


@dataclass(slots=True)
class Tally:
    """Many runs of one part.

    Args:
        runs: how many.
        failed: those that have problems.
        thrown: what was thrown at all of them.
        sums: what they counted.
        seconds: their wall time, all together.
    """

    runs: int = 0
    failed: list[Outcome] = field(default_factory=list)
    thrown: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count more runs."""
        for outcome in outcomes:
            self.runs += 1
            self.thrown += outcome.thrown
            self.sums += outcome.sums
            self.seconds += outcome.seconds
            if outcome.problems:
                self.failed.append(outcome)

    @property
    def ms_a_run(self) -> int:
        """Wall milliseconds of one run."""
        return round(self.seconds * 1_000 / max(self.runs, 1))


def summed(verdict: Verdict) -> Counter[str]:
    """A verdict's numbers, to be added up."""
    return Counter(
        wh_wrong=verdict.wrong_wh,
        wh_settled=verdict.settled_wh,
        wh_residue=verdict.residue_wh,
        batches=verdict.batches,
    )
