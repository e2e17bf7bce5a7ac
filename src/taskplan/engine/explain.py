"""After an operator failed: what was wrong with what it was given.

Bodies are small and do not look at the kind of each input first, since that costs more than many of them do. So the
question is asked
afterwards: was an input never written, or of another kind than the body's annotation says? Only if not is the error the
    body's own.
"""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any

import numpy as np

from taskplan.engine.prepare import PreparedOp
from taskplan.engine.values import describe
from taskplan.errors import OperatorError, TaskplanError
from taskplan.operators.operands import is_tensor
from taskplan.operators.queue_objects import BoundedQueue
from taskplan.operators.registry import USER_CODE, slot_names
from taskplan.operators.run import UNSET


def explained(error: BaseException, prepared: PreparedOp, values: list[Any]) -> BaseException:
    """The error to raise for what an operator's body raised: `error` itself if it says enough or is the user's own."""
    if not isinstance(error, Exception) or isinstance(error, TaskplanError):
        return error
    if any(isinstance(value, BoundedQueue) and value.cause is error for value in values):
        return error  # a failure from elsewhere, for which the queue stands
    declared = prepared.declared
    is_users = USER_CODE in declared.effects or not declared.is_builtin
    if not isinstance(error, AttributeError | TypeError) and is_users:
        return error
    kinds = _annotations(declared.body)
    names = slot_names(declared.inputs, len(values))
    for name, blob, value, kind in zip(names, prepared.op.inputs, values, kinds, strict=False):
        fault = _fault(value, kind)
        if fault:
            return OperatorError(
                f"{declared.name}: input {name} (blob {blob!r}) {fault}", operator=declared.name, blob=blob
            )
    if is_users:
        return error
    wrapped = OperatorError(f"{declared.name}: {error}", operator=declared.name)
    wrapped.__cause__ = error
    return wrapped


def _annotations(body: Any) -> list[Any]:
    hints = typing.get_type_hints(body)
    kinds: list[Any] = []
    for parameter in inspect.signature(body).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            kinds += [hints.get(parameter.name)] * 1000
        elif parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            kinds.append(hints.get(parameter.name))
    return kinds


def _fault(value: Any, kind: Any) -> str:
    if value is UNSET:
        return "was never written, or was freed"
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    faults = [_fault_of_one(value, option) for option in options]
    return "" if "" in faults else faults[0]


def _fault_of_one(value: Any, kind: Any) -> str:
    wanted = typing.get_origin(kind) or kind
    if wanted is np.ndarray or wanted is np.generic:
        return "" if is_tensor(value) else f"must be a tensor, got a {describe(value)}"
    if isinstance(wanted, type) and wanted is not object and not isinstance(value, wanted):
        return f"must be a {wanted.__name__}, got {describe(value)}"
    return ""
