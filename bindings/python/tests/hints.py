"""Reads every type hint of what is public, at run time: prints how many, or fails with the first
that this Python cannot evaluate. Needs no other package, so any Python can run it."""

import inspect
import typing

import keyfob
from keyfob import _request

count = 0
for name in dir(keyfob):
    each = getattr(keyfob, name)
    if name.startswith("_") or not (inspect.isclass(each) or inspect.isfunction(each)):
        continue
    members: list[typing.Any] = [each]
    if inspect.isclass(each):
        members += [getattr(each, member) for member in dir(each) if member[0] != "_"]
        members.append(each.__init__)
    for member in members:
        member = getattr(member, "fget", member)
        if inspect.isfunction(member) or inspect.ismethod(member) or inspect.isclass(member):
            typing.get_type_hints(member)
            count += 1
for options in (_request.RequestOptions, _request.CallOptions):
    typing.get_type_hints(options)
print(count)
