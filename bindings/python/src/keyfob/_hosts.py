"""Errors for the libraries that carry the token: each is keyfob's and the library's own as well."""

from __future__ import annotations

from typing import Any

from keyfob._errors import Error, families


class HostErrors:
    """keyfob's exception classes, each joined with one of another library's."""

    def __init__(self, names: dict[str, Any], hosts: dict[type[Error], type[Exception]]) -> None:
        """`names` are the globals of the module that the classes are put into; `hosts` has a class
        of the library for `Error`, and for those of its families that the library has, too."""
        self._joined: dict[type[Error], type[Error]] = {}
        for family in families():
            host = next(hosts[each] for each in family.__mro__ if each in hosts)
            about = {"__module__": names["__name__"], "__doc__": family.__doc__}
            joined: type[Error] = type(family.__name__, (family, host), about)
            names[family.__name__] = self._joined[family] = joined

    def joined(self, error: Error, **attributes: Any) -> Error:
        """The same error, of the class that belongs to both, without a traceback yet."""
        family = self._joined.get(type(error))
        if family is None:
            return error.with_traceback(None)
        joined = family.__new__(family)
        joined.args = error.args
        vars(joined).update(vars(error), **attributes)
        return joined


def signable(body: Any) -> bytes:
    """The body of another library's request, for clouds that have it signed: none where it is read
    while it is sent."""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray)) else b""
