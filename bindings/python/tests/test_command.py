"""What `python -m keyfob` promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import keyfob
from keyfob.__main__ import Unusable, own_home, usual_store
from simulator import Simulator


def command(
    sim: Simulator, home: Path, *words: str, cloud: str = "simacan", **changed: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user with this home, and with the environment of a cloud's user."""
    options = {f"KEYFOB_{n.upper()}": str(v) for n, v in sim.options(cloud).items()}
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("XDG_", "STATE_"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "keyfob", *words],
        env={**environment, "HOME": str(home), **options, **changed},
        capture_output=True,
        text=True,
    )


def test_each_command_prints_what_it_says(sim: Simulator, tmp_path: Path) -> None:
    token = command(sim, tmp_path, "token", "simacan")
    assert (token.returncode, token.stderr) == (0, "")
    value = token.stdout.strip()
    header = command(sim, tmp_path, "header", "simacan")
    assert header.stdout == f"Authorization: Bearer {value}\n"
    url = sim.devices("simacan")
    lines = command(sim, tmp_path, "headers-for", "simacan", url).stdout.splitlines()
    assert f"Authorization: Bearer {value}" in lines and "Accept: application/json" in lines
    status = json.loads(command(sim, tmp_path, "status", "simacan").stdout)
    assert status["state"] == "fresh"
    assert sim.counts("simacan") == {"login": 1}
    assert (tmp_path / ".local/state/keyfob").is_dir()
    assert command(sim, tmp_path, "forget", "simacan").returncode == 0
    assert command(sim, tmp_path, "token", "simacan").stdout.strip() != value


def test_options_come_from_files_then_environment_then_words(
    sim: Simulator, tmp_path: Path
) -> None:
    config = tmp_path / ".config/keyfob/simacan.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"username": "of the file", "store": f"file:{tmp_path}/kept"}))
    assert command(sim, tmp_path, "token", "simacan").returncode == 0
    assert (tmp_path / "kept").is_dir()
    wrong = command(
        sim, tmp_path, "token", "simacan", "--set", "username=nobody", "--store", "memory"
    )
    assert wrong.returncode == 77
    assert "correct horse" not in wrong.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["token"], 64, "PROVIDER"),
        (["nothing", "simacan"], 64, "invalid choice"),
        (["token", "simacan", "https://a.example"], 64, "takes a URL"),
        (["headers-for", "simacan"], 64, "takes a URL"),
        (["token", "simacn"], 78, "UNKNOWN_PROVIDER"),
        (["token", "simacan", "--set", "usrname=x"], 78, "UNKNOWN_OPTION"),
        (["token", "simacan", "--config", "/nowhere.json"], 78, "/nowhere.json"),
        (["headers-for", "simacan", "https://elsewhere.example/"], 78, "FOREIGN_ORIGIN"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    sim: Simulator, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    done = command(sim, tmp_path, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert sim.counts("simacan") == {}


def test_the_exit_status_says_what_to_do(sim: Simulator, tmp_path: Path) -> None:
    wrong = command(sim, tmp_path, "token", "simacan", KEYFOB_PASSWORD="wrong, by the command")
    assert wrong.returncode == 77
    held = command(
        sim, tmp_path, "token", "simacan", "--json", KEYFOB_PASSWORD="wrong, by the command"
    )
    assert held.returncode == 75
    assert json.loads(held.stderr)["status"] == "LOGIN_ON_HOLD"
    quiet = command(
        sim, tmp_path, "token", "simacan", "-q", KEYFOB_PASSWORD="wrong, by the command"
    )
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (75, "", "")


def test_a_user_without_a_home_is_told_to_name_a_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/")
    monkeypatch.setattr(os, "geteuid", lambda: 4_294_967_294)
    assert own_home() is None
    with pytest.raises(Unusable, match="--store DIRECTORY"):
        usual_store()
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/gateway:/var/lib/other")
    assert usual_store() == "file:/var/lib/gateway"


def test_the_command_says_its_version_and_help(sim: Simulator, tmp_path: Path) -> None:
    assert command(sim, tmp_path, "--version").stdout == f"keyfob {keyfob.__version__}\n"
    assert "exit status" in command(sim, tmp_path, "--help").stdout
