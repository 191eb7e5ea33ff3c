"""The option `ca=system` on Windows: an authority that the user trusts is trusted, until it is disallowed.

    authorities.py BIN COMMAND...     COMMAND runs a program of the folder BIN
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from control import Simulator  # noqa: E402

folder, *command = sys.argv[1:]


def run(program, *arguments, **environment):
    return subprocess.run(
        [*command, f"{folder}/{program}", *arguments],
        env={**os.environ, **environment, "SSL_CERT_FILE": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )


with Simulator() as simulator:
    options = {**simulator.reach("oauth2"), **simulator.login("oauth2", "client-credentials")}
    authority = options.pop("ca_file")
    options["ca"] = "system"
    environment = {f"KEYFOB_{name}".upper(): str(value) for name, value in options.items()}

    def refused():
        done = run("programs.exe", "ask", **environment)
        assert done.returncode == 1 and "ertificate" in done.stderr, (done.stdout, done.stderr)

    refused()
    assert run("authorities.exe", "ROOT", f"Z:{authority}").returncode == 0
    done = run("programs.exe", "ask", **environment)
    assert done.returncode == 0 and done.stdout, done.stderr
    print("an authority of the store ROOT is trusted")
    assert run("authorities.exe", "Disallowed", f"Z:{authority}").returncode == 0
    refused()
    print("one that is in the store Disallowed, too, is not")
