"""What the page is made of: a figure with its note, and the instant all ages refer to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.clock import Clock
from gateway.web import words
from gateway.web.settings import WebSettings


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing to read on the page.

    Args:
        text: what is read first.
        note: what explains it; empty: nothing.
        kind: the style sheet's name for how it looks; never the only carrier of a meaning.
    """

    text: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that needs a person.

    Args:
        title: what it is about.
        text: what is wrong and what to do, for people.
        anchor: the meter point on the page that it is about; empty: none.
    """

    title: str
    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Instant:
    """The instant that a page shows, and how to speak of others from it.

    Args:
        now: local to the village.
        clock: tells wall seconds from the village's.
        settings: from when on something counts as silent or stale.
    """

    now: datetime
    clock: Clock
    settings: WebSettings

    @classmethod
    def of(cls, clock: Clock, settings: WebSettings) -> Instant:
        """The present."""
        return cls(clock.now().astimezone(settings.zone), clock, settings)

    @property
    def now_s(self) -> int:
        """Unix seconds."""
        return int(self.now.timestamp())

    @property
    def day_start_s(self) -> int:
        """The last local midnight (unix seconds)."""
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return int(midnight.timestamp())

    @property
    def zone_name(self) -> str:
        """'EAT', or 'UTC+03' where a zone has no letters."""
        name = self.now.strftime("%Z")
        return name if name[:1].isalpha() else f"UTC{name}"

    def ago(self, instant_s: int) -> str:
        """How long ago an instant was: '12 s ago'."""
        return words.age(self.now_s - instant_s)

    def lasting(self, since_s: int) -> str:
        """How long something has lasted: 'for 3 h'."""
        return f"for {words.duration(self.now_s - since_s)}"

    def when(self, instant_s: int) -> str:
        """An instant in local time: '10:15', 'Thu 24 Jan 10:15'."""
        local = datetime.fromtimestamp(instant_s, self.now.tzinfo)
        return words.moment(local, self.now)

    def is_silent(self, heard_s: int) -> bool:
        """Whether nothing was heard for so long that something must be wrong.

        While the time is not known, readings wait for their date: their absence says nothing.
        """
        if not self.clock.trusted:
            return False
        quiet_s = self.clock.wall_duration_s(self.now_s - heard_s)
        return quiet_s > self.settings.silent_after_s
