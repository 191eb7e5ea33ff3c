"""keyfob beside other Python packages, in one run: the Python figures of docs/BENCHMARKS.md.

`bindings/python/bench` builds what it needs and runs it. The peers are Authlib, google-auth and
msal, each doing what its own documentation shows. The cloud is the simulator's OAuth 2.0 server,
over TLS on loopback. Contenders take turns, so that a busy machine is busy for all of them; a
figure is the best of its rounds, for requests the median.
"""

from __future__ import annotations

import ctypes
import datetime
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import authlib.integrations.requests_client
import google.auth.transport.requests
import google.oauth2.credentials
import msal
import requests

import keyfob
import keyfob.requests
from simulator import Simulator, running

Contenders = dict[str, Callable[[], Any]]


class Tenant:
    """How msal reaches the cloud. It wants an authority with a path, which the simulator's is not;
    what it would find there is told here."""

    def __init__(self, about: dict[str, Any], session: Any) -> None:
        self.post, self.close = session.post, session.close
        self.found = requests.Response()
        self.found.status_code = 200
        endpoints = {"issuer": about["issuer"], "token_endpoint": about["token_url"]}
        endpoints["authorization_endpoint"] = about["token_url"]
        self.found._content = json.dumps(endpoints).encode()

    def get(self, *_: Any, **__: Any) -> requests.Response:
        return self.found


class Peers:
    """Every package, holding a token of the same cloud."""

    def __init__(self, clouds: Simulator) -> None:
        about = clouds.info["clouds"]["oauth2"]
        self.url = clouds.devices("oauth2")
        self.ca_file = clouds.info["ca_file"]
        login = about["logins"]["client-credentials"]
        client_id, secret = login["client_id"], login["client_secret"]
        self.keyfob = clouds.client("oauth2")
        self.authlib = authlib.integrations.requests_client.OAuth2Session(
            client_id,
            secret,
            token_endpoint=about["token_url"],
            # As Basic it does not form-encode the secret (RFC 6749 2.3.1), and is refused.
            token_endpoint_auth_method="client_secret_post",
        )
        self.plain(self.authlib)
        self.authlib.fetch_token(about["token_url"], grant_type="client_credentials")
        self.msal = msal.ConfidentialClientApplication(
            client_id,
            client_credential=secret,
            oidc_authority=about["issuer"] + "/tenant",
            http_client=Tenant(about, self.plain(requests.Session())),
        )
        self.scopes = ["devices:read"]
        assert "access_token" in self.msal.acquire_token_for_client(self.scopes)
        hour = datetime.timedelta(hours=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # utcnow, which this package asks for
            expiry = datetime.datetime.utcnow() + hour
        self.google = google.oauth2.credentials.Credentials(self.keyfob.token(), expiry=expiry)
        self.google_session = self.plain(
            google.auth.transport.requests.AuthorizedSession(self.google)
        )
        self.session = self.plain(requests.Session())
        self.keyfob_session = self.plain(requests.Session())
        self.keyfob_session.auth = keyfob.requests.Auth(self.keyfob)

    def plain(self, session: Any) -> Any:
        session.trust_env = False
        session.verify = self.ca_file
        return session

    # What each package's documentation does to have a token that is good.

    def authlib_token(self) -> str:
        self.authlib.ensure_active_token(self.authlib.token)
        token: str = self.authlib.token["access_token"]
        return token

    def google_token(self) -> str:
        if not self.google.valid:
            self.google.refresh(google.auth.transport.requests.Request())
        token: str = self.google.token
        return token

    def msal_token(self) -> str:
        token: str = self.msal.acquire_token_for_client(self.scopes)["access_token"]
        return token

    def google_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        self.google.before_request(None, "GET", self.url, headers)
        return headers

    def authlib_headers(self) -> dict[str, str]:
        self.authlib.ensure_active_token(self.authlib.token)
        _, headers, _ = self.authlib.token_auth.prepare(self.url, {}, "")
        return dict(headers)

    def msal_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.msal_token()}"}


def bare_call(text: str) -> Callable[[], str]:
    """What ctypes itself costs: a call with one argument that returns a string of this length."""
    os.environ["KEYFOB_BENCH"] = "k" * len(text)
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    getenv.argtypes = (ctypes.c_char_p,)

    def call() -> str:
        found: bytes = getenv(b"KEYFOB_BENCH")
        return found.decode()

    assert len(call()) == len(text)
    return call


def rounds(contenders: Contenders, calls: int, count: int) -> dict[str, list[float]]:
    """Seconds a call took, round by round; the contenders take turns."""
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(count):
        for name, call in contenders.items():
            began = time.perf_counter()
            for _ in range(calls):
                call()
            took[name].append((time.perf_counter() - began) / calls)
    return took


def table(title: str, unit: str, figures: dict[str, float]) -> None:
    """Figures and how many times keyfob's they are."""
    own = figures["keyfob"]
    print(f"\n| {title} | {unit} | times keyfob's |\n|---|---:|---:|")
    for name, figure in figures.items():
        digits = 0 if figure >= 100 else 1
        print(f"| {name} | {figure:,.{digits}f} | {figure / own:.2f} |")


def quickest(contenders: Contenders) -> dict[str, float]:
    return {name: min(took) * 1e9 for name, took in rounds(contenders, 2000, 40).items()}


def in_a_new_process(code: str) -> dict[str, float]:
    """Milliseconds and MiB that a program of its own says it took."""
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    told: dict[str, float] = json.loads(said)
    return told


IMPORTS = {
    "keyfob": "import keyfob",
    "Authlib": "from authlib.integrations.requests_client import OAuth2Session",
    "google-auth": "import google.oauth2.credentials, google.auth.transport.requests",
    "msal": "import msal",
    "requests alone": "import requests",
}

MEASURE = """
import json, time
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
before = resident()
began = time.perf_counter()
{code}
took = time.perf_counter() - began
print(json.dumps({{"ms": took * 1000, "MiB": resident() - before}}))
"""


def imports() -> None:
    said: dict[str, list[dict[str, float]]] = {name: [] for name in IMPORTS}
    for _ in range(15):
        for name, code in IMPORTS.items():
            said[name].append(in_a_new_process(MEASURE.format(code=code)))
    for title, unit in (("import", "ms"), ("memory after the import", "MiB")):
        figures = {name: min(each[unit] for each in told) for name, told in said.items()}
        table(title, unit, figures)


def main() -> None:
    for package in ("Authlib", "google-auth", "msal", "requests"):
        print(f"{package} {importlib.metadata.version(package)}", end=", ")
    print(f"keyfob {keyfob.__version__}, Python {sys.version.split()[0]}")
    with running() as clouds:
        peers = Peers(clouds)
        token, headers = peers.keyfob.token(), peers.keyfob.headers()
        contenders: Contenders = {
            "keyfob": peers.keyfob.token,
            "bare ctypes call (getenv)": bare_call(token),
            "Authlib": peers.authlib_token,
            "google-auth": peers.google_token,
            "msal": peers.msal_token,
        }
        assert all(contenders[name]() for name in contenders)
        table(f"cached token, {len(token)} bytes", "ns", quickest(contenders))
        contenders = {
            "keyfob": peers.keyfob.headers,
            "Authlib": peers.authlib_headers,
            "google-auth": peers.google_headers,
            "msal": peers.msal_headers,
        }
        for call in contenders.values():
            assert {name.lower() for name in call()} >= {name.lower() for name in headers}
        table("header that carries it", "ns", quickest(contenders))
        contenders = {
            "keyfob": lambda: peers.keyfob.get(peers.url).content,
            "Authlib": lambda: peers.authlib.get(peers.url).content,
            "google-auth": lambda: peers.google_session.get(peers.url).content,
            "msal with requests": lambda: (
                peers.session.get(peers.url, headers=peers.msal_headers()).content
            ),
            "keyfob.requests.Auth": lambda: peers.keyfob_session.get(peers.url).content,
        }
        assert len({call() for call in contenders.values()}) == 1
        took = rounds(contenders, 1, 1000)
        table(
            "authenticated GET",
            "µs",
            {name: statistics.median(each) * 1e6 for name, each in took.items()},
        )
    imports()


if __name__ == "__main__":
    if "KEYFOB_LIBRARY" not in os.environ:
        sys.exit("which library? Set KEYFOB_LIBRARY: a release build, or the figures mean little")
    main()
