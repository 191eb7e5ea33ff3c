"""Errors for the libraries that carry the token: each is keyfob's and the library's own as well."""

from __future__ import annotations

from typing import Any, Optional, TypeVar, Union

from keyfob._errors import ArgumentError, Error, families
from keyfob._foreign import milliseconds

Kind = TypeVar("Kind")


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
        # Python makes an object by the base whose layout it has: `ValueError` and `OSError` differ.
        solid: Any = family
        while solid.__module__ != "builtins":
            solid = solid.__base__
        joined: Error = solid.__new__(family)
        joined.args = error.args
        vars(joined).update(vars(error), **attributes)
        return joined


class WrongClientError(ArgumentError, TypeError):
    """What should be a client is another kind of one, or none."""


def of_kind(
    client: Any,
    kind: Union[type[Kind], tuple[type[Kind], ...]],
    whose: str,
    timeout: Optional[float],
) -> Kind:
    """What an adapter is made of, looked at before its first request."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(client, kinds):
        wanted = " or ".join(f"a keyfob.{each.__name__}" for each in kinds)
        given = type(client).__name__
        given = f"a keyfob.{given}" if given in ("Client", "AsyncClient") else given
        raise WrongClientError(f"{whose} needs {wanted}, not {given}")
    milliseconds(timeout)
    return client


def signable(body: Any) -> bytes:
    """The body of another library's request, for clouds that have it signed: none where it is read
    while it is sent."""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray)) else b""
