"""The page's static files, in memory, under names that change with their content.

So a phone fetches each version once and never asks again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served.

    Args:
        url: where, from the root; holds a hash of the content.
        content: its bytes.
        media_type: for the Content-Type header.
    """

    url: str
    content: bytes
    media_type: str


def load_assets() -> Mapping[str, Asset]:
    """Every file of ``static/``, by its plain name."""
    return {
        entry.name: _asset(entry.name, entry.read_bytes())
        for entry in resources.files("gateway.web").joinpath("static").iterdir()
        if entry.is_file()
    }


def version_of(assets: Mapping[str, Asset]) -> str:
    """A short name for this set of files; another set has another name."""
    urls = sorted(asset.url for asset in assets.values())
    return hashlib.sha256("\n".join(urls).encode()).hexdigest()[:12]


def _asset(name: str, content: bytes) -> Asset:
    stem, _, suffix = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(f"/static/{stem}.{digest}.{suffix}", content, _TYPES[suffix])
