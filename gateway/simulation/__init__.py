"""A village without hardware, for ``gateway demo`` and for the tests.

It fakes only what lies outside the gateway: the load, the wire, the pin and the nodes. The broker,
the serial line discipline and the GPIO library are the real ones.
"""
