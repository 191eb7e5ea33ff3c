"""The shared library, found and loaded."""

from __future__ import annotations

import ctypes
import os
import sys

from keyfob import _abi

_NAMES = {"darwin": "libkeyfob.dylib", "win32": "keyfob.dll"}


def _path() -> str:
    """Another build if one is named, else the one that came with this package."""
    name = _NAMES.get(sys.platform, "libkeyfob.so")
    return os.environ.get("KEYFOB_LIBRARY") or os.path.join(os.path.dirname(__file__), name)


def _load(path: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(path)
        version = library.keyfob_abi_version()
        # Versions only grow: a library that is newer than this package has all that it needs.
        if version >= _abi.ABI_VERSION:
            _abi.declare(library)
            return library
    except (OSError, AttributeError) as why:
        raise ImportError(
            f"{path}: not a keyfob library that can be loaded here ({why}); install a wheel of"
            " keyfob, or name a build of the library in KEYFOB_LIBRARY"
        ) from why
    raise ImportError(
        f"{path}: its ABI version is {version}, and this package needs {_abi.ABI_VERSION} or later;"
        " install them from the same release"
    )


path = _path()
library = _load(path)

# The one call of the hot path, which never waits. It keeps the GIL: to give it away and take it
# back costs more than the call, most of all where many threads want it. And its argument is not
# checked, which would cost as much again: only clients call it, with a handle of their own.
# PyPy has no such way, and takes the ordinary one.
fresh_number = getattr(ctypes, "PyDLL", ctypes.CDLL)(path).keyfob_client_fresh_number
fresh_number.restype = library.keyfob_client_fresh_number.restype
