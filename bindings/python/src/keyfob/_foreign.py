"""Calls to the library: what goes in, what comes out, what is raised, and who frees it.

Everything the library hands over is held by an object that frees it. A foreign call holds on to its
arguments, so nothing is freed during a call, whatever other threads do.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Callable, Optional, Union

from keyfob import _abi
from keyfob._errors import ArgumentError, of_status
from keyfob._library import library


def _method(free: Callable[[Any], None]) -> Any:
    """A foreign function as a method, without a Python function around it: an interrupt that
    arrives in a `__del__` of Python's is printed and lost. PyPy has no other."""
    if not hasattr(ctypes, "pythonapi"):
        return lambda self: free(self)
    method_new = ctypes.pythonapi.PyInstanceMethod_New
    method_new.restype, method_new.argtypes = ctypes.py_object, (ctypes.py_object,)
    return method_new(free)


def _owned(structure: type[ctypes.Structure], free: Callable[[Any], None]) -> Any:
    """The type of a pointer that frees what it points to. NULL until a call sets it."""

    class Owned(ctypes.POINTER(structure)):  # type: ignore[misc]
        _type_ = structure
        __del__ = _method(free)
        # ctypes gives its pointers none, since they may change; what these hold stays theirs.
        __hash__ = object.__hash__

    Owned.__name__ = Owned.__qualname__ = structure.__name__
    return Owned


ClientHandle = _owned(_abi.keyfob_client, library.keyfob_client_free)
ConfigHandle = _owned(_abi.keyfob_config, library.keyfob_config_free)
LoginHandle = _owned(_abi.keyfob_login, library.keyfob_login_free)
MqttHandle = _owned(_abi.keyfob_mqtt, library.keyfob_mqtt_free)
RequestHandle = _owned(_abi.keyfob_request, library.keyfob_request_free)
ResponseHandle = _owned(_abi.keyfob_response, library.keyfob_response_free)
_ErrorHandle = _owned(_abi.keyfob_error, library.keyfob_error_free)


class _Text(ctypes.c_void_p):
    """A string that is ours to free."""

    __del__ = _method(library.keyfob_string_free)


def call(function: Any, *arguments: Any) -> None:
    """Calls a function that can fail, and raises what it says."""
    error = _ErrorHandle()
    if function(*arguments, ctypes.byref(error)):
        raise _exception(error)


def call_for_text(function: Any, *arguments: Any) -> Optional[str]:
    """Calls a function whose result is a string."""
    text = _Text()
    call(function, *arguments, ctypes.byref(text))
    return ctypes.string_at(text).decode() if text else None


def call_for_handle(handle_type: Any, function: Any, *arguments: Any) -> Any:
    """Calls a function whose result is a handle."""
    handle = handle_type()
    call(function, *arguments, ctypes.byref(handle))
    return handle


def call_for_number(function: Any, *arguments: Any) -> int:
    """Calls a function whose result is a number."""
    number = ctypes.c_int64()
    call(function, *arguments, ctypes.byref(number))
    return number.value


def pointer_to(data: bytes, pointer_type: Any) -> Any:
    """Bytes as C reads them, for the time of one call."""
    return ctypes.cast(ctypes.c_char_p(data), pointer_type)


def utf8(text: str, what: str) -> bytes:
    """Text as C takes it. A NUL would end it there, unnoticed."""
    if not isinstance(text, str):
        raise ArgumentError(f"{what} must be text, not {type(text).__name__}")
    if "\0" in text:
        raise ArgumentError(f"{what} has a NUL character")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{what} has a character that UTF-8 cannot carry") from None


def hidden_utf8(text: str, what: str) -> Any:
    """The same for a secret: the object's `repr`, in a traceback that shows variables, is mute."""
    return ctypes.create_string_buffer(utf8(text, what))


def path_text(path: Union[str, os.PathLike[str]], what: str) -> str:
    """A path as text."""
    try:
        return os.fsdecode(path)
    except (TypeError, UnicodeDecodeError):
        raise ArgumentError(f"{what} must be a path, not {type(path).__name__}") from None


def octets(data: Any, what: str) -> bytes:
    """Bytes, of whatever holds some: `bytes`, `bytearray`, `memoryview`, an array."""
    if isinstance(data, bytes):
        return data
    try:
        with memoryview(data) as view:
            return view.tobytes()
    except TypeError:
        raise ArgumentError(f"{what} must be bytes, not {type(data).__name__}") from None


def number(value: float, what: str) -> float:
    """A number of seconds, or the like."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ArgumentError(f"{what} must be a number, not {value!r}")
    return value


def milliseconds(seconds: Optional[float], what: str = "timeout") -> int:
    """Seconds as C takes them; `None` is 0, which leaves it to the client."""
    if seconds is None:
        return 0
    if not number(seconds, what) > 0:
        raise ArgumentError(f"{what} must be more than 0 seconds, or None")
    # Less than a millisecond is not no limit. A day is the longest the library waits.
    return max(1, round(min(seconds, 86_400) * 1000))


def _exception(error: Any) -> Exception:
    status = _abi.Status(library.keyfob_error_status(error))
    code = library.keyfob_error_provider_code(error)
    said = library.keyfob_error_provider_message(error)
    retry_after_ms = library.keyfob_error_retry_after_ms(error)
    return of_status(status)(
        library.keyfob_error_message(error).decode(),
        status=status,
        http_status=library.keyfob_error_http_status(error) or None,
        provider_code=None if code is None else code.decode(),
        provider_message=None if said is None else said.decode(),
        retry_after=None if retry_after_ms < 0 else retry_after_ms / 1000,
        is_retriable=library.keyfob_error_is_retriable(error),
    )
