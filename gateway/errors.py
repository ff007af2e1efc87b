"""Errors sorted by remedy: try again, or a person has to act.

A service absorbs :class:`Transient` faults in its loop with back-off. A :class:`Permanent` fault
of one item parks that item visibly and the service goes on.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Every error this program raises on purpose; its text is fit for an operator to read."""


class Transient(GatewayError):  # noqa: N818 - named by remedy, not by suffix
    """Trying again later can help: a cut cable, a busy node, a broker that is down."""


class Permanent(GatewayError):  # noqa: N818 - named by remedy, not by suffix
    """Trying again cannot help: a person has to change something first."""


class ConfigError(Permanent):
    """The configuration is wrong; every problem found is listed, not only the first.

    Args:
        problems: one sentence per problem, each naming the setting and what to do.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
