"""What the pytest plugin `keyfob.testing` promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keyfob

TESTS = """
import keyfob, pytest

def test_a_cloud_and_a_client(cloud, client):
    assert cloud.provider == "kontakt"
    assert client.get(cloud.devices_url).ok
    assert cloud.counts() == {"login": 1, "api": 1}

def test_each_test_begins_anew(cloud, client):
    assert cloud.counts() == {}
    first = client.token()
    cloud.wind(7200)
    assert client.expires_in == 0
    assert client.token() != first

@pytest.mark.keyfob("kii", login="user", retries=0)
def test_the_marker_names_another_cloud(cloud, client):
    client.token()
    cloud.kill_tokens()
    assert client.get(cloud.devices_url).ok
    assert cloud.counts()["refresh"] == 1
    assert len(cloud.journal("api")) == 2

@pytest.mark.keyfob("simacan", retries=0)
def test_faults_are_injected(cloud):
    cloud.fault("login", "status:503", times=1)
    with cloud.client() as client, pytest.raises(keyfob.ServerError):
        client.token()
"""


def run(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (directory / "conftest.py").write_text('pytest_plugins = ["keyfob.testing"]\n')
    (directory / "test_gateway.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers"]
    return subprocess.run(
        [*command, "-W", "error", "--rootdir", directory, directory],
        env={**os.environ, "PYTHONPATH": str(Path(keyfob.__file__).parent.parent), **environment},
        capture_output=True,
        text=True,
        cwd=directory,
    )


def test_tests_have_a_cloud_and_a_client(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_without_the_simulator_tests_say_where_to_get_it(tmp_path: Path) -> None:
    done = run(tmp_path, KEYFOB_SIMULATOR="", PATH=str(tmp_path))
    assert "name it in KEYFOB_SIMULATOR" in done.stdout


def test_the_simulator_may_be_that_of_its_package(tmp_path: Path) -> None:
    package = tmp_path / "keyfob_simulator.py"
    package.write_text(f"def program(): return {os.environ['KEYFOB_SIMULATOR']!r}\n")
    done = run(tmp_path, KEYFOB_SIMULATOR="", PATH=str(tmp_path))
    assert "4 passed" in done.stdout, done.stdout
