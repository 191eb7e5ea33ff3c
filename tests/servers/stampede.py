"""Twenty threads in each of four processes that ask for one account's token at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import keyfob

PROCESSES, THREADS = 4, 20


def client_of(options: dict[str, str], store: Path | None = None) -> keyfob.Client:
    """A client of these options; `provider` among them is oauth2 unless it says otherwise."""
    provider = options.get("provider", "oauth2")
    options = {name: value for name, value in options.items() if name != "provider"}
    if store is not None:
        options["store"] = f"file:{store}"
    return keyfob.Client(provider, **options)


def stampede(options: dict[str, str], store: Path) -> tuple[int, set[str]]:
    """How many renewals all of them made, and the tokens that they got."""
    environment = {**os.environ, **{f"ROW_{name.upper()}": value for name, value in options.items()}}
    command = [sys.executable, __file__, str(store)]
    workers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    told = [each.communicate(timeout=120)[0].split() for each in workers]
    assert all(each.returncode == 0 for each in workers), told
    renewals = sum(int(count) for count, *_ in told)
    return renewals, {token for _, *all_of_one in told for token in all_of_one}


def work() -> None:
    """One process of them."""
    options = {name[4:].lower(): value for name, value in os.environ.items() if name.startswith("ROW_")}
    with client_of(options, Path(sys.argv[1])) as client:
        tokens: list[str] = []
        threads = [threading.Thread(target=lambda: tokens.append(client.token())) for _ in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(tokens) == THREADS
        counters = client.status().counters
        print(counters.refreshes + counters.logins, *sorted(set(tokens)))


if __name__ == "__main__":
    work()
