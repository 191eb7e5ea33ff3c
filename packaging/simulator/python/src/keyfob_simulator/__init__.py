"""The program keyfob-simulator: the IoT clouds that keyfob knows, for tests."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["program"]


def program() -> str:
    """The path of the program."""
    name = "keyfob-simulator.exe" if os.name == "nt" else "keyfob-simulator"
    return str(Path(__file__).with_name(name))
