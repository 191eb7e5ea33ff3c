"""Calls that wait, made so that Ctrl-C ends them."""

from __future__ import annotations

import _thread
from typing import Callable, TypeVar

T = TypeVar("T")


def interruptible(work: Callable[[], T], cancel: Callable[[], None]) -> T:
    """Does work that waits in a foreign call; if a signal handler raises, cancels the work.

    Python runs signal handlers on the main thread, between two of its instructions. A main thread
    inside a foreign call would not get there, so another thread makes the call, and the main thread
    waits for it in a way that signals interrupt. On any other thread there is nothing to do.
    """
    import threading

    if threading.current_thread() is not threading.main_thread():
        return work()
    result: list[T] = []
    failure: list[BaseException] = []
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            result.append(work())
        except BaseException as why:
            failure.append(why)
        finally:
            done.release()

    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:
        # No thread is to be had, or the interpreter is on its way out. Nothing of it has run.
        return work()
    try:
        done.acquire()
    except BaseException:
        cancel()
        done.acquire()
        raise
    if failure:
        raise failure[0]
    return result[0]
