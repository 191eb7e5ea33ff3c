"""What is still open, so that nothing of the library's is under way when Python ends."""

from __future__ import annotations

import _thread
import atexit
import os
import time
from typing import Any
from weakref import WeakSet, ref

#: Clients that were not closed.
open_clients: WeakSet[Any] = WeakSet()

# Every handle that there is. These are weak references without a callback: a callback would be
# Python code that runs wherever a handle is freed, and an interrupt that arrives in it would be
# lost. So a reference may outlive its handle, and is swept out later.
_handles: set[ref[Any]] = set()
_sweep_at = 100

_is_ending = False


def note(handle: Any) -> ref[Any]:
    """Notes a handle, until it has been freed."""
    global _sweep_at
    noted = ref(handle)
    _handles.add(noted)
    if len(_handles) >= _sweep_at:
        _handles.difference_update([each for each in list(_handles) if each() is None])
        _sweep_at = 100 + 2 * len(_handles)
    return noted


def open_handles() -> int:
    """How many handles there are."""
    return sum(each() is not None for each in list(_handles))


def rest_at_the_end() -> None:
    """Does to a daemon thread what Python does to it when it ends, a moment early."""
    import threading

    if _is_ending and threading.current_thread() is not threading.main_thread():
        forever = _thread.allocate_lock()
        forever.acquire()
        forever.acquire()


def _end() -> None:
    """Ends every call and every thread of the library's before the interpreter ends.

    A thread that wants the interpreter after its end, to write a log line, is ended by Python on
    the spot, in the middle of the library; and a process in which that happens is aborted.
    """
    global _is_ending
    _is_ending = True
    for client in list(open_clients):
        client._end()
    # Cancelled calls end within a few hundredths of a second, and with the last handle the thread
    # that renews. Whatever is stuck is not waited for.
    until = time.monotonic() + 1
    while open_handles() and time.monotonic() < until:
        time.sleep(0.001)


atexit.register(_end)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_handles.clear)
