"""What types, names and hints promise, to type checkers and at run time."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import keyfob
from simulator import Simulator

SRC = Path(keyfob.__file__).parent.parent


def pythons() -> list[str]:
    """This Python, and whatever others the machine has that the package is for."""
    names = [f"python3.{minor}" for minor in range(9, 15)]
    pyenv = (Path.home() / ".pyenv/versions").glob("3.*/bin/python")
    beside = [str(path) for path in pyenv if path.parts[-3].split(".")[1] in map(str, range(9, 15))]
    found = [path for path in map(shutil.which, names) if path] + sorted(beside)
    works = [p for p in found if subprocess.run([p, "-c", ""], capture_output=True).returncode == 0]
    return [sys.executable, *works]


@pytest.mark.parametrize("python", pythons())
def test_every_type_hint_can_be_read_at_run_time(python: str) -> None:
    done = subprocess.run(
        [python, Path(__file__).parent / "hints.py"],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80


def test_dir_has_every_name_of_the_package() -> None:
    code = "import keyfob; print(sorted(set(keyfob.__all__) - set(dir(keyfob))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("kind", [keyfob.Client, keyfob.AsyncClient])
@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_says_why_it_cannot_be_pickled(kind: Any, way: Any) -> None:
    client = kind("kontakt", api_key="my key")
    with pytest.raises(keyfob.ArgumentError, match="Make one in each process") as raised:
        way(client)
    assert "my key" not in str(raised.value)


def test_the_status_is_typed_and_has_what_happened(sim: Simulator) -> None:
    with sim.client("simacan", password="wrong, by types", retries=0) as client:
        with pytest.raises(keyfob.CredentialsError):
            client.token()
        status = client.status()
        assert isinstance(status, keyfob.ClientStatus)
        assert status.state == "none"
        assert status.counters.logins_rejected == 1
        assert status.hold and 0 < status.hold <= 60
        assert isinstance(status.last_error, keyfob.CredentialsError)
        assert status.last_error.status is keyfob.Status.CREDENTIALS_REJECTED
        assert status.raw["counters"]["logins"] == status.counters.logins == 1
        assert "wrong, by types" not in repr(status) + str(status.raw)


def test_type_checkers_know_the_options(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("""\
import keyfob

keyfob.Client("simacan", username="me", password_file="p", timeout_ms=5, proxy=None)
keyfob.Client("simacan", usrname="me")
keyfob.AsyncClient.load("simacan", env="KEYFOB", usrname="me")
keyfob.Client("simacan", username=5)
who: keyfob.options.SimacanOptions = {"username": "me", "password": "x"}
keyfob.Client("simacan", **who).set(**who)
who = {"api_key": "x"}
keyfob.Client("custom", profile_file="p", **{"an_option_of_the_profile": "x"})
keyfob.Client("simacan").status().counters.logns
""")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(program)]
    done = subprocess.run(
        command, env={**os.environ, "MYPYPATH": str(SRC)}, capture_output=True, text=True
    )
    wrong = [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line]
    assert wrong == ["4", "5", "6", "9", "11"], done.stdout
    assert 'Unexpected keyword argument "usrname"' in done.stdout


def test_the_types_of_options_are_those_of_the_library() -> None:
    generator = SRC.parent / "options"
    done = subprocess.run([sys.executable, generator, "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
