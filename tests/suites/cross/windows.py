"""What the Python package promises where Windows differs, with a Python of Windows: the wheel's own
library, a store in a folder of any name, the command's folders, news in an event loop, Ctrl-C.

    windows.py DIRECTORY     with the options of a simulated cloud in KEYFOB_*; SIM_CONTROL is there
"""

import _thread
import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import keyfob

assert sys.platform == "win32"
directory = Path(sys.argv[1])
package = Path(keyfob.__file__).parent
assert (package / "keyfob.dll").exists() and "KEYFOB_LIBRARY" not in os.environ, package


def control(path, **what):
    url = f"http://{os.environ['SIM_CONTROL']}/{path}"
    with urllib.request.urlopen(url, json.dumps(what).encode() if what else None) as answer:
        return json.load(answer)


def calls(name):
    return control("counts")["simacan"]["calls"].get(name, 0)


def load(**options):
    return keyfob.Client.load("simacan", env="KEYFOB", **options)


def a_token_is_kept():
    # Neither in the code page of a western Windows nor in its paths' own letters.
    store = f"file:{directory / 'Gerät Ωμ'}"
    with load(store=store) as client:
        token = client.token()
        assert client.get(os.environ["DEVICES"]).status == 200
    with load(store=store) as client:
        assert client.token() == token and calls("login") == 1
    assert (directory / "Gerät Ωμ").is_dir()


def the_command_finds_its_folders():
    folders = {"APPDATA": directory / "Roaming", "LOCALAPPDATA": directory / "Local"}
    (folders["APPDATA"] / "keyfob").mkdir(parents=True)
    options = {
        name.removeprefix("KEYFOB_").lower(): value
        for name, value in os.environ.items()
        if name.startswith("KEYFOB_")
    }
    file = folders["APPDATA"] / "keyfob" / "simacan.json"
    file.write_text(json.dumps({**options, "user_agent": "Gerät"}, ensure_ascii=False), "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYFOB_")}
    command = [sys.executable, "-m", "keyfob", "token", "simacan"]
    environment = {**kept, **{name: str(path) for name, path in folders.items()}}
    before = calls("login")
    said = {
        subprocess.run(
            command, env=environment, check=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ).stdout
        for _ in range(2)
    }
    assert len(said) == 1 and calls("login") == before + 1, said
    assert list((folders["LOCALAPPDATA"] / "keyfob").glob("simacan-*.json"))


def news_arrives_in_an_event_loop():
    """There is no descriptor to wait for, and the loop of Windows could wait for none."""

    async def watch():
        seen = []
        async with keyfob.AsyncClient.load("simacan", env="KEYFOB") as client:
            async for token in client.tokens():
                seen.append(token)
                if len(seen) == 2:
                    break
                await client.renew()
        return seen

    assert len(set(asyncio.run(watch()))) == 2


def ctrl_c_ends_a_waiting_call():
    control("inject", cloud="simacan", call="login", fault="stall:before-headers", times=1)
    before = calls("login")

    def interrupt():
        while calls("login") == before:
            time.sleep(0.01)
        _thread.interrupt_main()

    with load(timeout_ms=60_000) as client:
        client.forget()
        threading.Thread(target=interrupt).start()
        began = time.monotonic()
        try:
            client.token()
        except KeyboardInterrupt:
            # Without the interrupt it fails when its time is over.
            assert time.monotonic() - began < 50
        else:
            raise AssertionError("it was not interrupted")
        assert client.token()


for promise in (
    a_token_is_kept,
    the_command_finds_its_folders,
    news_arrives_in_an_event_loop,
    ctrl_c_ends_a_waiting_call,
):
    promise()
    print(promise.__name__.replace("_", " "), flush=True)
