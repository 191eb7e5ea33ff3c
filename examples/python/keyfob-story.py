"""keyfob-story: one client that stays, told line by line what to do. It shows what happens to a
program that outlives its tokens, without waiting for them to age: examples/demo drives it.

Options come from the environment, as for keyfob-devices. On standard input, a line each:

    token           asks for a token and says how long it lives
    get URL         sends a request
    wind SECONDS    lets time pass on the client's clock
    status          prints the client's state
"""

import json
import math
import sys

import keyfob


def answer(client: keyfob.Client, order: str, argument: str) -> str:
    if order == "token":
        client.token()
        lives = client.expires_in
        return "a token that never expires" if lives == math.inf else f"a token for {lives:.0f} s"
    if order == "get":
        return f"HTTP {client.get(argument).status}"
    if order == "wind":
        client.wind(float(argument))
        return "later"
    if order == "status":
        return json.dumps(client.status().raw)
    return "not an order"


# Every order is answered with one line, so that whoever drives this can wait for it.
with keyfob.Client.load(sys.argv[1], env="KEYFOB") as client:
    for line in sys.stdin:
        order, _, argument = line.strip().partition(" ")
        try:
            print(answer(client, order, argument), flush=True)
        except keyfob.Error as error:
            print(f"{error.status.name}: {error}", flush=True)
