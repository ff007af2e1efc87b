"""A refusal is a sentence."""

from __future__ import annotations


def check_refusal(error: Exception) -> None:
    """Whatever is refused, the reason is said."""
    assert str(error).strip(), f"{type(error).__name__} says nothing"
