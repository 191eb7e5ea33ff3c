"""The command `keyfob-simulator`, and `python -m keyfob_simulator`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NoReturn

from . import program


def main() -> NoReturn:
    """Becomes the program; on Windows, which cannot, waits for it."""
    command = [program(), *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.run(command).returncode)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
