"""Names of nodes, and the MQTT topics under which they and the gateway talk.

The broker's ACL gives each node ``nodes/NAME/up/#`` to write and ``nodes/NAME/down/#`` to read, so
a topic's NAME is the identity that the broker has checked.
"""

from __future__ import annotations

import re
from enum import StrEnum

from gateway.wire.errors import WireError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)


class Channel(StrEnum):
    """What a topic carries; the value is the topic's end."""

    READING = "up/reading"
    RELAY_STATE = "up/relay"
    STATUS = "up/status"
    TOKEN = "up/token"  # noqa: S105 - a topic
    RELAY_COMMAND = "down/relay"
    ACK = "down/ack"
    TOKEN_ANSWER = "down/token"  # noqa: S105 - a topic


def check_name(name: str, field: str = "device_id") -> str:
    """A node's name: 1-63 of A-Z a-z 0-9 _ . -, starting with a letter or digit.

    Raises:
        WireError: it could not be used in a topic, an ACL and a file name alike.
    """
    if not _NAME.fullmatch(name):
        raise WireError(
            field, f"must be 1 to 63 letters, digits, dots, - or _, like meter-001, but is {name!r}"
        )
    return name


def topic(node: str, channel: Channel) -> str:
    """The topic of one node's channel.

    Raises:
        WireError: the name is not one for a node.
    """
    return f"nodes/{check_name(node, 'node')}/{channel}"


def topic_filter(channel: Channel) -> str:
    """The subscription that matches this channel of every node."""
    return f"nodes/+/{channel}"


def parse_topic(text: str) -> tuple[str, Channel]:
    """The node and the channel of a topic.

    Raises:
        WireError: it is not a topic of a node.
    """
    match text.split("/", 2):
        case ["nodes", node, end] if end in list(Channel):
            return check_name(node, "topic"), Channel(end)
        case _:
            raise WireError("topic", f"{text!r} is not one of nodes/NAME/... that is known")
