"""The corpus: programs that are broken, each with the error that it must give, and programs that only look so.

A program is a function that builds and returns a group, anew each time; its docstring says what is wrong with it, or
why nothing is. Functions of the user in it never wait for each other, so that it can be simulated too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import taskplan as tp

Build = Callable[[], tp.TaskGroup]


@dataclass(frozen=True)
class Broken:
    """A program that must end with an error.

    Attributes:
        name: of the function.
        cause: the kind of mistake, as `"nobody writes"`.
        build: builds the program.
        raises: the class of the error.
        says: what the error's message and notes contain, each.
        timeout_s: for `session.run`.
        options: for the session.
    """

    name: str
    cause: str
    build: Build
    raises: type[BaseException]
    says: tuple[str, ...] = ()
    timeout_s: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Correct:
    """A program that must end well.

    Attributes:
        name: of the function.
        looks_like: what it may be taken for.
        build: builds the program.
        outputs: what its outputs must be, by blob name; arrays as lists.
        options: for the session.
    """

    name: str
    looks_like: str
    build: Build
    outputs: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


BROKEN: list[Broken] = []
CORRECT: list[Correct] = []


def broken(
    cause: str,
    raises: type[BaseException],
    *says: str,
    timeout_s: float | None = None,
    **options: Any,
) -> Callable[[Build], Build]:
    """Enter a program that must end with an error."""

    def enter(build: Build) -> Build:
        BROKEN.append(Broken(build.__name__, cause, build, raises, says, timeout_s, options))
        return build

    return enter


def correct(looks_like: str, outputs: Mapping[str, Any], **options: Any) -> Callable[[Build], Build]:
    """Enter a program that must end well, with these outputs."""

    def enter(build: Build) -> Build:
        CORRECT.append(Correct(build.__name__, looks_like, build, outputs, options))
        return build

    return enter
