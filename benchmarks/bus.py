"""How much of an RS485 line the poller uses, what it breaks, and what dead meters cost it."""

from __future__ import annotations

from benchmarks.askers import PEERS, gateway
from benchmarks.claims import Benchmark, Claim
from benchmarks.line import METERS, POLL_S, Asker, Tally, run
from benchmarks.two_buses import Rounds, table, watch
from gateway.simulation.bus import TURNAROUND_S

DEAD = 3
SOUND_S = (1.0, 15.0)
"""Warm-up, and what is counted."""
STEADY_S = (75.0, 65.0)
"""With dead meters: a back-off has grown to its longest, 60 s, after 70 s, and comes once in 60."""
ROUNDS_S = 65.0


def measure() -> Benchmark:
    """Every asker on a sound line, then on one with dead meters; then the gateway on two lines."""
    askers: dict[str, Asker] = {"gateway": gateway, **PEERS}
    sound = {name: run(asker, Tally(*SOUND_S)) for name, asker in askers.items()}
    dead = {name: run(asker, Tally(*STEADY_S), DEAD) for name, asker in askers.items()}
    rounds = watch(ROUNDS_S)
    return Benchmark("bus", _claims(sound, dead, rounds), _table(sound, dead, rounds))


def _claims(sound: dict[str, Tally], dead: dict[str, Tally], rounds: Rounds) -> tuple[Claim, ...]:
    violations: dict[str, float] = {
        name: sound[name].gap_violations + dead[name].gap_violations for name in sound
    }
    used = {name: round(tally.utilisation, 3) for name, tally in sound.items()}
    used_dead = {name: round(tally.per_s * POLL_S, 3) for name, tally in dead.items()}
    return (
        Claim(
            "bus.utilisation",
            used.pop("gateway"),
            "of what the line allows with the gap kept",
            ">=",
            0.97,
            used,
        ),
        Claim(
            "bus.gap_violations",
            violations.pop("gateway") + rounds.gap_violations,
            "requests without 3.5 characters of silence",
            "=",
            0,
            violations,
        ),
        Claim(
            "bus.utilisation_3_dead",
            used_dead.pop("gateway"),
            f"of what the {METERS - DEAD} living meters allow",
            ">=",
            0.90,
            used_dead,
        ),
        Claim("bus.cycle_200_s", round(rounds.cycle_s, 2), "s", "<=", 12),
        Claim("bus.skipped_200", rounds.skipped, "periods without the meter's reading", "=", 0),
    )


def _table(sound: dict[str, Tally], dead: dict[str, Tally], rounds: Rounds) -> tuple[str, ...]:
    return (
        f"Ceiling {1 / POLL_S:.1f} polls/s: 9600 baud, {TURNAROUND_S * 1000:.0f} ms turnaround. "
        "Who does not keep the gap can pass it.",
        f"Dead meters: {DEAD} of {METERS}, timeout 0.2 s, no retries, counted for "
        f"{STEADY_S[1]:g} s after {STEADY_S[0]:g} s, when back-offs have grown.",
        "",
        "| asker | readings/s | of the ceiling | CPU ms/reading | 3 of 10 dead, readings/s |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {name} | {sound[name].per_s:.1f} | {sound[name].utilisation:.3f} "
            f"| {sound[name].cpu_ms:.2f} | {dead[name].per_s:.1f} |"
            for name in sound
        ),
        "",
        *table(rounds),
    )
