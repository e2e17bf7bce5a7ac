"""Names and places: who made a thing, what functions are called, near names for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Site(NamedTuple):
    """The line of the user's program that made something."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, in {self.function}" if self.line else self.file


UNKNOWN_SITE = Site("through Proto(), no line", 0, "")


CHANNEL = "channel:"
"""What the blobs of channels begin with."""


def channel_blob(name: str) -> str:
    """The name of the blob that holds a channel's queue."""
    return f"{CHANNEL}{name}"


COLLECTIVE = "collective:"
"""What the blobs of collective operations begin with."""


def collective_blob(name: str) -> str:
    """The name of the blob through which tasks take part in a collective operation."""
    return f"{COLLECTIVE}{name}"


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """At most three of `known` that look like `name`, the nearest first.

    Example:
        >>> near_names("grad", ["grads", "loss", "gradient"])
        ['grads', 'gradient']
    """
    by_lower: dict[str, str] = {}
    for candidate in known:
        by_lower.setdefault(candidate.lower(), candidate)
    return [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause for the end of a message: `"; did you mean 'grads' or 'gradient'?"`, or nothing."""
    near = near_names(name, known)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def function_name(function: object) -> str:
    """`module:qualified.name` of a function, of the builder in a builder tuple, or of the class of another callable.

    It has no address in it, which would make equal programs look different.

    Example:
        >>> function_name(near_names)
        'taskplan.plan.names:near_names'
    """
    if isinstance(function, tuple) and function:
        function = function[0]
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', type(function).__module__)}:{name}"
