"""A folder to put first on ``PYTHONPATH``: its ``lgpio`` stands in for the one that needs a Pi.

The real RPi.GPIO library (rpi-lgpio) runs unchanged on top of it.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
SOCKET_VARIABLE = "VILLAGE_PINS"

__all__ = ["FOLDER", "SOCKET_VARIABLE"]
