"""The time everything is stamped with, how far it can be trusted, and the machine it is read from.

A leaf: reads the machine and judges; what is known survives a restart in the store, see
:mod:`gateway.store.timekeeping`.
"""

from gateway.clock.machine import Machine
from gateway.clock.trust import Source, Standing
from gateway.clock.village import Clock

__all__ = ["Clock", "Machine", "Source", "Standing"]
