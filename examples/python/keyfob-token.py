"""keyfob-token: prints an access token, or the header that carries it, for scripts on a gateway."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys

import keyfob

ABOUT = """\
Prints an access token of an IoT cloud: a cached one, or a new one where that is needed.
Providers: kontakt, kontakt-cloud, iotconnect, kii, simacan, oauth2, custom.

Tokens are kept in ~/.local/state/keyfob, where the next run finds them. The option `store` keeps
them elsewhere, `memory` not at all; with --config, only what the file says.

Every user of the machine can read a command line. Give secrets through the environment, or
name a file that only you can read: --set password_file=/etc/gateway/password.

  keyfob-token --header kontakt > headers &&
      curl -H @headers https://apps-api.prod.kontakt.io/v3/device

exit status: 0 printed; 1 no token; 2 wrong arguments or options, and nothing was sent.
"""


def parse() -> argparse.Namespace:
    words = argparse.ArgumentParser(
        prog="keyfob-token",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words.add_argument("provider")
    what = words.add_argument_group("what to print")
    for name, about in {
        "token": "the access token (the default)",
        "header": "the header lines that carry it: Authorization: Bearer ...",
        "expires": "how many seconds it lives, or `never`",
        "status": "the client's state as JSON, without a secret; also when there is no token",
    }.items():
        what.add_argument(
            f"--{name}", dest="what", action="store_const", const=name, default="token", help=about
        )
    where = words.add_argument_group("where options come from; later ones win")
    where.add_argument("--config", metavar="FILE", help="a JSON object of options")
    where.add_argument(
        "--env",
        metavar="PREFIX",
        default="KEYFOB",
        help="environment variables PREFIX_USERNAME, ...",
    )
    where.add_argument(
        "--set", metavar="OPTION=VALUE", action="append", default=[], help="one option"
    )
    words.add_argument("--verbose", action="store_true", help="say on standard error what happens")
    return words.parse_args()


def settings(arguments: argparse.Namespace) -> dict[str, keyfob.Option]:
    """The options of the command line, and where tokens are kept if nothing else says so."""
    # The library says what is wrong with an option that has no value.
    options = {name: value for name, _, value in (each.partition("=") for each in arguments.set)}
    if not arguments.config and f"{arguments.env}_STORE" not in os.environ:
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        options.setdefault("store", f"file:{state}/keyfob")
    return options


def show(client: keyfob.Client, what: str) -> None:
    if what == "status":
        try:
            client.token()
        finally:
            print(json.dumps(client.status().raw))
    elif what == "header":
        for name, value in client.headers().items():
            print(f"{name}: {value}")
    elif what == "expires":
        client.token()
        print("never" if client.expires_in == math.inf else int(client.expires_in))
    else:
        print(client.token())


def main() -> int:
    arguments = parse()
    if arguments.verbose:
        logging.basicConfig(level=logging.DEBUG, format="keyfob-token: %(levelname)s: %(message)s")
    provider, file, env = arguments.provider, arguments.config, arguments.env
    try:
        with keyfob.Client.load(provider, file=file, env=env, **settings(arguments)) as client:
            show(client, arguments.what)
    except (keyfob.OptionError, keyfob.ArgumentError) as error:
        print(f"keyfob-token: {error.status.name}: {error}", file=sys.stderr)
        return 2
    except keyfob.Error as error:
        wait = (
            "" if error.retry_after is None else f" (retry after {math.ceil(error.retry_after)} s)"
        )
        print(f"keyfob-token: {error.status.name}: {error}{wait}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
