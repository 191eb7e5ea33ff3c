"""Reads a large body piece by piece, as a program would: keyfob, requests or httpx.

usage: stream.py WHO URL CA_FILE ROUNDS      prints the median seconds, and MiB above idle at most
"""

import json
import sys
import time
from pathlib import Path


def anonymous() -> int:
    """Memory of its own, in KiB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["RssAnon"].split()[0])


who, url, ca, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
SMALL, PIECE = url.rsplit("/", 1)[0] + "/small", 65536
if who == "keyfob":
    import keyfob

    base = url.rsplit("/", 1)[0]
    client = keyfob.Client("kontakt", api_key="k", base_url=base, ca_file=ca, timeout_ms=600000)

    def pieces(of):
        with client.get(of, stream=True) as response:
            yield from response.iter_bytes()

elif who == "requests":
    import requests

    session = requests.Session()
    session.verify, session.trust_env = ca, False

    def pieces(of):
        with session.get(of, stream=True) as response:
            yield from response.iter_content(PIECE)

else:
    import ssl

    import httpx

    session = httpx.Client(verify=ssl.create_default_context(cafile=ca), trust_env=False)

    def pieces(of):
        with session.stream("GET", of) as response:
            yield from response.iter_bytes(PIECE)


sum(map(len, pieces(SMALL)))
idle, most, times, count = anonymous(), 0, [], 0
for _ in range(rounds):
    began = time.perf_counter()
    for piece in pieces(url):
        count += len(piece)
        if count % 64 == 0:
            most = max(most, anonymous())
    times.append(time.perf_counter() - began)
most = max(most, anonymous())
print(json.dumps([who, sorted(times)[rounds // 2], (most - idle) / 1024]))
