"""A token and a request with the package of this checkout, on whatever Python runs this."""

import os
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(root / "bindings/python/src"))

import keyfob  # noqa: E402

# What with-simulator says of the cloud: every option by its name.
options = {
    name.removeprefix("KEYFOB_").lower(): value
    for name, value in os.environ.items()
    if name.startswith("KEYFOB_") and name != "KEYFOB_LIBRARY"
}
with keyfob.Client("simacan", **options) as client:
    token = client.token()
    assert token.startswith("eyJ") and client.token() == token
    assert client.get(os.environ["DEVICES"]).status == 200
print("a token and a request")
