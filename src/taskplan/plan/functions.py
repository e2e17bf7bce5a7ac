"""Functions as bytes: those of a module by reference; with cloudpickle also lambdas, closures and those of a script.

This is the only file that imports cloudpickle (`pip install taskplan[process]`).
"""

from __future__ import annotations

import io
import pickle
from collections import ChainMap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, ModuleType
from typing import Any

from taskplan.errors import BuildTypeError

_NO_FILE = "<dynamic-code>"
"""What cloudpickle writes for the name of a function's file."""

_SCRIPTS = {"__main__"}


def dumps(obj: object) -> bytes:
    """The object as bytes for `loads`, which needs cloudpickle if there are functions in it that no module has.

    Raises:
        BuildTypeError: it cannot be pickled; without cloudpickle, functions that no module has cannot.
    """
    cloudpickle = _cloudpickle()
    try:
        return pickle.dumps(obj) if cloudpickle is None else _with_file_names(cloudpickle, obj)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        advice = "" if cloudpickle else "; for lambdas and local functions, pip install taskplan[process]"
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


@contextmanager
def carried_along(module: ModuleType) -> Iterator[None]:
    """While it is open, what `module` defines is pickled itself and not by name: elsewhere there is no such module."""
    cloudpickle = _cloudpickle()
    _SCRIPTS.add(module.__name__)
    if cloudpickle is not None:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        _SCRIPTS.discard(module.__name__)
        if cloudpickle is not None:
            cloudpickle.unregister_pickle_by_value(module)


def is_script(module: str) -> bool:
    """Whether a module of that name is a script, which nobody else can import."""
    return module in _SCRIPTS


def _with_file_names(cloudpickle: Any, obj: object) -> bytes:
    """As cloudpickle has it, and functions keep the names of their files: tracebacks are to show their lines."""
    buffer = io.BytesIO()
    _pickler_class(cloudpickle)(buffer).dump(obj)
    return buffer.getvalue()


@cache
def _pickler_class(cloudpickle: Any) -> Any:
    reduced = cloudpickle.Pickler.dispatch_table[CodeType]

    def reduce_code(code: CodeType) -> tuple[Any, tuple[Any, ...]]:
        constructor, arguments = reduced(code)
        return constructor, tuple([code.co_filename if part == _NO_FILE else part for part in arguments])

    table = ChainMap({CodeType: reduce_code}, cloudpickle.Pickler.dispatch_table)
    return type("Pickler", (cloudpickle.Pickler,), {"dispatch_table": table})


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
