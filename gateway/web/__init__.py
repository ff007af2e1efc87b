"""The village's own page and API, read-only, for phones on the local network.

Shows what the store holds and how old it is. Never switches, never signs, never writes.
"""

from gateway.web.app import create_app
from gateway.web.service import WebService
from gateway.web.settings import WebSettings

__all__ = ["WebService", "WebSettings", "create_app"]
