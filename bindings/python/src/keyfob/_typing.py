"""Names of `typing` for the Pythons that lack them, so that `typing.get_type_hints` works there."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["Self", "Unpack"]

if sys.version_info >= (3, 11):
    from typing import Self, Unpack
else:
    Self = Any

    class Unpack:
        """`Unpack[Options]` is then what it unpacks."""

        def __class_getitem__(cls, item: Any) -> Any:
            return item
