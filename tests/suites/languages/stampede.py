"""Processes of several languages share one file store, at clouds that end a family of tokens when a
spent refresh token is presented: one renewal per lifetime, and nothing lost.

    tests/suites/languages/stampede.py NAME=COMMAND...     drivers as tests/suites/conformance/README.md has them
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from control import Simulator

CLOUDS = ["kontakt", "iotconnect", "kii", "simacan"]
PROCESSES = 2  # of each language
CALLERS = 4  # in each process
LIFETIMES = 5
LIFETIME_S = 7200


class Broken(Exception):
    """What came is not what was promised."""


class Driver:
    """A process in some language."""

    def __init__(self, name, command):
        self.name = name
        self._process = subprocess.Popen(
            command.split(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def call(self, *fields):
        self._process.stdin.write("\t".join(fields) + "\n")
        self._process.stdin.flush()
        status, *told = self._process.stdout.readline().rstrip("\n").split("\t")
        if status != "OK":
            raise Broken(f"{self.name}: {fields[0]} gave {status or 'nothing'}: {told[-1:]}")
        return told

    def end(self):
        self._process.stdin.close()
        return self._process.wait(60)


class Crowd:
    """All processes at once, each with a client for the same account."""

    def __init__(self, drivers, simulator, cloud):
        self.drivers, self.simulator, self.cloud = drivers, simulator, cloud
        self.threads = ThreadPoolExecutor(len(drivers))

    def all(self, *order):
        """Gives the same order to everybody, and waits for the answers."""
        return list(self.threads.map(lambda driver: driver.call(*order), self.drivers))

    def begin(self, store):
        options = {
            **self.simulator.reach(self.cloud),
            **self.simulator.login(self.cloud),
            "store": f"file:{store}",
            # With many processes on a busy machine, the last in the row waits for all the others.
            "timeout_ms": "60000",
        }
        pairs = [text for pair in options.items() for text in pair]
        self.all("new", "client", self.cloud, *pairs)

    def one_token(self):
        tokens = {token for told in self.all("token", "client", str(CALLERS)) for token in told}
        if len(tokens) != 1:
            raise Broken(f"{self.cloud}: {len(tokens)} different tokens were given")
        return tokens.pop()

    def expect(self, what, **calls):
        counts = self.simulator.get("/counts")[self.cloud]
        arrived = {name: counts["calls"].get(name, 0) for name in calls}
        if arrived != calls or counts["reuse_count"] or counts["families_lost"]:
            raise Broken(
                f"{self.cloud}: {what}: {arrived}, not {calls}; {counts['reuse_count']} spent refresh"
                f" tokens presented, {counts['families_lost']} families lost"
            )

    def wind(self, seconds):
        self.simulator.order("/wind", seconds=seconds)
        self.all("wind", "client", str(seconds * 1000))

    def end(self):
        self.all("free", "client")
        self.threads.shutdown()


def live(crowd):
    """Several lifetimes of one account's token, and then its early death."""
    crowd.simulator.order("/reset")
    crowd.simulator.order("/lifetime", cloud=crowd.cloud, access_seconds=LIFETIME_S)
    crowd.simulator.order("/rotation", cloud=crowd.cloud, rotation="revoke-family-on-reuse")
    # Long enough that everybody is there before the first is done.
    for call in ("login", "refresh"):
        crowd.simulator.order("/delay", cloud=crowd.cloud, call=call, ms=50)
    given = [crowd.one_token()]
    crowd.expect("after the first stampede", login=1, refresh=0)
    for lifetime in range(1, LIFETIMES + 1):
        crowd.wind(LIFETIME_S + 1)
        given.append(crowd.one_token())
        crowd.expect(f"after lifetime {lifetime}", login=1, refresh=lifetime)
    if len(set(given)) != len(given):
        raise Broken(f"{crowd.cloud}: a token was given in two lifetimes")
    crowd.simulator.order("/revoke", cloud=crowd.cloud, what="access")
    about = crowd.simulator.info["clouds"][crowd.cloud]
    answers = crowd.all("request", "client", "GET", about["api_url"] + about["devices_path"])
    if any(status != "200" for status, _ in answers):
        raise Broken(f"{crowd.cloud}: a request was not replayed: {answers}")
    crowd.expect("after an early death", login=1, refresh=LIFETIMES + 1)


def main():
    commands = [word.partition("=") for word in sys.argv[1:]]
    if not commands:
        sys.exit(__doc__)
    passed = failed = 0
    with Simulator() as simulator:
        drivers = [Driver(name, command) for name, _, command in commands for _ in range(PROCESSES)]
        for cloud in CLOUDS:
            crowd = Crowd(drivers, simulator, cloud)
            with tempfile.TemporaryDirectory() as store:
                crowd.begin(store)
                try:
                    live(crowd)
                    passed += 1
                except Broken as broken:
                    failed += 1
                    print(f"FAILED {broken}")
                crowd.end()
        ended = [driver.name for driver in drivers if driver.end() != 0]
    if ended:
        failed += 1
        print(f"FAILED these did not end well: {ended}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
