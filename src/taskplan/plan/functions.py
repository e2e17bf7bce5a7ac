"""Functions as bytes: those of a module by reference; with cloudpickle also lambdas, closures and those of a script.

This is the only file that imports cloudpickle (`pip install taskplan[process]`).
"""

from __future__ import annotations

import pickle
from types import ModuleType
from typing import Any

from taskplan.errors import BuildTypeError


def dumps(obj: object) -> bytes:
    """The object as bytes for `loads`, which needs cloudpickle if there are functions in it that no module has.

    Raises:
        BuildTypeError: it cannot be pickled; without cloudpickle, functions that no module has cannot.
    """
    pickler = _cloudpickle() or pickle
    try:
        return bytes(pickler.dumps(obj))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        advice = "; for lambdas and local functions, pip install taskplan[process]" if pickler is pickle else ""
        msg = f"{obj!r} cannot be pickled: {error}{advice}"
        raise BuildTypeError(msg) from error


def dumps_for_here(obj: object) -> bytes:
    """The object as bytes that `loads` of this process reads: by reference wherever that goes, else as `dumps` has it.

    A builder of the user's script keeps its module's variables so, and does not work on copies of them.
    """
    try:
        return pickle.dumps(obj)
    except (pickle.PicklingError, AttributeError, TypeError):
        return dumps(obj)


def _cloudpickle() -> ModuleType | None:
    """Imported when it is first needed: most programs pickle nothing."""
    try:
        import cloudpickle  # type: ignore[import-untyped]
    except ImportError:
        return None
    return cloudpickle  # type: ignore[no-any-return]


def loads(data: bytes) -> Any:
    """The object that `dumps` wrote. Runs what the bytes say: only for bytes whose origin is trusted.

    Raises:
        ModuleNotFoundError: a module that the object needs is not there.
    """
    return pickle.loads(data)
