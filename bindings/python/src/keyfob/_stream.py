"""Bodies of answers that are read as they come, and how far they have come."""

from __future__ import annotations

import _thread
import ctypes
import io
from functools import partial
from typing import Any, Callable, Optional, Union

from keyfob._abi import Status, keyfob_progress_fn
from keyfob._errors import ArgumentError, CancelledError, Error
from keyfob._foreign import call, octets
from keyfob._library import library
from keyfob._waiting import interruptible

#: Is told how many bytes have come, and of how many, where that is known. `False` ends the call.
OnProgress = Callable[[int, Optional[int]], Any]

#: How much of a body is read at once. On the main thread another thread reads, so that Ctrl-C is
#: heard, and each piece costs two wake-ups: with a quarter of this plain HTTP took twice as long.
PIECE = 262_144


class Progress:
    """Tells a function of the caller's how far a body has come."""

    def __init__(self, tell: OnProgress) -> None:
        self._tell = tell
        self._failure: Optional[BaseException] = None

    def attach(self, request: Any) -> None:
        """Has the library tell it. The request's handle keeps what C calls."""
        callback = keyfob_progress_fn(self._told)
        call(library.keyfob_request_set_progress, request, callback, None)
        request.progress, request.progress_callback = self, callback

    def _told(self, done: int, total: int, _: Any) -> bool:
        try:
            return self._tell(done, None if total < 0 else total) is not False
        except BaseException as why:
            self._failure = why
            return False

    def explain(self) -> None:
        """Raises what the function raised, if that is why a call ended."""
        why, self._failure = self._failure, None
        if why is not None:
            raise why


class Rest:
    """What is still to be read of a body, and the call that it belongs to."""

    def __init__(self, client: Any, response: Any, request: Any) -> None:
        self._client, self._response, self._request = client, response, request
        self._one_at_a_time = _thread.allocate_lock()
        self._is_over = False
        #: The threads on which an asyncio client reads.
        self.threads: Optional[Callable[[], Any]] = None
        #: Raises what was raised by a function that is told in the event loop.
        self.explain_told: Callable[[], None] = lambda: None

    @property
    def call(self) -> Any:
        """The handle by which the reading can be cancelled; `None` once it was closed."""
        return self._client

    def readinto(self, buffer: Any) -> int:
        """Waits for the next bytes, and gives how many there were; 0 at the end."""
        if self.threads is not None:
            raise ArgumentError("this response is an AsyncClient's: await its aread or aiter_bytes")
        client = self._client
        return interruptible(
            partial(self.read_here, buffer), partial(library.keyfob_client_cancel, client, None)
        )

    def read_here(self, buffer: Any) -> int:
        """The same, on this thread whatever comes."""
        with self._one_at_a_time:
            if self._is_over:
                return 0
            if self._client is None:
                raise CancelledError("the response was closed", status=Status.CANCELLED)
            size, length = memoryview(buffer).nbytes, ctypes.c_size_t()
            # Holds the buffer in its place for the time of the call.
            room = (ctypes.c_uint8 * size).from_buffer(buffer)
            try:
                call(library.keyfob_response_read, self._response, room, size, ctypes.byref(length))
            except Error:
                explain(self._request)
                raise
            finally:
                del room
            self._is_over = length.value == 0 < size
            return length.value

    def close(self) -> None:
        """Ends a read that is under way, and the connection, unless all of the body was read."""
        client, self._client = self._client, None
        if client is not None and not self._is_over:
            library.keyfob_client_cancel(client, None)
        with self._one_at_a_time:
            self._response = self._request = None


class Raw(io.RawIOBase):
    """The same as a file, for what takes one: `tarfile`, `shutil.copyfileobj`, `csv`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer) if len(buffer) else 0

    def close(self) -> None:
        if not self.closed:
            self._rest.close()
        super().close()


def explain(request: Any) -> None:
    """Raises what a function of the caller's raised, if that is why a call failed."""
    progress = getattr(request, "progress", None)
    if progress is not None:
        progress.explain()


def digest_text(sha256: Union[str, bytes, None]) -> Optional[bytes]:
    """A SHA-256 as C takes it: hexadecimal digits, or the 32 bytes themselves."""
    if sha256 is None:
        return None
    if isinstance(sha256, str):
        return sha256.encode("ascii", "replace")
    return octets(sha256, "sha256").hex().encode()
