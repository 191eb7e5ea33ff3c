"""Puts the program into the wheel: the one that KEYFOB_SIMULATOR names, for KEYFOB_PLATFORM."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface[Any]):
    """`packaging/simulator/pack` sets all of them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        program = Path(os.environ["KEYFOB_SIMULATOR"])
        # Any Python 3 runs it.
        build_data["tag"] = f"py3-none-{os.environ['KEYFOB_PLATFORM']}"
        build_data["pure_python"] = False
        include = build_data["force_include"]
        include[str(program)] = f"keyfob_simulator/{program.name}"
        about = f"{self.metadata.core.name.replace('-', '_')}-{self.metadata.version}.dist-info"
        licences = [
            *Path(self.root).parents[2].glob("LICENSE-*"),
            Path(os.environ["KEYFOB_LICENCES"]),
        ]
        for licence in licences:
            include[str(licence)] = f"{about}/licenses/{licence.name}"
