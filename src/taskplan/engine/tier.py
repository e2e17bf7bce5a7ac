"""The ways to run a step."""

from __future__ import annotations

import os
from enum import Enum
from functools import cache
from importlib.util import find_spec

from taskplan.errors import PlanError

VARIABLE = "TASKPLAN_TIER"
"""The environment variable that says which tier is used where a session does not."""


class Tier(Enum):
    """How steps run: what is hot is compiled, and what is very hot becomes native code; or all of it in one way."""

    AUTO = "auto"
    INTERPRET = "interpret"
    PYTHON = "python"
    NATIVE = "native"

    @classmethod
    def of(cls, name: str | None) -> Tier:
        """The tier of a name; None for that of the environment.

        Raises:
            PlanError: there is no such tier, or it is "native" and the packages that it needs are missing.
        """
        wanted = os.environ.get(VARIABLE, "auto") if name is None else name
        where = f"the environment variable {VARIABLE}" if name is None else "the session's argument 'tier'"
        try:
            tier = cls(wanted)
        except ValueError:
            known = ", ".join(repr(each.value) for each in cls)
            msg = f"{where} must be one of {known}, got {wanted!r}"
            raise PlanError(msg) from None
        if tier is cls.NATIVE and not can_be_native():
            msg = f"{where} is 'native', which needs Numba: pip install 'taskplan[fast]'; 'auto' does without"
            raise PlanError(msg)
        return tier


@cache
def can_be_native() -> bool:
    """Whether the packages of the extra `fast` are installed."""
    return find_spec("numba") is not None and find_spec("llvmlite") is not None
