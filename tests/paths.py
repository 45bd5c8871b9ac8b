"""Where the repository is, for tests that read its files or run commands in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: The folder of the checkout.
ROOT: Final = Path(__file__).resolve().parent.parent
