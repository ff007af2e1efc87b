"""What a person should hear of: signs of tampering and faults, and energy that goes missing.

Reads the store and writes events and statuses. Switches nothing and accuses nobody.
"""

from gateway.notices.losses import LossReport
from gateway.notices.settings import FeederSettings, NoticeSettings
from gateway.notices.watch import SignWatch

__all__ = ["FeederSettings", "LossReport", "NoticeSettings", "SignWatch"]
