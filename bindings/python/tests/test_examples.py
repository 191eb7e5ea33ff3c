"""The examples: the same story as the C ones, told by the same demo."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from simulator import PROGRAM, ROOT, Simulator, provider

EXAMPLES = ROOT / "examples/python"


def run(sim: Simulator, cloud: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs an example with the environment of a user of this cloud."""
    options = {f"KEYFOB_{name.upper()}": str(v) for name, v in sim.options(cloud).items()}
    program, *arguments = words
    return subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / f"{program}.py", *arguments],
        env={**os.environ, "KEYFOB_STORE": "memory", **options},
        capture_output=True,
        text=True,
    )


def test_the_four_clouds_are_told_of_as_with_the_c_examples(tmp_path: Path) -> None:
    programs = tmp_path / "c"
    programs.mkdir()
    (tmp_path / "keyfob-simulator").symlink_to(PROGRAM)
    library = os.environ["KEYFOB_LIBRARY"]
    for example in EXAMPLES.glob("*.py"):
        # The demo gives its programs no variable of that name.
        command = ["env", f"KEYFOB_LIBRARY={library}", sys.executable, str(example)]
        program = programs / example.stem
        program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        program.chmod(0o755)
    told = subprocess.run([ROOT / "examples/demo", tmp_path], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    assert "Four clouds, one set of calls" in told.stdout


def test_the_first_program_fetches_a_page(sim: Simulator) -> None:
    done = run(sim, "kontakt", "first", "kontakt", "/v3/device")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HTTP 200: {")
    assert "Gateway 1" in done.stdout


def test_keyfob_token_prints_what_it_is_asked_for(sim: Simulator) -> None:
    token = run(sim, "simacan", "keyfob-token", "simacan")
    assert (token.returncode, token.stderr) == (0, "")
    assert len(token.stdout.split()) == 1
    header = run(sim, "simacan", "keyfob-token", "--header", "simacan").stdout
    assert header.startswith("Authorization: Bearer ")
    assert int(run(sim, "simacan", "keyfob-token", "--expires", "simacan").stdout) > 3500
    status = run(sim, "simacan", "keyfob-token", "--status", "simacan").stdout
    assert json.loads(status)["state"] == "fresh"


def test_keyfob_token_says_what_happens_and_no_secret(sim: Simulator) -> None:
    done = run(sim, "simacan", "keyfob-token", "--verbose", "simacan")
    assert "INFO: simacan: logged in" in done.stderr
    assert done.stdout.strip() not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("a", "b"),
        ("--nothing", "kii"),
        ("--set", "usrname=x", "simacan"),
        ("--set", "username", "simacan"),
        ("--config", "/nowhere", "simacan"),
        ("kiii",),
    ],
)
def test_keyfob_token_tells_wrong_arguments_from_no_token(
    sim: Simulator, words: tuple[str, ...]
) -> None:
    wrong = run(sim, "simacan", "keyfob-token", *words)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    rejected = run(sim, "simacan", "keyfob-token", "--set", "password=wrong", "simacan")
    assert (rejected.returncode, rejected.stdout) == (1, "")
    assert "(retry after 60 s)" in rejected.stderr


@pytest.mark.parametrize("cloud", ["kontakt", "kii", "simacan", "oauth2", "thingsboard"])
def test_keyfob_devices_lists_three_pages(sim: Simulator, cloud: str) -> None:
    done = run(sim, cloud, "keyfob-devices", provider(cloud), sim.devices(cloud))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"Gateway {number}" for number in range(1, 8)]
    assert sim.counts(cloud)["api"] == 3


def test_keyfob_devices_knows_where_some_clouds_list_them(sim: Simulator) -> None:
    assert len(run(sim, "kii", "keyfob-devices", "kii").stdout.splitlines()) == 7
    assert run(sim, "simacan", "keyfob-devices", "simacan").returncode == 2


def test_keyfob_devices_says_which_page_failed(sim: Simulator) -> None:
    sim.order("inject", cloud="kontakt", call="api", skip=1, times=1, fault="status:404")
    done = run(sim, "kontakt", "keyfob-devices", "kontakt")
    assert done.returncode == 1
    assert "/v3/device answered 404" in done.stderr
