"""The simulated clouds as a test of any language sees them: started, told what to do, stopped."""

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def built(name):
    """The path of something that cargo built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return ROOT / target / os.environ.get("PROFILE", "debug") / name


class Simulator:
    """A running simulator; a context manager that stops it."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        info = Path(self._directory.name) / "info.json"
        # It goes when its input ends, so also when this process is killed.
        self._process = subprocess.Popen(
            [built("keyfob-simulator"), "--quiet", "--until-eof", "--info-file", info],
            stdin=subprocess.PIPE,
        )
        while not info.exists():
            if self._process.poll() is not None:
                raise SystemExit("the simulator does not start")
            time.sleep(0.01)
        self.info = json.loads(info.read_text())
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._directory.cleanup()

    def get(self, path):
        return self._ask(urllib.request.Request(self.info["control_url"] + path))

    def order(self, path, **order):
        body = json.dumps(order).encode()
        return self._ask(urllib.request.Request(self.info["control_url"] + path, data=body))

    def _ask(self, request):
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def reach(self, cloud):
        """The options that lead to a cloud, credentials apart."""
        about = self.info["clouds"][cloud]
        options = {
            "ca_file": self.info["ca_file"],
            "base_url": about["base_url"],
            "allowed_origins": about["api_url"],
        }
        if "token_url" in about:
            options["token_url"] = about["token_url"]
        if cloud == "thingsboard":
            options["profile_file"] = str(ROOT / "tests/data/thingsboard.json")
        return options

    def login(self, cloud, name=None):
        """The options of one of the cloud's logins; of a user's, where none is named."""
        logins = self.info["clouds"][cloud]["logins"]
        return logins[name] if name else logins.get("password") or logins["user"]

    def variables(self):
        """All that as environment variables, for programs that read no JSON."""
        variables = {"SIM_CONTROL": self.info["control_url"].removeprefix("http://")}
        for cloud, about in self.info["clouds"].items():
            known = {
                **self.reach(cloud),
                **self.login(cloud),
                "api": about["api_url"],
                "devices": about["api_url"] + about["devices_path"],
            }
            for name, value in known.items():
                variables[f"SIM_{cloud}_{name}".upper()] = value
        return variables
