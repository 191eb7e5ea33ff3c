"""Gateways that keep an MQTT session for hours of wound time, and what each broker is shown.

`run` beside this sets up what it needs. A test of one cloud or language: run -k azure
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any, Optional
from urllib.parse import urlsplit

import keyfob
import paho.mqtt.client as paho
from broker import PROGRAM, Connect, Door, until
from clouds import DATA_ENDPOINT, Cloud, aws_iot, azure_hub, clouds, ubidots
from control import ROOT, Simulator, built

HERE = Path(__file__).resolve().parent
OUT = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "tests/mqtt"
LIB = built("").resolve()
LINK = [f"-L{LIB}", "-lkeyfob", f"-Wl,-rpath,{LIB}", "-pthread", "-Wl,--wrap=keyfob_client_new"]
C99 = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-pedantic", "-Werror"]


def has(compiler: str, header: str, flags: list[str]) -> bool:
    asked = subprocess.run(
        [compiler, *flags, "-E", "-"], input=f"#include <{header}>", capture_output=True, text=True
    )
    return asked.returncode == 0


def flags_of(package: str) -> list[str]:
    asked = subprocess.run(
        ["pkg-config", "--cflags", "--libs", package], capture_output=True, text=True
    )
    return asked.stdout.split()


def build(name: str, *more: str) -> Path:
    """A C or C++ example whose clock can be wound."""
    OUT.mkdir(parents=True, exist_ok=True)
    wound = OUT / "wound.o"
    subprocess.run(
        ["gcc", *C99, "-Iinclude", "-c", HERE / "wound.c", "-o", wound], cwd=ROOT, check=True
    )
    language = "c" if (ROOT / f"examples/c/{name}.c").exists() else "cpp"
    compiler = (
        ["gcc", *C99] if language == "c" else ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror"]
    )
    program = OUT / name
    source = f"examples/{language}/{name}.{language}"
    command = [*compiler, "-Iinclude", source, wound, "-o", program, *LINK, *more]
    subprocess.run(command, cwd=ROOT, check=True)
    return program


class Gateway:
    """An example that runs, with a clock of its own that is wound."""

    def __init__(
        self, test: unittest.TestCase, command: list[str], options: dict[str, Any]
    ) -> None:
        account = {f"KEYFOB_{name.upper()}": str(value) for name, value in options.items()}
        keep = {name: os.environ[name] for name in os.environ if name in KEPT}
        self.process = subprocess.Popen(
            command,
            env={**keep, **account},
            cwd=OUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        test.addCleanup(self.end)

    def _read(self) -> None:
        assert self.process.stdout
        self.said.extend(iter(self.process.stdout.readline, ""))

    def wind(self, seconds: float) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{round(seconds)}\n")
        self.process.stdin.flush()

    def count(self, what: str) -> int:
        return sum(line.startswith(what) for line in self.said)

    def heard(self) -> list[str]:
        """What it was told to do, in order, each once: at least once is what QoS 1 promises."""
        return list(
            dict.fromkeys(line[6:].strip() for line in self.said if line.startswith("heard "))
        )

    def end(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stdout.close()


KEPT = ("PATH", "PYTHONPATH", "KEYFOB_LIBRARY", "HOME", "LD_LIBRARY_PATH")


class Publisher:
    """Somebody who tells the gateway what to do, straight at mosquitto."""

    def __init__(self, test: unittest.TestCase, port: int) -> None:
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        test.addCleanup(self.client.loop_stop)
        test.addCleanup(self.client.disconnect)

    def tell(self, text: str) -> None:
        self.client.publish("gateways/gw-1/commands", text, qos=1).wait_for_publish(60)


@unittest.skipUnless(PROGRAM, "mosquitto is not installed")
class Gateways(unittest.TestCase):
    """An hour and more of wound time. Time stands still while work is under way: what is
    asserted is that the next credential is used before the end of the one before."""

    def keep_a_session(
        self, door: Door, gateway: Gateway, step: int, steps: int, least: int
    ) -> None:
        publisher = Publisher(self, door.broker)
        told = ["hello"]

        def listens() -> bool:
            publisher.tell("hello")
            return told == gateway.heard()

        # Before its first subscription nothing is kept for it.
        until(listens)
        for number in range(steps):
            door.wind(step)
            gateway.wind(step)
            told.append(f"command {number}")
            publisher.tell(told[-1])
            # Where the credentials would end within the next step, the gateway is given its time.
            until(lambda: (visit := door.here()) is not None and visit.until > door.now + step + 1)
            until(lambda: told[-1] in gateway.heard())
        self.assertEqual(gateway.heard(), told, "nothing is lost, and nothing comes out of order")
        self.assertEqual(
            (door.cut, door.refused), (0, []), "no connection outlived its credentials"
        )
        self.assertGreaterEqual(gateway.count("connected"), least)

    def at_azure(self, command: list[str]) -> None:
        door = self.enterContext(Door(azure_hub))
        options = {**clouds()[0].options, "mqtt_url": f"mqtt://127.0.0.1:{door.port}"}
        gateway = Gateway(self, [*command, "azure-iot-hub"], options)
        self.keep_a_session(door, gateway, 60, 120, 3)
        passwords = {visit.said.password for visit in door.visits}
        self.assertGreaterEqual(len(passwords), 3, "each connection is signed anew")

    def test_python_keeps_its_session_for_two_hours(self) -> None:
        self.at_azure(
            [sys.executable, str(HERE / "wound.py"), str(ROOT / "examples/python/keyfob-mqtt.py")]
        )

    @unittest.skipUnless((OUT / "node_modules/mqtt").exists(), "mqtt is not installed")
    def test_node_keeps_its_session_for_two_hours(self) -> None:
        for source in (HERE / "wound.mjs", ROOT / "examples/node/keyfob-mqtt.mjs"):
            shutil.copy(source, OUT)
        self.at_azure(["node", "--import", "./wound.mjs", "keyfob-mqtt.mjs"])

    @unittest.skipUnless(has("gcc", "mosquitto.h", ["-xc"]), "libmosquitto-dev is not installed")
    def test_c_keeps_its_session_for_an_hour(self) -> None:
        lifetime = 600
        simulator = self.enterContext(Simulator())
        simulator.order("/lifetime", cloud="simacan", access_seconds=lifetime)
        reach, login = simulator.reach("simacan"), simulator.login("simacan")
        trust = ssl.create_default_context(cafile=reach["ca_file"])
        api = simulator.info["clouds"]["simacan"]["api_url"]

        def check(said: Connect, now: float) -> Optional[float]:
            """The cloud itself says whether the token is good."""
            asked = urllib.request.Request(f"{api}/status/200")
            asked.add_header("Authorization", f"Bearer {said.password}")
            try:
                urllib.request.urlopen(asked, context=trust, timeout=20).close()
            except urllib.error.HTTPError:
                return None
            return now + lifetime

        door = self.enterContext(Door(check))
        wind = door.wind

        def both(seconds: float) -> None:
            simulator.order("/wind", seconds=seconds)
            wind(seconds)

        door.wind = both  # type: ignore[method-assign]
        program = build("keyfob-mqtt", "-lmosquitto")
        command = [str(program), "simacan", "127.0.0.1", str(door.port)]
        gateway = Gateway(self, command, {**reach, **login})
        self.keep_a_session(door, gateway, 20, 180, 6)
        calls = simulator.counts("simacan")
        self.assertEqual(calls["login"], 1, "all later tokens are refreshed ones")

    def learns(self, program: Path) -> None:
        """A loop that learns of each token for an hour."""
        with Simulator() as simulator:
            simulator.order("/lifetime", cloud="simacan", access_seconds=600)
            options = {**simulator.reach("simacan"), **simulator.login("simacan")}
            gateway = Gateway(self, [str(program), "simacan"], options)
            until(lambda: gateway.count("a token") == 1)
            for tokens in range(2, 8):
                simulator.order("/wind", seconds=595)
                gateway.wind(595)
                until(partial(lambda least: gateway.count("a token") >= least, tokens))
            self.assertEqual(simulator.counts("simacan")["login"], 1)

    @unittest.skipUnless(has("gcc", "uv.h", ["-xc"]), "libuv1-dev is not installed")
    def test_a_libuv_loop_learns_of_each_token_for_an_hour(self) -> None:
        self.learns(build("keyfob-uv", "-luv"))

    @unittest.skipUnless(flags_of("glib-2.0"), "libglib2.0-dev is not installed")
    def test_a_glib_loop_learns_of_each_token_for_an_hour(self) -> None:
        self.learns(build("keyfob-glib", *flags_of("glib-2.0")))

    @unittest.skipUnless(has("g++", "asio.hpp", ["-xc++"]), "libasio-dev is not installed")
    def test_an_asio_loop_learns_of_each_token_for_an_hour(self) -> None:
        self.learns(build("keyfob-asio"))


@unittest.skipUnless(PROGRAM, "mosquitto is not installed")
class Brokers(unittest.TestCase):
    """What keyfob gives for each cloud's broker is what that broker demands."""

    def connects(self, door: Door, client: keyfob.Client) -> bool:
        """Whether the broker takes it."""
        told = client.mqtt()
        url = urlsplit(told.url or "")
        transport = "websockets" if url.scheme in ("ws", "wss") else "tcp"
        mqtt = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=told.client_id or "", transport=transport
        )
        if transport == "websockets":
            host = {"Host": url.hostname}
            mqtt.ws_set_options(path=f"{url.path}?{url.query}", headers=host)
        if told.username is not None:
            mqtt.username_pw_set(told.username, told.password)
        codes: list[Any] = []
        mqtt.on_connect = lambda *words: codes.append(words[3])
        mqtt.connect("127.0.0.1", door.port)
        mqtt.loop_start()
        until(lambda: bool(codes))
        mqtt.disconnect()
        mqtt.loop_stop()
        return not codes[0].is_failure

    def client(self, cloud: Cloud, door: Door, spoilt: bool = False) -> keyfob.Client:
        here = f"127.0.0.1:{door.port}"
        options = dict(cloud.options)
        if cloud.provider == "aws":
            # The host is signed: the client names it, and connects here.
            options["iot_endpoint"] = DATA_ENDPOINT
        else:
            options["mqtt_url"] = f"mqtt://{here}"
        if spoilt:
            options[cloud.secret] = "QW5vdGhlciBzZWNyZXQgdGhhdCBpcyBhcyBsb25nISE="
        client = keyfob.Client(cloud.provider, **options)
        self.addCleanup(client.close)
        return client

    def test_each_cloud_is_shown_what_it_demands(self) -> None:
        for cloud in clouds():
            with (
                self.subTest(cloud.provider, options=sorted(cloud.options)),
                Door(cloud.check) as door,
            ):
                self.assertTrue(self.connects(door, self.client(cloud, door)))
                self.assertFalse(self.connects(door, self.client(cloud, door, spoilt=True)))
                self.assertEqual((len(door.visits), len(door.refused)), (1, 1))
                if cloud.ends:
                    client = self.client(cloud, door)
                    door.wind(1800)
                    client.wind(1800)
                    self.assertTrue(self.connects(door, client), "while it is good")
                    door.wind(7200)
                    client.wind(7200)
                    self.assertTrue(self.connects(door, client), "signed anew")

    def test_each_cloud_is_where_its_pages_say(self) -> None:
        for cloud in clouds():
            with self.subTest(cloud.provider):
                options = dict(cloud.options)
                if cloud.provider == "aws":
                    options["iot_endpoint"] = DATA_ENDPOINT
                with keyfob.Client(cloud.provider, **options) as client:
                    url = client.mqtt().url
                if cloud.provider == "aws":
                    url = (url or "").partition("?")[0].replace(options["iot_endpoint"], "{host}")
                self.assertEqual(url, cloud.url)

    def exchanged(self, door: Door, simulator: Simulator, cloud: str) -> keyfob.Client:
        """A client of a simulated cloud that gives what the broker takes."""
        options = {**simulator.reach(cloud), **simulator.login(cloud)}
        if cloud == "aws-iot":
            # Its broker's host is signed, and that of a cloud at another base_url is not known: so
            # the profile itself says where the simulated cloud is.
            profile = json.loads((ROOT / f"src/provider/catalogue/{cloud}.json").read_text())
            profile["base_url"] = options.pop("base_url")
            options.update(profile=json.dumps(profile), data_endpoint=DATA_ENDPOINT)
        else:
            options["mqtt_url"] = f"mqtt://127.0.0.1:{door.port}"
        client = keyfob.Client(cloud, **options)
        self.addCleanup(client.close)
        return client

    def test_a_cloud_that_exchanges_first_is_shown_what_it_gave(self) -> None:
        with Simulator() as simulator:
            for cloud, check in (("aws-iot", aws_iot), ("ubidots", ubidots)):
                with self.subTest(cloud), Door(check(simulator)) as door:
                    client = self.exchanged(door, simulator, cloud)
                    self.assertTrue(self.connects(door, client))
                    self.assertTrue(self.connects(door, client), "with the same token")
                    simulator.order("/revoke", cloud=cloud, what="access")
                    self.assertFalse(self.connects(door, client), "the token is gone")
                    client.refused(client.token())
                    self.assertTrue(self.connects(door, client), "with another")
                    self.assertEqual((len(door.visits), len(door.refused)), (3, 1))
                    self.assertEqual(simulator.counts(cloud)["login"], 2)

    def test_every_login_with_mqtt_is_tried_here(self) -> None:
        mqtt = set()
        for path in (ROOT / "src/provider/catalogue").glob("*.json"):
            profile = json.loads(path.read_text())
            if "mqtt" in profile or any(
                "mqtt" in login for login in profile.get("logins", {}).values()
            ):
                mqtt.add(path.stem)
        tried = {cloud.provider for cloud in clouds()}
        self.assertEqual(mqtt - tried, {"aws-iot", "ubidots"}, "which exchange something first")


if __name__ == "__main__":
    unittest.main(verbosity=1)
