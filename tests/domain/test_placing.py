"""Boots of which nobody knows when they were: in order, between what is known, none too long."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.placing import Run, place

FROM_MS = 1_800_000_000_000
RUN = st.tuples(st.integers(0, 10**8), st.integers(0, 10**9)).map(
    lambda pair: Run(pair[0], sum(pair))
)


@given(st.lists(RUN, min_size=1, max_size=6), st.integers(0, 10**10))
def test_law_boots_stay_in_order_between_what_is_known(runs: list[Run], off_ms: int) -> None:
    to_ms = FROM_MS + off_ms + sum(run.ended_ms - run.began_ms for run in runs)
    offsets = place(runs, FROM_MS, to_ms)
    edges = [FROM_MS]
    for offset_ms, run in zip(offsets, runs, strict=True):
        edges += [offset_ms + run.began_ms, offset_ms + run.ended_ms]
    edges.append(to_ms)
    assert all(earlier <= later for earlier, later in pairwise(edges))


def test_what_the_gateway_was_off_is_divided_evenly() -> None:
    runs = [Run(30_000, 130_000), Run(30_000, 80_000)]
    assert place(runs, 0, 450_000) == [70_000, 270_000]


def test_runs_that_do_not_fit_follow_one_another() -> None:
    assert place([Run(0, 100), Run(0, 100)], 1_000, 1_050) == [1_000, 1_100]
