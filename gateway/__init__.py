"""The village gateway: meters in, settled usage out, supply switched on the spot.

The listing of this package is the data flow: ``sources`` → ``store`` → ``ledger``, ``relays``,
``web``. The store is the only bus between them.
"""

__version__ = "0.1.0"
