"""News of a token: another one, or a hold or a pause that begins or ends."""

from __future__ import annotations

import ctypes
from typing import Any

from keyfob._foreign import call
from keyfob._library import library

#: The longest a wait goes without coming back, in seconds. What happens meanwhile ends it.
LONGEST_S = 3600


def wait(handle: Any, known: int, seconds: float) -> int:
    """Waits for news that is not that of the number `known`, and gives its number."""
    number = ctypes.c_uint64()
    ms = round(min(seconds, 86_400) * 1000)
    call(library.keyfob_client_wait, handle, known, ms, ctypes.byref(number))
    return number.value


def descriptor(handle: Any) -> int:
    """What is readable while there is news that a wait on this handle has not given."""
    fd = ctypes.c_int32()
    call(library.keyfob_client_event_fd, handle, ctypes.byref(fd))
    return fd.value
