"""The option `assertion_command` on Windows: what a program writes is sent, its arguments arrive as they
are, and one that fails, floods or hangs is told of and ended, with what it started.

    programs.py DIRECTORY COMMAND...     COMMAND runs programs.exe
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from control import Simulator  # noqa: E402

directory, *command = sys.argv[1:]
FILE = Path(directory) / "held"
PROGRAM = command[-1].replace("/", "\\")
FILE.unlink(missing_ok=True)


def ask(simulator, words, *more, **options):
    """How the call ended: what it said."""
    known = simulator.login("oauth2", "client-credentials")
    options = {
        **simulator.reach("oauth2"),
        **{name: known[name] for name in ("client_id", "client_secret")},
        "assertion_command": words if isinstance(words, str) else json.dumps(words),
        **options,
    }
    environment = {f"KEYFOB_{name}".upper(): str(value) for name, value in options.items()}
    done = subprocess.run(
        [*command, *(more or ["ask"])],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1 and not done.stdout, (done.returncode, done.stdout, done.stderr)
    return done.stderr


def assertion(simulator):
    """What was sent last, which no cloud takes for a token."""
    body = simulator.journal("oauth2", "login")[-1]["body"]
    return bytes.fromhex(parse_qs(body)["assertion"][0]).decode()


with Simulator() as simulator:
    for text in ["plain", "a b", 'say "hi" \\', "$HOME;|&%PATH%^", "\\\\", ""]:
        said = ask(simulator, [PROGRAM, "token", text])
        if text:
            assert assertion(simulator) == text, (text, said)
            simulator.order("reset")
        else:
            assert "its output is empty" in said, said
    print("a program's output is sent, whatever it complains; its arguments arrive as they are")
    for words, told in [
        ([PROGRAM, "fail"], 'assertion_command: exit code 3, "no vault"'),
        ([PROGRAM, "flood"], "writes more than"),
        (["Z:\\no\\such\\program.exe"], "assertion_command: cannot be run: no such file"),
        ("no-such-program x", "assertion_command: cannot be run: no such file"),
    ]:
        said = ask(simulator, words)
        assert told in said, said
    print("one that fails, floods or is not there is told of")
    said = ask(simulator, [PROGRAM, "hang"], timeout_ms=300)
    assert "was not done in time" in said, said
    said = ask(simulator, [PROGRAM, "hang", f"Z:{FILE}"], "cancel", f"Z:{FILE}")
    assert "cancelled" in said, said
    print("one that hangs is ended with the call, and so is what it started")
    assert not simulator.journal("oauth2", "login"), "something was sent"
