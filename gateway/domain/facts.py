"""Dataclasses that nobody changes, made by the hundred at each look at a village.

mypy sees to it that they stay as they are. The runtime does not: a frozen dataclass sets each of
its fields the long way round, which was a third of what a look at 200 meters cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as facts
else:

    def facts(*, frozen: bool, slots: bool):  # noqa: ANN201 - mypy takes it for dataclass itself
        """Like ``dataclass``; two that are equal have the same hash, as if frozen."""
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["facts"]
