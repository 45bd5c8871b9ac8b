"""The page's static files, including Plotly's from its installed package, each compressed once."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "static"
TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
PLOTLY: Final = "plotly.min.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is served."""

    content_type: str
    compressed: bytes

    @property
    def plain(self) -> bytes:
        """The uncompressed content, for the rare client that does not accept gzip."""
        return gzip.decompress(self.compressed)


def _files() -> dict[str, Path]:
    package = find_spec("plotly")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("plotly is not installed")
    plotly = Path(package.submodule_search_locations[0]) / "package_data" / PLOTLY
    own = {path.name: path for path in FOLDER.iterdir() if path.suffix in TYPES}
    return {**own, PLOTLY: plotly}


FILES: Final = _files()


@cache
def load(name: str) -> Asset:
    """Return a file of FILES, or raise KeyError. Compressing Plotly takes 0.25 s, once."""
    path = FILES[name]
    return Asset(
        content_type=TYPES[path.suffix], compressed=gzip.compress(path.read_bytes(), 6, mtime=0)
    )


@cache
def version(name: str) -> str:
    """Return the hash that versions the file's URL, so that browsers can cache it."""
    return hashlib.sha256(FILES[name].read_bytes()).hexdigest()[:12]
