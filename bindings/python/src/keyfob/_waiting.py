"""Calls that wait, made so that Ctrl-C ends them, and so that none is left when Python ends."""

from __future__ import annotations

import _thread
import atexit
import os
import time
from typing import Any, Callable, TypeVar
from weakref import WeakSet, WeakValueDictionary

T = TypeVar("T")


class _Aside:
    """A thread beside the main one, for one call after the other."""

    def __init__(self) -> None:
        self._work: Callable[[], Any] | None = None
        self._result: Any = None
        self._failure: BaseException | None = None
        self._begin, self._ended = _thread.allocate_lock(), _thread.allocate_lock()
        self._begin.acquire()
        self._ended.acquire()
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        while self._begin.acquire() and self._work:
            try:
                self._result = self._work()
            except BaseException as why:
                self._failure = why
            self._work = None
            self._ended.release()
        self._ended.release()

    def begin(self, work: Callable[[], Any] | None) -> None:
        """Begins the work; `None` ends the thread."""
        self._work = work
        self._begin.release()

    def wait(self) -> None:
        """Waits for the end, in a way that signals interrupt."""
        self._ended.acquire()

    def outcome(self) -> tuple[Any, BaseException | None]:
        """What came of it; nothing of it is kept."""
        outcome = self._result, self._failure
        self._result = self._failure = None
        return outcome


# Threads that have nothing to do: seldom more than one, since only the main thread asks for them,
# and a second time only from a signal handler. To begin one anew costs more than a request.
_idle: list[_Aside] = []


def interruptible(work: Callable[[], T], cancel: Callable[[], None]) -> T:
    """Does work that waits in a foreign call; if a signal handler raises, cancels the work.

    Python runs signal handlers on the main thread, between two of its instructions. A main thread
    inside a foreign call would not get there, so another thread makes the call, and the main thread
    waits for it in a way that signals interrupt. On any other thread there is nothing to do.
    """
    import threading

    if threading.current_thread() is not threading.main_thread():
        return work()
    try:
        aside = _idle.pop() if _idle else _Aside()
    except RuntimeError:
        # No thread is to be had, or the interpreter is on its way out.
        return work()
    aside.begin(work)
    try:
        aside.wait()
    except BaseException:
        cancel()
        # A second signal now, and the thread is left to itself.
        aside.wait()
        aside.outcome()
        _idle.append(aside)
        raise
    result, failure = aside.outcome()
    _idle.append(aside)
    if failure is not None:
        raise failure
    done: T = result
    return done


# Clients that were not closed, and every handle of theirs and of their calls.
open_clients: WeakSet[Any] = WeakSet()
handles: WeakValueDictionary[int, Any] = WeakValueDictionary()
_is_ending = False


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
    while handles and time.monotonic() < until:
        time.sleep(0.001)


atexit.register(_end)


def _let_go() -> None:
    """No thread survives a fork, and a process that has but one forks best."""
    while _idle:
        aside = _idle.pop()
        aside.begin(None)
        aside.wait()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_let_go, after_in_child=handles.clear)
