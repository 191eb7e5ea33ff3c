"""Puts the shared library into the wheel: built by cargo, or the one that KEYFOB_LIBRARY names."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface[Any]):
    """`KEYFOB_PROFILE` is the cargo profile, `release` by default; `KEYFOB_PLATFORM` is the wheel's
    platform tag, by default that of the Python that builds it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        library = os.environ.get("KEYFOB_LIBRARY") or self._build()
        platform = os.environ.get("KEYFOB_PLATFORM") or sysconfig.get_platform()
        # Any Python 3 may load it: the library knows nothing of Python.
        build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"
        build_data["pure_python"] = False
        include = build_data["force_include"]
        include[library] = f"keyfob/{Path(library).name}"
        about = f"{self.metadata.name}-{self.metadata.version}.dist-info"
        for licence in self._root.glob("LICENSE-*"):
            include[str(licence)] = f"{about}/licenses/{licence.name}"

    @property
    def _root(self) -> Path:
        return Path(self.root).parent.parent

    def _build(self) -> str:
        profile = os.environ.get("KEYFOB_PROFILE", "release")
        command = ["cargo", "build", "--lib", "--profile", profile]
        if profile == "release":
            # As the released wheels are. Beside an rlib cargo does no link-time optimisation.
            command[1:2] = ["rustc", "--features", "capi,redis", "--crate-type=cdylib"]
        command += ["--message-format", "json-render-diagnostics"]
        output = subprocess.PIPE
        try:
            built = subprocess.run(command, cwd=self._root, check=True, stdout=output, text=True)
        except FileNotFoundError:
            raise SystemExit(
                "cargo is not installed: it builds the library from a checkout (https://rustup.rs)."
                " Or name a library that is built already in KEYFOB_LIBRARY"
            ) from None
        messages = [json.loads(line) for line in built.stdout.splitlines()]
        libraries: list[str] = [
            name
            for message in messages
            if message["reason"] == "compiler-artifact" and message["target"]["name"] == "keyfob"
            for name in message["filenames"]
            if name.endswith((".so", ".dylib", ".dll"))
        ]
        return libraries[0]
