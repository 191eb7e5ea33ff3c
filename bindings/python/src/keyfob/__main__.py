"""The command `python -m keyfob`: tokens and headers for scripts, where the program `keyfob` is not
installed. It takes the same words, finds the same options and tokens, and ends with the same exit
statuses; requests are the program's alone.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
from pathlib import Path
from typing import Any, Optional

import keyfob
from keyfob import Status

ABOUT = """\
Prints an access token of an IoT cloud, or what carries it; renews it first where that is needed.

  token PROVIDER             the access token
  header PROVIDER            the header lines that carry it
  headers-for PROVIDER URL   all that a request to this URL needs
  status PROVIDER            the client's state as JSON, without a secret; sends nothing
  forget PROVIDER            forgets tokens and holds

Options come from /etc/keyfob/PROVIDER.json, ~/.config/keyfob/PROVIDER.json (on Windows from
PROVIDER.json in keyfob in the folder that APPDATA names), the environment
(KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, ...) and --set; later ones win. Every user of the machine
can read a command line: name files with secrets, such as --set password_file=/etc/gateway/password.

exit status: 0 done; 64 wrong arguments; 69 the cloud did not answer with what was asked for; 75 try
again later; 77 a person is needed; 78 wrong options, and nothing was sent.
"""

EXIT = {
    64: {Status.NULL_ARGUMENT, Status.INVALID_UTF8, Status.INVALID_ARGUMENT},
    70: {Status.PANIC},
    75: {
        Status.LOGIN_ON_HOLD,
        Status.NETWORK,
        Status.TIMEOUT,
        Status.RATE_LIMITED,
        Status.SERVER_ERROR,
        Status.WOULD_BLOCK,
        Status.CANCELLED,
    },
    77: {
        Status.CREDENTIALS_REJECTED,
        Status.LOGIN_REQUIRED,
        Status.LOGIN_DENIED,
        Status.LOGIN_EXPIRED,
    },
    78: {
        Status.UNKNOWN_OPTION,
        Status.INVALID_OPTION,
        Status.MISSING_OPTION,
        Status.UNKNOWN_PROVIDER,
        Status.INVALID_PROFILE,
        Status.INSECURE_URL,
        Status.FOREIGN_ORIGIN,
    },
}


class Words(argparse.ArgumentParser):
    """Ends as sysexits.h says."""

    def error(self, message: str) -> Any:
        self.exit(64, f"keyfob: {message}; see python -m keyfob --help\n")


def parse(arguments: Optional[list[str]]) -> argparse.Namespace:
    words = Words(
        prog="python -m keyfob",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = ["token", "header", "headers-for", "status", "forget"]
    words.add_argument("command", choices=commands, metavar="COMMAND")
    words.add_argument("provider", metavar="PROVIDER")
    words.add_argument("url", metavar="URL", nargs="?")
    words.add_argument(
        "--config", metavar="FILE", help="a JSON object of options, and no other file"
    )
    words.add_argument("--env", metavar="PREFIX", default="KEYFOB", help="PREFIX_USERNAME, ...")
    words.add_argument("--set", metavar="OPTION=VALUE", action="append", default=[])
    words.add_argument("--store", metavar="DIRECTORY", help="where tokens are kept, or `memory`")
    words.add_argument("--timeout", metavar="SECONDS", type=float)
    words.add_argument("--json", action="store_true", help="errors as JSON")
    words.add_argument("-v", "--verbose", action="store_true", help="say what happens")
    words.add_argument("-q", "--quiet", action="store_true", help="say nothing of errors")
    words.add_argument("--version", action="version", version=f"keyfob {keyfob.__version__}")
    given = words.parse_args(arguments)
    if (given.command == "headers-for") != (given.url is not None):
        words.error("headers-for, and no other command, takes a URL")
    return given


def options(given: argparse.Namespace) -> dict[str, Any]:
    """What the files and the command line say, and where tokens are kept if nothing else does."""
    files = (
        [Path(given.config)]
        if given.config
        else [each / f"{given.provider}.json" for each in usual_places()]
    )
    found: dict[str, Any] = {}
    for file in files:
        if given.config or file.exists():
            found.update(read(file))
    # The library has the say on the environment, which comes after files and before the rest.
    taken = {name: value for name, _, value in (each.partition("=") for each in given.set)}
    if given.store is not None:
        is_path = given.store.startswith(".") or os.path.isabs(given.store)
        taken["store"] = f"file:{given.store}" if is_path else given.store
    if given.timeout is not None:
        taken["timeout_ms"] = round(given.timeout * 1000)
    prefix = f"{given.env}_"
    taken = {**{n: v for n, v in found.items() if not os.environ.get(prefix + n.upper())}, **taken}
    if "store" not in taken and not os.environ.get(f"{prefix}STORE"):
        taken["store"] = usual_store()
    return taken


def read(file: Path) -> dict[str, Any]:
    """A file of options."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as why:
        raise Unusable(f"{file}: {why}") from None
    if not isinstance(found, dict):
        raise Unusable(f"{file}: not a JSON object of options")
    return found


class Unusable(Exception):  # noqa: N818
    """A set-up with which nothing can be sent."""


def usual_places() -> list[Path]:
    """Where files of options are looked for: the machine's, then the user's."""
    if sys.platform == "win32":
        # Whatever a machine has for all users there, each of them may write to.
        own = os.environ.get("APPDATA", "")
        return [Path(own, "keyfob")] if os.path.isabs(own) else []
    places, own, home = [Path("/etc/keyfob")], os.environ.get("XDG_CONFIG_HOME", ""), own_home()
    if os.path.isabs(own):
        places.append(Path(own, "keyfob"))
    elif home:
        places.append(Path(home, ".config/keyfob"))
    return places


def own_home() -> Optional[str]:
    """This user's home. Under sudo, HOME is often somebody else's, and files that are made there
    would be in its owner's way."""
    import pwd

    def is_own(home: Optional[str]) -> bool:
        return bool(home and home != "/" and os.path.isabs(home) and os.path.isdir(home)) and (
            os.stat(str(home)).st_uid == os.geteuid()
        )

    home = os.environ.get("HOME")
    if is_own(home):
        return home
    try:
        entry = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return None
    return entry if is_own(entry) else None


def usual_store() -> str:
    """Where tokens are kept from one run to the next, so that a script that runs each minute does
    not log in each minute."""
    if sys.platform == "win32":
        own = os.environ.get("LOCALAPPDATA", "")
        if os.path.isabs(own):
            return f"file:{os.path.join(own, 'keyfob')}"
    else:
        service = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        state, home = os.environ.get("XDG_STATE_HOME", ""), own_home()
        if os.path.isabs(service):
            return f"file:{service}"
        if os.path.isabs(state):
            return f"file:{state}/keyfob"
        if home:
            return f"file:{home}/.local/state/keyfob"
        if os.geteuid() == 0:
            return "file:/var/lib/keyfob"
    raise Unusable(
        "this user has no home to keep tokens in; name a directory with --store DIRECTORY, or keep"
        " nothing between runs with --store memory"
    )


def run(client: keyfob.Client, given: argparse.Namespace) -> None:
    if given.command == "token":
        print(client.token())
    elif given.command == "status":
        print(json.dumps(client.status().raw))
    elif given.command == "forget":
        client.forget()
        failed = client.status().not_revoked
        if failed is not None and not given.quiet:
            print(f"keyfob: forgotten, but not revoked at the cloud: {failed}", file=sys.stderr)
    else:
        headers = client.headers_for(given.url) if given.url is not None else client.headers()
        for name, value in headers.items():
            print(f"{name}: {value}")


def complain(error: keyfob.Error, given: argparse.Namespace) -> int:
    """Says why it failed, and gives the exit status."""
    wait = None if error.retry_after is None else math.ceil(error.retry_after)
    if given.json:
        about = {
            "status": error.status.name,
            "message": str(error),
            "http_status": error.http_status,
            "provider_code": error.provider_code,
            "provider_message": error.provider_message,
            "retry_after_s": wait,
        }
        known = {name: value for name, value in about.items() if value is not None}
        print(json.dumps(known), file=sys.stderr)
    elif not given.quiet:
        later = "" if wait is None else f" (retry after {wait} s)"
        print(f"keyfob: {error.status.name}: {error}{later}", file=sys.stderr)
    return next((code for code, statuses in EXIT.items() if error.status in statuses), 69)


def main(arguments: Optional[list[str]] = None) -> int:
    given = parse(arguments)
    if given.verbose:
        logging.basicConfig(level=logging.DEBUG, format="keyfob: %(levelname)s: %(message)s")
    try:
        with keyfob.Client.load(given.provider, env=given.env, **options(given)) as client:
            run(client, given)
        sys.stdout.flush()
    except Unusable as why:
        print(f"keyfob: {why}", file=sys.stderr)
        return 78
    except keyfob.Error as error:
        return complain(error, given)
    except BrokenPipeError:
        # Nobody reads on, and Python would say so when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 74
    return 0


if __name__ == "__main__":
    sys.exit(main())
