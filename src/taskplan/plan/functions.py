"""Functions as bytes: those of a module by reference; with cloudpickle also lambdas, closures and those of a script.

This is the only file that imports cloudpickle (`pip install taskplan[process]`).
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from taskplan.errors import BuildTypeError

try:
    import cloudpickle  # type: ignore[import-untyped]
except ImportError:
    cloudpickle = None


def dumps(obj: object) -> bytes:
    """The object as bytes for `loads`, which needs cloudpickle if there are functions in it that no module has.

    Raises:
        BuildTypeError: it cannot be pickled; without cloudpickle, functions that no module has cannot.
    """
    buffer = io.BytesIO()
    try:
        if cloudpickle is None:
            pickle.dump(obj, buffer)
        else:
            cloudpickle.dump(obj, buffer)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        advice = "" if cloudpickle else "; for lambdas and local functions, pip install taskplan[process]"
        msg = f"{obj!r} cannot be pickled: {error}{advice}"
        raise BuildTypeError(msg) from error
    return buffer.getvalue()


def loads(data: bytes) -> Any:
    """The object that `dumps` wrote. Runs what the bytes say: only for bytes whose origin is trusted.

    Raises:
        ModuleNotFoundError: a module that the object needs is not there.
    """
    return pickle.loads(data)
