"""Eight machines, each with a boot, a name and clocks of its own (mount and time namespaces; a wall clock
that is wrong by years), four processes on each, one Redis behind a sentinel, tokens of two seconds.

Meanwhile processes are killed and stopped for longer than their lease, and Redis is killed and hangs.
Expected: one login, no refresh token sent twice, no family lost. In a long run Redis is replaced in the end
by a replica that lost the last write, which has a spent refresh token. Those who have what was lost put it back;
one login is left for a process that is killed before it saved.

    machines.py SECONDS WALL.so COMMAND...     a command for each process of a machine
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from control import Simulator

MACHINES = 8
LIFETIME_S = 2
# What a lease lasts at most, and the second in which the others have a token.
LEASE_S = 16
# The end of a long run, which has a failover.
FAILOVER_S = 20
LONG_S = 60
FAILOVER_LOGINS = 1
CLOUDS = {"simacan": "revoke-family-on-reuse", "kii": None}
YEAR_S = 365 * 86400


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


class Redis:
    """A server with a disk of its own, which it writes before it answers."""

    def __init__(self, directory):
        self.directory, self.port = directory, free_port()
        directory.mkdir()
        self.start()

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self.directory)]
        command += ["--repl-diskless-sync-delay", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while self.ask("PING") != "PONG":
            time.sleep(0.02)

    def ask(self, *words):
        command = ["redis-cli", "-p", str(self.port), *words]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        return done.stdout.strip()

    def end(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def versions(self):
        keys = self.ask("KEYS", "*}").split()
        return sorted(self.ask("HGET", key, "version") for key in keys)


class Sentinel:
    """Says which server is the primary, as a sentinel does."""

    def __init__(self, primary):
        self.primary = primary
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            here, _ = self.listener.accept()
            with here:
                here.settimeout(1)
                try:
                    here.recv(4096)
                    port = str(self.primary.port)
                    here.sendall(f"*2\r\n$9\r\n127.0.0.1\r\n${len(port)}\r\n{port}\r\n".encode())
                    here.recv(1)
                except OSError:
                    pass


class Machine:
    """A boot, a name and clocks."""

    def __init__(self, number, directory, wall):
        self.directory = directory / str(number)
        self.directory.mkdir()
        (self.directory / "boot").write_text(f"{uuid.uuid4()}\n")
        (self.directory / "name").write_text(f"{uuid.uuid4().hex}\n")
        script = (
            f"mount --bind {self.directory}/boot /proc/sys/kernel/random/boot_id && "
            f"mount --bind {self.directory}/name /etc/machine-id && exec \"$@\""
        )
        up = str(number * 100_000)
        self.prefix = ["unshare", "--mount", "--time", "--boottime", up, "--monotonic", up]
        self.prefix += ["sh", "-c", script, "sh"]
        offset = str((number - MACHINES // 2) * YEAR_S)
        self.environment = {"LD_PRELOAD": wall, "WALL_OFFSET": offset}


class Process:
    """One of a machine's; killed and begun anew."""

    def __init__(self, machine, command, environment):
        self.machine, self.command = machine, command
        self.environment = environment
        self.errors = []
        self.start()

    def start(self):
        # `env` within: what makes the machine has the right time.
        inner = [f"{name}={value}" for name, value in self.machine.environment.items()]
        command = [*self.machine.prefix, "env", *inner, *self.command.split()]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, encoding="utf-8", env={**os.environ, **self.environment}
        )
        self.pid = None
        threading.Thread(target=self.listen, args=(self.process,), daemon=True).start()

    def listen(self, process):
        for line in process.stdout:
            if line.strip().isdigit():
                self.pid = int(line)
            else:
                self.errors.append(line.strip())

    def signal(self, number):
        if self.pid is not None:
            os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


def live(simulator, cloud, rotation, seconds, wall, commands, directory):
    simulator.order("/reset")
    simulator.order("/lifetime", cloud=cloud, access_seconds=LIFETIME_S)
    if rotation:
        simulator.order("/rotation", cloud=cloud, rotation=rotation)
    one, other = Redis(directory / "one"), Redis(directory / "other")
    other.ask("REPLICAOF", "127.0.0.1", str(one.port))
    sentinel = Sentinel(one)
    options = {**simulator.reach(cloud), **simulator.login(cloud)}
    options["store"] = f"redis+sentinel://127.0.0.1:{sentinel.port}/fleet"
    options["timeout_ms"] = "10000"
    environment = {f"KEYFOB_{name.upper()}": value for name, value in options.items()}
    environment["CLOUD"] = cloud
    first = time.monotonic()
    machines = [Machine(number, directory, wall) for number in range(MACHINES)]
    processes = [Process(machine, command, environment) for machine in machines for command in commands]
    while waiting := [process for process in processes if process.pid is None]:
        for process in waiting:
            if process.process.poll() is not None:
                sys.exit(f"{process.command} ended before it began")
        time.sleep(0.05)
    told = {"killed": 0, "stopped": 0, "restarts": 0, "hung": 0}
    begun, stopped, before_failover = time.monotonic(), [], None
    second = 0
    while time.monotonic() - begun < seconds:
        time.sleep(1)
        second += 1
        victim = processes[second * 7 % len(processes)]
        if all(victim is not process for process, _ in stopped):
            victim.kill()
            victim.start()
            told["killed"] += 1
        if second % 10 == 2:
            process = processes[(second * 11 + 3) % len(processes)]
            process.signal(signal.SIGSTOP)
            stopped.append((process, time.monotonic() + LEASE_S + 1))
            told["stopped"] += 1
        for process, until in [*stopped]:
            if time.monotonic() > until:
                process.signal(signal.SIGCONT)
                stopped.remove((process, until))
        if second % 10 == 4:
            sentinel.primary.end()
            sentinel.primary.start()
            told["restarts"] += 1
        if second % 20 == 7:
            sentinel.primary.process.send_signal(signal.SIGSTOP)
            time.sleep(1.5)
            sentinel.primary.process.send_signal(signal.SIGCONT)
            told["hung"] += 1
        # The last write is lost: the replica hears of nothing for a while before it takes over.
        ends = time.monotonic() - begun > seconds - FAILOVER_S
        if seconds >= LONG_S and ends and before_failover is None:
            before_failover = simulator.get("/counts")[cloud]
            took = time.monotonic() - first
            primary = sentinel.primary
            replica = other if primary is one else one
            replica.ask("REPLICAOF", "NO", "ONE")
            before = primary.versions()
            while primary.versions() == before:
                time.sleep(0.02)
            # The others have heard of it, as they do within a second.
            time.sleep(1)
            primary.end()
            sentinel.primary = replica
            primary.start()
            primary.ask("REPLICAOF", "127.0.0.1", str(replica.port))
    last = simulator.get("/counts")[cloud]
    counts = before_failover or last
    if before_failover is None:
        took = time.monotonic() - first
    for process in processes:
        process.kill()
    for redis in (one, other):
        redis.end()
    calls = counts["calls"]
    told |= {
        "logins": calls.get("login", 0),
        "refreshes": calls.get("refresh", 0),
        "lifetimes": round(took / LIFETIME_S),
        "sent twice": counts["reuse_count"],
        "families lost": counts["families_lost"],
    }
    errors = [error for process in processes for error in process.errors]
    print(f"{cloud}: {took:.0f} s, {len(processes)} processes on {MACHINES} machines: "
          + ", ".join(f"{number} {name}" for name, number in told.items())
          + f", {len(errors)} calls failed", flush=True)
    more = 0
    if before_failover is not None:
        more = last["calls"].get("login", 0) - told["logins"]
        again = last["reuse_count"] - told["sent twice"]
        lost = last["families_lost"] - told["families lost"]
        print(f"  a failover that lost a write: {more} logins, {again} sent twice, {lost} families lost")
    for error in errors[:5]:
        print(f"  {error[:300]}")
    bars = told["logins"] == 1 and told["sent twice"] == 0 and told["families lost"] == 0
    return bars and more <= FAILOVER_LOGINS


def main():
    seconds, wall, *commands = sys.argv[1:]
    if subprocess.run(["unshare", "--mount", "--time", "true"], check=False).returncode != 0:
        print("machines need namespaces, which this user may not make: not tried")
        return 0
    passed = failed = 0
    with Simulator() as simulator:
        for cloud, rotation in CLOUDS.items():
            directory = Path(tempfile.mkdtemp())
            try:
                good = live(simulator, cloud, rotation, float(seconds), wall, commands, directory)
            finally:
                shutil.rmtree(directory, ignore_errors=True)
            passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
