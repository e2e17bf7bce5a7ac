"""Functions of the user that operators call: their tokens, and who keeps them alive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from taskplan.builder.naming import TakenName, current_names
from taskplan.errors import BuildTypeError
from taskplan.operators.python import register_function


@dataclass(frozen=True, slots=True)
class HeldFunction:
    """A function, and the token by which messages refer to it.

    Nets hold these. When none does any more the function is gone from the table of the process, and the token is free.
    """

    function: Callable[..., Any]
    token: TakenName


def hold(function: Callable[..., Any]) -> HeldFunction:
    """Give a function a token: its name, else `name:1`, ...

    Raises:
        BuildTypeError: it cannot be called.
    """
    if not callable(function):
        msg = f"expected a function, got {function!r}"
        raise BuildTypeError(msg)
    token = current_names().token(getattr(function, "__name__", type(function).__name__))
    register_function(token.name, function)
    return HeldFunction(function, token)
