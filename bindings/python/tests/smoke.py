"""A wheel in an empty environment: the package is the installed one, and works."""

import sys
from importlib.metadata import files
from pathlib import Path

import keyfob
from simulator import running

package = Path(keyfob.__file__).parent
assert package.is_relative_to(sys.prefix), package
assert (package / "py.typed").exists()
assert {path.suffix for path in package.iterdir() if path.is_file()} == {".py", ".typed", ".so"}
licences = {str(path.name) for path in files("keyfob") or [] if "licenses" in path.parts}
assert licences == {"LICENSE-APACHE", "LICENSE-MIT"}, licences
with running() as clouds:
    with clouds.client("kontakt") as client:
        assert client.get(clouds.devices("kontakt")).status == 200
