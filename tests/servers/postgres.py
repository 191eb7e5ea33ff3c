"""Debian's PostgreSQL for a platform that needs one, in a directory of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from server import free_port


def _programs() -> Path:
    for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (place / "postgres").exists():
            return place
    found = shutil.which("postgres")
    if found is None:
        raise RuntimeError("PostgreSQL is needed: apt-get install postgresql")
    return Path(found).parent


class Postgres:
    """A database server on a port of its own; `url` names its database."""

    def __init__(self, scratch: Path) -> None:
        programs = _programs()
        home = scratch / "postgres"
        home.mkdir()
        # It does not run as root.
        other: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
            other = {"user": "postgres", "group": "postgres"}
            for above in (scratch, *scratch.parents):
                if above.stat().st_mode & 0o001 == 0:
                    above.chmod(above.stat().st_mode | 0o011)
        port = free_port()
        data, quiet = home / "data", {"cwd": home, "capture_output": True, **other}
        subprocess.run([programs / "initdb", "-D", data, "-U", "owner", "-A", "trust"], check=True, **quiet)
        self._process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), "-k", home, "-c", "fsync=off"],
            cwd=home,
            stdout=(scratch / "postgres.log").open("w"),
            stderr=subprocess.STDOUT,
            **other,
        )
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._process.poll() is not None:
                raise RuntimeError((scratch / "postgres.log").read_text()[-2000:])
        self.url = f"postgres://owner@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
