"""Calls that wait, made so that Ctrl-C ends them: another thread makes them for the main thread."""

from __future__ import annotations

import _thread
import os
import sys
from typing import Any, Callable, Optional, TypeVar

try:
    from _queue import SimpleQueue  # without what else `queue` imports
except ImportError:  # PyPy
    from queue import SimpleQueue

T = TypeVar("T")

# Windows does not interrupt a wait for a lock: Ctrl-C is heard between two waits. A lock that is
# free ends one at once.
_LONGEST_WAIT_S = 0.1 if sys.platform == "win32" else -1


class _Call:
    """Work that is done once, on another thread.

    The main thread may be interrupted between any two of its instructions. So it learns from flags
    that stay as they are, and can be read again, whether the work was begun and whether it ended.
    The locks only wake it.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._result: Any = None
        self._failure: Optional[BaseException] = None
        self._is_done = False
        # Whoever takes the first may do the work, or may say that nobody will.
        self._claim, self._end = _thread.allocate_lock(), _thread.allocate_lock()
        self._end.acquire()

    def do(self) -> None:
        """Does the work, unless it was withdrawn."""
        if self._claim.acquire(False):
            try:
                self._result = self._work()
            except BaseException as why:
                # Without this frame, which holds this call, which holds the failure.
                self._failure = why.with_traceback(why.__traceback__ and why.__traceback__.tb_next)

    def is_withdrawn(self) -> bool:
        """Keeps the work from being done; false if it has begun already."""
        return self._claim.acquire(False)

    def done(self) -> None:
        """Tells whoever waits."""
        self._is_done = True
        self._end.release()

    def wait(self) -> None:
        """Waits for the end, in a way that signals interrupt, and that may be begun again."""
        while not self._is_done:
            self._end.acquire(True, _LONGEST_WAIT_S)

    def outcome(self) -> Any:
        """What came of it, which is not kept here."""
        result, failure = self._result, self._failure
        self._result = self._failure = None
        if failure is not None:
            raise failure
        return result


# The threads that have nothing to do, as the queues on which they take a call. There is seldom more
# than one, since only the main thread asks for them, and a second time only from a signal handler.
# To start one anew costs more than a request.
_idle: list[SimpleQueue[Optional[_Call]]] = []
_ended: SimpleQueue[None] = SimpleQueue()


def _serve(first: list[_Call]) -> None:
    """One of those threads. What it is given for its life is a list, to be emptied here."""
    call: Optional[_Call] = first.pop()
    calls: SimpleQueue[Optional[_Call]] = SimpleQueue()
    while call is not None:
        call.do()
        # Before the main thread is told, which may have the next call at once.
        _idle.append(calls)
        call.done()
        del call
        call = calls.get()
    _ended.put(None)


def _give(call: Optional[_Call]) -> None:
    """Takes an idle thread and gives it a call, or `None` to end it; `IndexError` if none is idle.

    One call to C does both, and no signal can split it: a thread that is taken has its work.
    """
    next(map(SimpleQueue.put, map(list.pop, [_idle]), [call]))


def _begin(call: _Call) -> None:
    """Gives the call to a thread. `RuntimeError` if there is none to be had."""
    try:
        _give(call)
    except IndexError:
        _thread.start_new_thread(_serve, ([call],))


def interruptible(work: Callable[[], T], cancel: Callable[[], None]) -> T:
    """Does work that waits in a foreign call; if a signal handler raises, cancels the work.

    Python runs signal handlers on the main thread, between two of its instructions. A main thread
    inside a foreign call would not get there, so another thread makes the call, and the main thread
    waits for it in a way that signals interrupt. On any other thread there is nothing to do.

    Where gevent has replaced Python's threads, a foreign call would stop every greenlet of its
    thread, so it is made on one of gevent's own real threads.
    """
    import threading

    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return _beside_greenlets(work, cancel)
    if threading.current_thread() is not threading.main_thread():
        return work()
    call = _Call(work)
    try:
        try:
            _begin(call)
        except RuntimeError:
            # The system has no thread left, or the interpreter is on its way out.
            return work()
        call.wait()
    except BaseException:
        # If a second signal raises here, the thread is left to itself, and is idle when it is done.
        cancel()
        if not call.is_withdrawn():
            call.wait()
        raise
    result: T = call.outcome()
    return result


def _beside_greenlets(work: Callable[[], T], cancel: Callable[[], None]) -> T:
    """Does the work on a real thread of gevent's; if this greenlet is killed, cancels it."""
    import gevent

    call = _Call(work)
    done = gevent.get_hub().threadpool.spawn(call.do)
    try:
        done.wait()
    except BaseException:
        cancel()
        if not call.is_withdrawn():
            done.wait()
        raise
    result: T = call.outcome()
    return result


def _let_go() -> None:
    """No thread survives a fork, and a process that has but one forks best."""
    while _idle:
        _give(None)
        _ended.get()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_let_go)
