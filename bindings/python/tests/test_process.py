"""How the package lives in its process: threads, forks, signals, logging, loading."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import keyfob
from simulator import Simulator


def test_32_threads_share_a_client_and_one_login(sim: Simulator) -> None:
    with sim.client("simacan") as client, ThreadPoolExecutor(32) as threads:
        tokens = {each.result() for each in [threads.submit(client.token) for _ in range(320)]}
        assert len(tokens) == 1
        answers = [threads.submit(client.get, sim.devices("simacan")) for _ in range(64)]
        assert {answer.result().status for answer in answers} == {200}
    assert sim.counts("simacan")["login"] == 1


def test_threads_never_see_a_token_of_before_a_renewal_they_know_of(sim: Simulator) -> None:
    with sim.client("simacan") as client, ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            before = client.token()
            client.renew()
            after = {each.result() for each in [threads.submit(client.token) for _ in range(16)]}
            assert len(after) == 1
            assert before not in after


def test_a_forked_child_goes_on_with_the_client(sim: Simulator) -> None:
    context = multiprocessing.get_context("fork")
    with sim.client("simacan") as client:
        token = client.token()
        answer = client.get(sim.devices("simacan")).status

        def child(to_parent: multiprocessing.connection.Connection) -> None:
            known = client.token()
            client.renew()
            renewed = client.token()
            to_parent.send((known, renewed, client.get(sim.devices("simacan")).status))

        parent, other = context.Pipe()
        process = context.Process(target=child, args=(other,))
        process.start()
        known, renewed, status = parent.recv()
        process.join()
    assert (answer, status, process.exitcode) == (200, 200, 0)
    assert known == token != renewed
    assert sim.counts("simacan")["login"] == 1


def test_a_fork_finds_no_thread_that_waits_for_work(sim: Simulator) -> None:
    code = f"""
import os
# What is registered first runs last before a fork: after the package's own.
os.register_at_fork(before=lambda: print(keyfob._waiting._idle, end=" "))
import keyfob
client = keyfob.Client("simacan", **{sim.options("simacan")!r})
client.token()
print(len(keyfob._waiting._idle), end=" ", flush=True)
if os.fork() == 0:
    client.renew()
    os._exit(0)
print(os.wait()[1])
"""
    done = python(code)
    assert (done.stdout, done.stderr) == ("1 [] 0\n", "")
    assert sim.counts("simacan") == {"login": 1, "refresh": 1}


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also where the shell began the tests with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def on_arrival(sim: Simulator, number: signal.Signals) -> Iterator[None]:
    """Sends a signal to this process as soon as a login has arrived at Simacan."""

    def send() -> None:
        sim.wait_for("simacan", "login")
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("call", ["token", "headers", "renew", "get"])
def test_ctrl_c_ends_a_waiting_call_and_leaves_the_client_usable(
    sim: Simulator, call: str, ctrl_c: None
) -> None:
    sim.order("inject", cloud="simacan", call="login", times=1, fault="delay:1000")
    with sim.client("simacan", timeout_ms=60_000) as client:
        arguments = [sim.devices("simacan")] if call == "get" else []
        with on_arrival(sim, signal.SIGINT), pytest.raises(KeyboardInterrupt):
            getattr(client, call)(*arguments)
        assert client.token()


# One interrupt after the other, each at a moment that nobody chose; what it ended begins anew.
# A call that hangs never prints, and so does an interrupt that is lost.
THOUSAND_INTERRUPTS = """
import gc, os, random, signal, keyfob
client = keyfob.Client("simacan", **{options!r})
client.token()

def interrupt(*_):
    raise KeyboardInterrupt

def calls():
    while True:
        client.refused("another")  # waits for nothing, so that most interrupts meet keyfob at work
        client.get({url!r}) if random.random() < share else None

signal.signal(signal.SIGALRM, interrupt)
for share, count in ((0, 800), (0.2, 200)):
    for _ in range(count):
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 1e-3))
            calls()
        except KeyboardInterrupt:
            pass
# A thread more, now and then: where a call was taken back before its thread had begun it.
print(client.get({url!r}).status, 1 <= len(keyfob._waiting._idle) < 50)
client.close()
gc.collect()
while keyfob._ending.open_handles():
    os.sched_yield()  # another thread is about to let go of its last call
"""


def test_a_thousand_interrupts_at_random_moments_end_a_thousand_calls(sim: Simulator) -> None:
    code = THOUSAND_INTERRUPTS.format(options=sim.options("simacan"), url=sim.devices("simacan"))
    done = python(code)
    assert (done.stderr, done.stdout) == ("", "200 True\n")


def test_a_signal_handler_runs_while_a_call_waits_and_may_make_calls(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers")
    client = sim.client("simacan", timeout_ms=60_000)
    other = sim.client("kontakt")
    tokens: list[str] = []

    def handle(*_: object) -> None:
        tokens.append(other.token())
        client.cancel()

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with on_arrival(sim, signal.SIGUSR1), pytest.raises(keyfob.CancelledError):
            client.token()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert tokens == [other.token()]


def test_a_signal_whose_handler_returns_ends_nothing(sim: Simulator) -> None:
    sim.order("delay", cloud="simacan", call="login", ms=100)
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
    try:
        with sim.client("simacan") as client, on_arrival(sim, signal.SIGUSR1):
            assert client.token()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


def test_a_waiting_call_stops_no_greenlet(sim: Simulator) -> None:
    pytest.importorskip("gevent")
    sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers", times=2)
    options = {**sim.options("simacan"), "timeout_ms": 60_000}
    code = f"""
from gevent import monkey
monkey.patch_all()
import gevent, keyfob
client = keyfob.Client("simacan", **{options!r})

def wait():
    try:
        client.token()
    except keyfob.CancelledError:
        return "cancelled"

def started(count):
    while client.status().counters.logins < count:
        gevent.sleep()

waiting = gevent.spawn(wait)
started(1)          # this greenlet runs on while the other one's call waits
client.cancel()
print(waiting.get())

killed = gevent.spawn(client.token)
started(2)
killed.kill()       # ends the call, too
print(killed.successful(), len(client._waiting))
other = keyfob.Client("kontakt", **{sim.options("kontakt")!r})
print(len({{each.get() for each in [gevent.spawn(other.token) for _ in range(50)]}}))
"""
    done = python(code)
    assert done.stdout == "cancelled\nTrue 0\n1\n", done.stderr


def test_what_happens_is_logged_without_a_secret(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "keyfob"), sim.client("simacan") as client:
        token = client.token()
        client.get(sim.devices("simacan"))
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("INFO", "simacan: logged in") in logged
    assert any(level == "DEBUG" and "/api/v1/trips answered 200" in line for level, line in logged)
    assert token not in str(logged)
    assert "correct horse" not in str(logged)


def test_the_level_of_the_logger_says_what_is_logged(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with sim.client("simacan", password="wrong, too") as client:
        with caplog.at_level(logging.WARNING, "keyfob"), pytest.raises(keyfob.CredentialsError):
            client.token()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_nothing_is_printed_where_no_logging_is_configured(sim: Simulator) -> None:
    options = {**sim.options("simacan"), "password": "wrong"}
    for importing in ("", "import logging"):
        code = f"""
import keyfob
{importing}
try:
    keyfob.Client("simacan", **{options!r}).token()
except keyfob.CredentialsError:
    pass
"""
        done = python(code)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_program_may_end_with_clients_open_and_calls_under_way(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers")
    code = f"""
import keyfob, threading
client = keyfob.Client("simacan", **{ {**sim.options("simacan"), "timeout_ms": 60_000}!r})
keyfob.Client("kontakt", api_key="my key").token()
def wait():
    client.token()
threading.Thread(target=wait, daemon=True).start()
while client.status().counters.logins == 0:
    pass
"""
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("renewal", [False, True])
def test_a_program_may_end_while_threads_write_to_the_log(sim: Simulator, renewal: bool) -> None:
    options = {**sim.options("simacan"), "background_renewal": renewal}
    code = f"""
import io, keyfob, logging, threading
logging.basicConfig(level=logging.DEBUG, stream=io.StringIO())
client = keyfob.Client("simacan", **{options!r})
client.token()
busy = threading.Barrier(5)
def work():
    client.get({sim.devices("simacan")!r})
    busy.wait()
    while True:
        client.wind(3600)
        client.get({sim.devices("simacan")!r})
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
busy.wait()
"""
    for _ in range(5):
        done = python(code)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_library_that_is_none_is_refused_at_import_with_its_path(tmp_path: Path) -> None:
    for path in (str(tmp_path / "libkeyfob.so"), "libc.so.6"):
        done = python("import keyfob", KEYFOB_LIBRARY=path)
        assert done.returncode == 1
        assert f"ImportError: {path}: not a keyfob library" in done.stderr


def test_a_library_of_an_older_abi_is_refused_at_import(tmp_path: Path) -> None:
    source, library = tmp_path / "old.c", tmp_path / "old.so"
    source.write_text("unsigned keyfob_abi_version(void) { return 0; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    done = python("import keyfob", KEYFOB_LIBRARY=str(library))
    assert done.returncode == 1
    assert "its ABI version is 0, and this package needs" in done.stderr


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {"asyncio", "logging", "json", "http", "ssl", "urllib.request", "requests", "httpx"}
    done = python(f"import sys, keyfob; print(sorted({heavy!r} & sys.modules.keys()))")
    assert done.stdout == "[]\n"
