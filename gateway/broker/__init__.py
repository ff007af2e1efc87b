"""The one MQTT connection of this process: connects, subscribes, publishes, hands on messages.

A message is acknowledged to the broker when what its handler returned is done, never before, so a
handler that returns the future of its commit loses nothing to a crash; if it fails, nothing is
acknowledged. Knows no topic and no message's meaning.
"""

from gateway.broker.connection import Broker, Reach, Report
from gateway.broker.inbox import Receive
from gateway.broker.link import BrokerSettings

__all__ = ["Broker", "BrokerSettings", "Reach", "Receive", "Report"]
