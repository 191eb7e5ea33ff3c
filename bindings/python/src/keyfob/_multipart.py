"""A form with files (RFC 7578), as requests takes them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from typing import Any

from keyfob._body import Body, Data, Files, of_file, pairs, text_octets
from keyfob._errors import ArgumentError
from keyfob._foreign import octets


def multipart(files: Files, fields: Data) -> tuple[Any, str]:
    """The body, and its content type. Files that can seek are read while they are sent."""
    if fields is not None and not isinstance(fields, (Mapping, list, tuple)):
        raise ArgumentError("beside files, data must be a form's fields")
    boundary = os.urandom(16).hex()
    parts: list[Any] = []
    for name, value in pairs(fields, "data"):
        parts += _part(boundary, name, None, None, {}, text_octets(value, "data"))
    for name, file in _named(files):
        parts += _part(boundary, name, *_described(name, file))
    parts.append(f"--{boundary}--\r\n".encode())
    kind = f"multipart/form-data; boundary={boundary}"
    if all(isinstance(part, bytes) for part in parts):
        return b"".join(parts), kind
    return _joined(parts), kind


def _named(files: Files) -> list[tuple[str, Any]]:
    items: Any = files.items() if isinstance(files, Mapping) else files
    try:
        return [(name, file) for name, file in items]
    except (TypeError, ValueError):
        raise ArgumentError("files must be a dictionary, or pairs of name and file") from None


def _described(name: str, file: Any) -> tuple[str, Any, Any, Any]:
    """The file's name, content type, headers and content."""
    kind: Any = None
    headers: Any = {}
    if isinstance(file, tuple):
        if not 2 <= len(file) <= 4:
            raise ArgumentError("a file is its content, or name and content, with type and headers")
        file_name, content = file[:2]
        kind = file[2] if len(file) > 2 else None
        headers = file[3] if len(file) > 3 else {}
    else:
        path = getattr(file, "name", None)
        file_name, content = os.path.basename(path) if isinstance(path, str) else name, file
    if isinstance(content, str):
        content = text_octets(content, "files")
    elif hasattr(content, "read"):
        content = of_file(content)
        if content.length < 0:
            raise ArgumentError(f"{file_name}: a file of a form must be one that can seek")
    else:
        content = octets(content, "files")
    return file_name, kind, headers, content


def _part(
    boundary: str, name: str, file_name: Any, kind: Any, headers: Any, content: Any
) -> list[Any]:
    said = f'form-data; name="{_quoted(name)}"'
    if file_name is not None:
        said += f'; filename="{_quoted(file_name)}"'
    head = {} if file_name is None else {"Content-Type": kind or "application/octet-stream"}
    head.update(headers or {})
    for name, value in head.items():
        if any(ord(character) < 32 or ord(character) == 127 for character in f"{name}{value}"):
            raise ArgumentError("a header of a file has a control character")
    head = {"Content-Disposition": said, **head}
    lines = [f"--{boundary}", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return [text_octets("\r\n".join(lines), "files"), content, b"\r\n"]


def _quoted(text: Any) -> str:
    """As browsers write it."""
    if not isinstance(text, str):
        raise ArgumentError(f"the name of a field or file must be text, not {type(text).__name__}")
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _joined(parts: list[Any]) -> Body:
    """Parts one after the other; the whole can be read again."""
    readers = [part if isinstance(part, Body) else of_file(io.BytesIO(part)) for part in parts]
    left: Iterator[Body] = iter(readers)
    now = next(left, None)

    def read(capacity: int) -> bytes:
        nonlocal now
        while now is not None:
            piece = now.read(capacity)
            if piece:
                return piece
            now = next(left, None)
        return b""

    def rewind() -> None:
        nonlocal left, now
        for each in readers:
            each.rewind()
        left = iter(readers)
        now = next(left, None)

    return Body(read, rewind, sum(each.length for each in readers))
