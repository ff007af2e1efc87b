"""How far the village's time can be trusted. Pure: what was seen is an argument.

Village time is the machine's count since boot plus an offset, so nobody moves it by setting the
system's clock. The offset is trusted from NTP, from an RTC, from the close time of a ledger that
was just seen, or from an operator; once trusted it stays so until the next boot, unless the
system's clock jumps without NTP. Without trust, the time shown is the latest that is certain to
have been reached: never ahead of the truth, and never back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

BUILT_MS = 1_793_491_200_000
"""2026-11-01: this program did not run before."""
JUMP_MS = 10_000
"""The system's clock against the count since boot, between two looks; NTP slews by far less."""
BACK_MS = 60_000
"""A time this much before the one shown is accepted: what is shown stands still meanwhile."""
WAIT_MS = 86_400_000
"""NTP this much behind is waited for; further behind it is not believed."""
AGREE_MS = 600_000
"""What is no more apart than this says the same."""
FAR_MS = 180 * 86_400_000
"""A gateway that was off for longer needs an operator's word, or two sources that agree."""
LEDGER_FAR_MS = 45 * 86_400_000
"""The same for a close time: one endpoint may lie."""
NEW_FAR_MS = 20 * 365 * 86_400_000
"""While nothing was ever stored."""


class Source(StrEnum):
    """Where trust comes from; the values are stored."""

    NTP = "ntp"
    RTC = "rtc"
    LEDGER = "ledger"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Standing:
    """How village time stands to the count since boot.

    Args:
        boot: which boot.
        offset_ms: village time less the count since boot (unix milliseconds).
        floor_ms: what is never gone below (unix milliseconds).
        anchored: the offset was trusted once in this boot.
        trusted_by: who is trusted; None: nobody.
        since_ms: since when, by the count since boot.
        untrusted_ms: how long nobody had been trusted before that, in boots before this one.
        wall_offset_ms: the system's time less the count since boot, when last looked.
        setting_id: the newest of the operators' settings that was taken into account.
    """

    boot: str
    offset_ms: int
    floor_ms: int
    anchored: bool
    trusted_by: Source | None
    since_ms: int
    untrusted_ms: int
    wall_offset_ms: int
    setting_id: int = 0

    def at_ms(self, monotonic_ms: int) -> int:
        """Village time at a count since boot (unix milliseconds)."""
        return max(self.floor_ms, self.offset_ms + monotonic_ms)

    def untrusted_for_ms(self, monotonic_ms: int) -> int:
        """For how long nobody is trusted at a count since boot; 0 while somebody is."""
        if self.trusted_by is not None:
            return 0
        return self.untrusted_ms + max(0, monotonic_ms - self.since_ms)


@dataclass(frozen=True, slots=True)
class Setting:
    """A time that an operator has set.

    Args:
        setting_id: its row.
        offset_ms: that time less the count since boot when it was set (unix milliseconds).
        far: it was meant, however far it is from what was shown.
    """

    setting_id: int
    offset_ms: int
    far: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found.

    Args:
        monotonic_ms: the count since boot.
        wall_ms: the system's time (unix milliseconds).
        synchronised: an NTP daemon keeps it.
        rtc_ms: by the real-time clock (unix milliseconds); None: there is none.
        closed_ms: close time of a ledger seen for the first time since the last look (unix
            milliseconds); None: there was none.
        setting: what an operator has set since the last look.
    """

    monotonic_ms: int
    wall_ms: int
    synchronised: bool = False
    rtc_ms: int | None = None
    closed_ms: int | None = None
    setting: Setting | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look has led to.

    Args:
        standing: from now on.
        problem: what disagrees just now; nothing: nothing does.
    """

    standing: Standing
    problem: str = ""


def begin(  # noqa: PLR0917 - all that is known at boot
    boot: str, monotonic_ms: int, wall_ms: int, newest_ms: int, untrusted_ms: int, setting_id: int
) -> Standing:
    """The first standing of a boot: nobody is trusted, and time has not stood before ``newest_ms``.

    Args:
        boot: which boot.
        monotonic_ms: the count since boot.
        wall_ms: the system's time (unix milliseconds).
        newest_ms: the latest instant that is certain (unix milliseconds).
        untrusted_ms: for how long nobody had been trusted before.
        setting_id: the newest of the operators' settings that was taken into account.
    """
    floor_ms = max(newest_ms, BUILT_MS)
    return Standing(
        boot=boot,
        offset_ms=floor_ms - monotonic_ms,
        floor_ms=floor_ms,
        anchored=False,
        trusted_by=None,
        since_ms=monotonic_ms,
        untrusted_ms=untrusted_ms,
        wall_offset_ms=wall_ms - monotonic_ms,
        setting_id=setting_id,
    )


def judge(before: Standing, seen: Seen) -> Verdict:
    """Take over what is trustworthy, in the order NTP, operator, what was trusted, RTC, ledger.

    An operator's word counts while there is no NTP: it stands above what a machine without it
    remembers.

    Args:
        before: how it stood.
        seen: what a look has found.
    """
    jump_ms = seen.wall_ms - seen.monotonic_ms - before.wall_offset_ms
    standing = replace(before, wall_offset_ms=seen.wall_ms - seen.monotonic_ms)
    if seen.setting is not None:  # also where it is overruled: nobody means it any more later
        standing = replace(standing, setting_id=seen.setting.setting_id)
    problem = ""
    if seen.synchronised:
        verdict = _by_ntp(standing, seen)
        if isinstance(verdict, Verdict):
            return verdict
        problem = verdict
    if seen.setting is not None:
        set_ms = seen.setting.offset_ms + seen.monotonic_ms
        far_ms = NEW_FAR_MS if seen.setting.far else FAR_MS
        if _plausible(standing, seen, set_ms, far_ms):
            return Verdict(_trust(standing, seen, Source.OPERATOR, set_ms), problem)
    if standing.trusted_by is not None and abs(jump_ms) > JUMP_MS:
        standing = _doubt(standing, seen)
        problem = problem or f"the system's clock was moved by {_span(jump_ms)} without NTP"
    if standing.trusted_by is None:
        standing = _by_others(standing, seen)
    return Verdict(standing, problem)


def _by_ntp(standing: Standing, seen: Seen) -> Verdict | str:
    """What NTP makes of it; a sentence: it is not believed."""
    shown_ms = standing.at_ms(seen.monotonic_ms)
    if _plausible(standing, seen, seen.wall_ms, FAR_MS):
        return Verdict(_trust(standing, seen, Source.NTP, seen.wall_ms))
    if BUILT_MS <= seen.wall_ms < shown_ms and shown_ms - seen.wall_ms <= WAIT_MS:
        waiting = _doubt(standing, seen)
        offset_ms = seen.wall_ms - seen.monotonic_ms
        if abs(offset_ms - waiting.offset_ms) >= _SMALL_MS:
            waiting = replace(waiting, offset_ms=offset_ms, floor_ms=shown_ms)
        return Verdict(
            waiting,
            f"NTP says {_say(seen.wall_ms)}, and the time was taken to be {_say(shown_ms)} already",
        )
    return (
        f"NTP says {_say(seen.wall_ms)}, which is too far from {_say(shown_ms)}, reached at least"
    )


def _by_others(standing: Standing, seen: Seen) -> Standing:
    """What an RTC or a ledger says, where nobody is trusted."""
    shown_ms = standing.at_ms(seen.monotonic_ms)
    for source, said_ms, far_ms in (
        (Source.RTC, seen.rtc_ms, FAR_MS),
        (Source.LEDGER, seen.closed_ms, LEDGER_FAR_MS),
    ):
        if said_ms is None:
            continue
        if standing.anchored:  # what was counted since is better than either, if they agree
            if abs(said_ms - shown_ms) <= AGREE_MS:
                return _trust(standing, seen, source, shown_ms)
        elif source is Source.LEDGER:  # a lower bound
            if _plausible(standing, seen, said_ms, far_ms, back_ms=AGREE_MS):
                return _trust(standing, seen, source, max(said_ms, shown_ms))
        elif _plausible(standing, seen, said_ms, far_ms):
            return _trust(standing, seen, source, said_ms)
    return standing


def _plausible(
    standing: Standing, seen: Seen, said_ms: int, far_ms: int, back_ms: int = BACK_MS
) -> bool:
    """Neither before what was reached for certain, nor unbelievably far after it."""
    shown_ms = standing.at_ms(seen.monotonic_ms)
    if said_ms < BUILT_MS or said_ms < shown_ms - back_ms:
        return False
    if standing.floor_ms <= BUILT_MS:
        far_ms = NEW_FAR_MS
    others = [one for one in (seen.rtc_ms, seen.closed_ms) if one is not None and one != said_ms]
    return said_ms <= shown_ms + far_ms or any(abs(said_ms - one) <= AGREE_MS for one in others)


def _trust(standing: Standing, seen: Seen, source: Source, said_ms: int) -> Standing:
    """Trust a source; small differences move nothing, so that the row is seldom written."""
    offset_ms = said_ms - seen.monotonic_ms
    if standing.trusted_by is source and abs(offset_ms - standing.offset_ms) < _SMALL_MS:
        return standing
    changed = standing.trusted_by is None
    return replace(
        standing,
        offset_ms=offset_ms,
        floor_ms=standing.at_ms(seen.monotonic_ms),
        anchored=True,
        trusted_by=source,
        since_ms=seen.monotonic_ms if changed else standing.since_ms,
        untrusted_ms=0,
    )


def _doubt(standing: Standing, seen: Seen) -> Standing:
    if standing.trusted_by is None:
        return standing
    return replace(standing, trusted_by=None, since_ms=seen.monotonic_ms, untrusted_ms=0)


_SMALL_MS = 100
_UNITS = ((31_557_600, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def _span(duration_ms: int) -> str:
    size_s, unit = next((one for one in _UNITS if abs(duration_ms) >= one[0] * 1000), _UNITS[-1])
    count = abs(duration_ms) // (size_s * 1000)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _say(unix_ms: int) -> str:
    return f"{datetime.fromtimestamp(unix_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
