"""What the documentation shows happens: every docstring, and every page's Python."""

from __future__ import annotations

import doctest
import importlib
import logging
import os
import pkgutil
import re
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests

import keyfob
from keyfob import _base
from keyfob._foreign import call
from keyfob._library import library
from simulator import ROOT, Simulator

MODULES = ["keyfob", *(f"keyfob.{each.name}" for each in pkgutil.iter_modules(keyfob.__path__))]
PAGES = ["docs/python.md", "bindings/python/README.md"]

# Where the cloud of the examples really is.
KONTAKT = "https://apps-api.prod.kontakt.io"


@pytest.fixture
def world(sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The real clouds' names lead to the simulated ones."""
    make = _base._config

    def config(provider: str) -> Any:
        made = make(provider)
        if provider in sim.info["clouds"]:
            for name in ("base_url", "ca_file", "allowed_origins"):
                value = str(sim.options(provider)[name])
                call(library.keyfob_config_set, made, name.encode(), value.encode())
        return made

    monkeypatch.setattr(_base, "_config", config)
    monkeypatch.setattr(logging.getLogger("keyfob"), "level", logging.NOTSET)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", sim.info["ca_file"])
    monkeypatch.setenv("SSL_CERT_FILE", sim.info["ca_file"])
    monkeypatch.setenv("KEYFOB_USERNAME", "gateway@example.com")
    monkeypatch.setenv("KEYFOB_PASSWORD", "correct horse")
    monkeypatch.setenv("GATEWAY_API_KEY", "my key")
    monkeypatch.setenv("PERSON_CLIENT_ID", "kiosk-3")
    monkeypatch.setenv("PERSON_ISSUER", sim.info["clouds"]["oauth2"]["base_url"])
    tls = ssl.create_default_context(cafile=sim.info["ca_file"])
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", tls)
    (tmp_path / "password").write_text("correct horse\n")
    monkeypatch.chdir(tmp_path)
    return sim


def here(text: str, sim: Simulator) -> str:
    """An example's text, with the addresses and paths that are real on this machine."""
    text = text.replace(KONTAKT, sim.info["clouds"]["kontakt"]["api_url"])
    return text.replace("/etc/gateway/", f"{os.getcwd()}/").replace("/var/lib/", f"{os.getcwd()}/")


@pytest.mark.parametrize("name", MODULES)
def test_every_docstrings_example_does_what_it_shows(world: Simulator, name: str) -> None:
    module = importlib.import_module(name)
    names = {"keyfob": keyfob, "requests": requests, "httpx": httpx, "aiohttp": aiohttp}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in doctest.DocTestFinder().find(module, extraglobs=names):
        for example in test.examples:
            example.source = here(example.source, world)
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_the_docstrings_have_examples() -> None:
    found = {
        test.name: len(test.examples)
        for name in MODULES
        for test in doctest.DocTestFinder().find(importlib.import_module(name))
    }
    for needed in ("keyfob", "keyfob._client.Client", "keyfob._async.AsyncClient"):
        assert found[needed], needed


@pytest.mark.parametrize("page", PAGES)
def test_every_python_block_of_a_page_runs(world: Simulator, page: str) -> None:
    text = (ROOT / page).read_text()
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.S | re.M))
    assert blocks
    names = {"__name__": "__main__"}
    for block in blocks:
        lines = text.count("\n", 0, block.start(1))
        # Blank lines before it, so that a traceback names the page's line.
        code = compile("\n" * lines + here(block[1], world), page, "exec")
        exec(code, names)
