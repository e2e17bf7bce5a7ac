"""Who wrote this: the line of the user's program that is being executed."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TypeVar

from taskplan.plan.names import UNKNOWN_SITE, Site

E = TypeVar("E", bound=BaseException)

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

# Whether code of a file stands between the user and us: this package, and what runs our context managers.
_PASSED_OVER: dict[str, bool] = {contextlib.__file__: True, functools.__file__: True}

# A loop makes very many objects on one line.
_site = functools.lru_cache(maxsize=256)(Site)


_stand_in: ContextVar[Site | None] = ContextVar("taskplan site", default=None)


@contextlib.contextmanager
def written_at(site: Site) -> Iterator[None]:
    """Take what is made inside for written on `site`: compiling makes parts for what somebody wrote there."""
    token = _stand_in.set(site)
    try:
        yield
    finally:
        _stand_in.reset(token)


def here() -> Site:
    """The innermost line outside this package, or what `written_at` says; `UNKNOWN_SITE` if there is neither.

    Example:
        >>> str(here()).endswith("in <module>")
        True
    """
    stand_in = _stand_in.get()
    if stand_in is not None:
        return stand_in
    frame = sys._getframe(1)
    while True:
        code = frame.f_code
        file = code.co_filename
        passed_over = _PASSED_OVER.get(file)
        if passed_over is None:
            passed_over = _PASSED_OVER[file] = os.path.abspath(file).startswith(_PACKAGE)
        if not passed_over:
            return _site(file, frame.f_lineno, code.co_name)
        if frame.f_back is None:
            return UNKNOWN_SITE
        frame = frame.f_back


def on_users_line(error: E) -> E:
    """The same error, with a note that shows the user's line."""
    error.add_note(f"  added  {here()}")
    return error
