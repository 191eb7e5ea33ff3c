"""keyfob-devices: lists the devices of an account, page by page, whatever the cloud.

Each cloud says in its own way where the next page is; `pages` reads all of them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import Any

import keyfob

ABOUT = """\
Prints the name of each device, a line each. Options come from the environment: KEYFOB_USERNAME,
KEYFOB_PASSWORD_FILE, KEYFOB_ENVIRONMENT, ...

exit status: 0 all pages were read; 1 not all; 2 wrong arguments or options.
"""


def usual_url(provider: str) -> str | None:
    """Where a cloud lists its devices; None where the caller has to say."""
    app = os.environ.get("KEYFOB_APP_ID")
    return {
        "kontakt": "/v3/device",
        "iotconnect": "{deviceBaseUrl}/Device",
        "kii": f"/api/apps/{app}/things" if app else None,
    }.get(provider)


def names(value: Any) -> Iterator[str]:
    """The name of every device in a page, wherever the cloud's JSON has its list."""
    if isinstance(value, dict):
        if isinstance(value.get("name"), str):
            yield value["name"]
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from names(member)


def main() -> int:
    words = argparse.ArgumentParser(
        description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("provider")
    words.add_argument(
        "url", nargs="?", help="where the list begins, absolute or relative to the cloud"
    )
    arguments = words.parse_args()
    url = arguments.url or usual_url(arguments.provider)
    if not url:
        words.error(f"where does {arguments.provider} list devices? Give a URL")
    try:
        with keyfob.Client.load(arguments.provider, env="KEYFOB") as client:
            for page in client.pages(url):
                for name in names(page.raise_for_status().json()):
                    print(name)
    except keyfob.Error as error:
        print(f"keyfob-devices: {error.status.name}: {error}", file=sys.stderr)
        return 2 if isinstance(error, keyfob.OptionError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
