"""Change of element type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from taskplan.operators.exact import SCALARS, Written
from taskplan.operators.inference import TensorSpec, like
from taskplan.operators.operands import (
    BOOL,
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    Tensor,
    argument_error,
    require_dtype,
    string_tensor,
)
from taskplan.operators.registry import operator
from taskplan.plan.types import NUMPY_DTYPES, STRING_DTYPE, TYPE_NAMES, DataType, DType

_SOURCES = frozenset({F32, F64, I8, I16, I32, I64, U8, U16, BOOL})
_TARGETS = {number: dtype for number, dtype in NUMPY_DTYPES.items() if dtype in _SOURCES or dtype == STRING_DTYPE}
_TARGETS_BY_NAME = {TYPE_NAMES[number].lower(): dtype for number, dtype in _TARGETS.items()}


def _target(to: int | str) -> DType:
    found = _TARGETS_BY_NAME.get(to.lower()) if isinstance(to, str) else _TARGETS.get(to)
    if found is None:
        known = ", ".join(f"{number} ({TYPE_NAMES[number]})" for number in sorted(_TARGETS))
        raise argument_error("Cast", "to", f"must be one of {known}, got {to!r}")
    return found


def _check_target(*, to: int | str) -> None:
    _target(to)


def _converted(x: TensorSpec, *, to: int | str) -> TensorSpec:
    return TensorSpec(_target(to), x.shape)


def _written_cast(arguments: Mapping[str, Any], dtypes: Sequence[DType]) -> Written | None:
    (kind,), target = dtypes, _target(arguments.get("to", DataType.FLOAT))
    if kind not in SCALARS or target not in SCALARS or (kind.kind == "f" and target.kind == "i"):
        return None  # a float beyond the range of an integer becomes what the machine makes of it
    return Written(f"{{0}}.astype({target})", "{0} != 0" if target == BOOL else "{0}", target)


@operator("Cast", inputs=("X",), outputs=("Y",), check=_check_target, infer=_converted, exact_native=_written_cast)
def cast(x: Tensor, *, to: int | str = DataType.FLOAT) -> Tensor:
    """The elements in another type.

    Floats become integers by truncation toward zero, integers wrap to narrower ones, whatever is not 0 becomes true,
    and numbers become decimal text (floats with six digits after the point).

    Inputs:
        X: float32, float64, int8, int16, int32, int64, uint8, uint16 or bool, any shape.
    Outputs:
        Y: the dtype whose number or name (in any letter case) is ``to``: one of those of X, or string.
    Example:
        Cast([1.9 -1.9]; to=2) -> [1 -1]:i32
    """
    require_dtype("Cast", "X", x, _SOURCES)
    target = _target(to)
    if target == STRING_DTYPE:
        form = b"%f" if x.dtype.kind == "f" else b"%d"
        return string_tensor([form % each for each in np.ravel(x).tolist()], x.shape)
    return x.astype(target)


@operator("FloatToHalf", inputs=("X",), outputs=("Y",), infer=like(0, dtype=F16))
def float_to_half(x: Tensor) -> Tensor:
    """The elements as float16, rounded to nearest; what is too large becomes infinite.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float16, X's shape.
    Example:
        FloatToHalf([1.5 2]) -> [1.5 2]:f16
    """
    require_dtype("FloatToHalf", "X", x, {F32})
    return x.astype(np.float16)


@operator("HalfToFloat", inputs=("X",), outputs=("Y",), infer=like(0, dtype=F32))
def half_to_float(x: Tensor) -> Tensor:
    """The elements as float32, exactly.

    Inputs:
        X: float16, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        HalfToFloat([1.5]:f16) -> [1.5]
    """
    require_dtype("HalfToFloat", "X", x, {F16})
    return x.astype(np.float32)
