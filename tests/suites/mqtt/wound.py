"""Runs an example with a clock that is wound by lines of seconds on standard input."""

import os
import runpy
import sys
import threading

import keyfob

load = keyfob.Client.load


def wound(*words: object, **options: object) -> keyfob.Client:
    client = load(*words, **options)  # type: ignore[arg-type]

    def wind() -> None:
        for line in sys.stdin:
            client.wind(float(line))
        os._exit(0)  # the test is over

    threading.Thread(target=wind, daemon=True).start()
    return client


keyfob.Client.load = wound  # type: ignore[assignment,method-assign]
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
