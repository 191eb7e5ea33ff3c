"""Processes that share a directory, of a system that only runs under another: they make one call, a
restart makes none, and rights that others have are seen.

    shared_store.py DIRECTORY COMMAND...    COMMAND DIRECTORY prints a token; SIM_CONTROL is there
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

directory, *command = sys.argv[1:]
shutil.rmtree(directory, ignore_errors=True)


def start():
    return subprocess.Popen(
        [*command, directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def logins():
    with urllib.request.urlopen(f"http://{os.environ['SIM_CONTROL']}/counts") as answer:
        return json.load(answer)["simacan"]["calls"].get("login", 0)


def refusal():
    process = start()
    said = process.communicate()[1]
    assert process.returncode != 0, "a token was given"
    return said


processes = [start() for _ in range(6)]
ended = [(process.communicate(), process.returncode) for process in processes]
assert all(code == 0 for _, code in ended), ended
tokens = {out for (out, _), _ in ended}
assert len(tokens) == 1 and logins() == 1, (len(tokens), logins())

print("six processes had one token for one login")
process = start()
said = process.communicate()
assert said[0] in tokens and logins() == 1, (said, process.returncode, logins())
print("a later one had it without a login")
# Of a right for the user alone wine makes one for the user's group, too.
records = [path for path in Path(directory).glob("*.json")]
modes = [path.stat().st_mode & 0o007 for path in [Path(directory), *records]]
assert records and not any(modes), modes
print("the directory and the records are this user's alone")
assert not list(Path(directory).glob("*.new")), "a temporary file was left"
os.chmod(directory, 0o777)
assert "other users may write to the directory" in (said := refusal()), said
os.chmod(directory, 0o700)
print("a directory that others may write to is refused")
for path in records:
    path.chmod(0o666)
process = start()
assert process.wait() == 0 and logins() == 2, (process.communicate(), logins())
print("a record that others could write is set aside, and not believed")
