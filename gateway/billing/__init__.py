"""From readings to what is owed; so far: checking quarter-hours before they are billed."""

from gateway.billing.validation import IntervalCheck

__all__ = ["IntervalCheck"]
