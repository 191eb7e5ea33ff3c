"""The items of a page: where its list is."""

from __future__ import annotations

from typing import Any, Optional

from keyfob._abi import Status
from keyfob._errors import AnswerError, ArgumentError
from keyfob._response import Response


def items_of(page: Response, at: Optional[str]) -> list[Any]:
    """The list in a page: the page itself, what `at` names, or the only list among its members."""
    if at is not None and not isinstance(at, str):
        raise ArgumentError(f"at must be text, not {type(at).__name__}")
    try:
        found = page.raise_for_status().json()
    except ValueError as why:
        raise _no_list(page, f"is not JSON ({why})") from None
    if at is not None:
        for name in at.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, list):
            raise _no_list(page, f"has no list at {at!r}")
        return found
    if isinstance(found, list):
        return found
    lists = _lists(found)
    if len(lists) != 1:
        which = ", ".join(sorted(lists)) or "none"
        raise _no_list(page, f"has not one list but {len(lists)} ({which}); say which with `at`")
    return next(iter(lists.values()))


def _lists(found: Any) -> dict[str, list[Any]]:
    """The lists of an object by their names; `links`, which lead to other pages, is none of them.

    HAL (`_embedded`) has them one level down.
    """
    members = found if isinstance(found, dict) else {}
    lists = {name: each for name, each in members.items() if isinstance(each, list)}
    lists.pop("links", None)
    if not lists and "_embedded" in members:
        return _lists(members["_embedded"])
    return lists


def _no_list(page: Response, what: str) -> AnswerError:
    url = page.url.partition("?")[0]
    return AnswerError(
        f"{page.method} {url}: the page {what}",
        status=Status.MALFORMED_ANSWER,
        http_status=page.status,
    )
