"""Processes that share a directory, of a system that only runs under another: they make one call, a
restart makes none, whoever is killed leaves the next what it needs, and rights that others have are
seen.

    shared_store.py DIRECTORY COMMAND...

COMMAND DIRECTORY [SECONDS] prints a token, the clock wound by so much; SIM_CONTROL is there.

With STORE_KEY=dpapi the directory is sealed with a key that the system keeps for the user.
"""

import base64
import json
import os
import random
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

directory, *command = sys.argv[1:]
DIRECTORY = Path(directory)
KEY = DIRECTORY / "store.key"
KILLS = 20
environment = dict(os.environ)
environment.pop("KEYFOB_STORE_KEY", None)
if sealed := os.environ.get("STORE_KEY"):
    environment["KEYFOB_STORE_KEY"] = sealed


def start(wound=0):
    return subprocess.Popen(
        [*command, directory, str(wound)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def token(process):
    out, said = process.communicate()
    assert process.returncode == 0, said
    return out.splitlines()[-1]


def refusal():
    process = start()
    said = process.communicate()[1]
    assert process.returncode != 0, "a token was given"
    return said


def control(path, body=None):
    url = f"http://{os.environ['SIM_CONTROL']}/{path}"
    with urllib.request.urlopen(url, body) as answer:
        return json.load(answer)


def order(path, **what):
    control(path, json.dumps(what).encode())


def calls(name):
    return control("counts")["simacan"]["calls"].get(name, 0)


def arrived(name, count):
    """Waits until so many calls of this name have arrived."""
    until = time.monotonic() + 60
    while calls(name) < count:
        assert time.monotonic() < until, f"no {name} arrived"
        time.sleep(0.02)


def anew():
    shutil.rmtree(directory, ignore_errors=True)
    order("reset")


def records():
    return list(DIRECTORY.glob("simacan-*.json"))


def killed_while(call, wound=0):
    """A process that has the lock is killed after its call was carried out, and before the answer;
    three others wait for the lock. Gives their token."""
    before = calls(call)
    order("delay", cloud="simacan", call=call, ms=60_000)
    holder = start(wound)
    arrived(call, before + 1)
    waiting = [start(wound) for _ in range(3)]
    # What the next one writes is by a wound clock: nobody may read it with another.
    for process in waiting:
        assert process.stdout.readline() == "ready\n"
    order("delay", cloud="simacan", call=call, ms=0)
    holder.kill()
    holder.communicate()
    tokens = {token(process) for process in waiting}
    assert len(tokens) == 1, len(tokens)
    assert not list(DIRECTORY.glob("*.damaged")), "a record was damaged"
    return tokens.pop()


def processes_share():
    anew()
    processes = [start() for _ in range(6)]
    tokens = {token(process) for process in processes}
    assert len(tokens) == 1 and calls("login") == 1, (len(tokens), calls("login"))
    print("six processes had one token for one login")
    assert token(start()) in tokens and calls("login") == 1, calls("login")
    print("a later one had it without a login")
    # Of a right for the user alone wine makes one for the user's group, too.
    modes = [path.stat().st_mode & 0o007 for path in [DIRECTORY, *records()]]
    assert records() and not any(modes), modes
    print("the directory and the records are this user's alone")
    assert not list(DIRECTORY.glob("*.new")), "a temporary file was left"


def killed_holders():
    anew()
    first = killed_while("login")
    assert calls("login") == 2, calls("login")
    print("a holder is killed while it logs in: the others log in once")
    order("wind", seconds=1_000_000)
    second = killed_while("refresh", wound=1_000_000)
    assert second != first and calls("login") <= 3 and calls("refresh") == 2, control("counts")
    print("a holder is killed while it refreshes: the refresh token is tried once, then one login")
    anew()
    started = time.monotonic()
    token(start())
    took = time.monotonic() - started
    for _ in range(KILLS):
        anew()
        process = start()
        time.sleep(random.uniform(0, took * 1.2))
        process.kill()
        process.communicate()
        token(start())
        assert calls("login") <= 2, calls("login")
        assert len(records()) == 1 and not list(DIRECTORY.glob("*.damaged")), list(
            DIRECTORY.iterdir()
        )
    print(f"{KILLS} processes are killed at any moment: each next one has a token")


def rights_are_seen():
    anew()
    token(start())
    DIRECTORY.chmod(0o777)
    assert "other users may write to the directory" in (said := refusal()), said
    DIRECTORY.chmod(0o700)
    print("a directory that others may write to is refused")
    for path in records():
        path.chmod(0o666)
    token(start())
    assert calls("login") == 2, calls("login")
    print("a record that others could write is set aside, and not believed")


def the_key_is_kept():
    anew()
    given = token(start())
    (record,) = records()
    sealed, key = record.read_bytes(), KEY.read_bytes()
    assert given.encode() not in sealed and b"chacha20" in sealed, sealed
    assert key.startswith(b"keyfob-key-1 dpapi "), key
    print("the record is sealed, and its key lies beside it, sealed for the user")

    def left_as_it_is(bad, told):
        KEY.write_bytes(bad)
        said = refusal()
        assert "store.key" in said and told in said, said
        assert (KEY.read_bytes(), record.read_bytes()) == (bad, sealed), "something was written"

    blob = bytearray(base64.b64decode(key.split()[2]))
    # Near the end, where the key itself is: Windows looks at every byte, wine does not.
    for at in (-41, -1):
        changed = blob.copy()
        changed[at] ^= 1
        left_as_it_is(b"keyfob-key-1 dpapi " + base64.b64encode(changed), "dpapi says")
    left_as_it_is(b"keyfob-key-1 dpapi AAAA", "dpapi says")
    left_as_it_is(key[:30], "is no key")
    left_as_it_is(b"", "is no key")
    KEY.write_bytes(key)
    KEY.chmod(0o666)
    assert "could be written by other users" in (said := refusal()), said
    KEY.chmod(0o600)
    assert token(start()) == given and calls("login") == 1, calls("login")
    print("a changed key is told, nothing is overwritten, and put back it opens the record")
    KEY.unlink()
    assert "another store_key" in (said := refusal()), said
    assert record.read_bytes() == sealed, "the record was overwritten"
    print("without its key a record stays as it is")


processes_share()
killed_holders()
if sealed:
    the_key_is_kept()
else:
    rights_are_seen()
