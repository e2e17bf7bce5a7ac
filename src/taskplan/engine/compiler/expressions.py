"""Which operators are expressions, and of what kind their results are, if the kinds of their operands are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from taskplan.engine.compiler.kinds import BOOL, SCALAR_KINDS, Array, Kind, element_of
from taskplan.engine.prepare import PreparedOp
from taskplan.operators.exact import Written

_NAN = {np.float32: np.float32(np.nan).tobytes(), np.float64: np.float64(np.nan).tobytes()}


@dataclass(frozen=True, slots=True)
class Expression:
    """An operator as an expression, and the kind of its result."""

    written: Written
    kind: Kind


def expression_of(
    prepared: PreparedOp, kinds: Sequence[Kind], replaced: Kind | None, *, native: bool
) -> Expression | None:
    """An operator with one output as an expression; None if it is none.

    Args:
        prepared: the operator.
        kinds: those of its operands, of which it has some.
        replaced: that of the operand which its result takes the place of, if it does.
        native: it is for native code, which knows arrays, and operators that may fail.
    """
    declared = prepared.declared
    if not declared.is_builtin:
        return None
    arrays = [kind for kind in kinds if isinstance(kind, Array)]
    write = declared.exact_native
    if len(kinds) == 2 and arrays == kinds[:1] and arrays[0].rank == 1 and declared.exact_lookup is not None:
        write, arrays = declared.exact_lookup, []
        native = native and replaced is None
    if write is None or (arrays and not _is_element_wise(prepared, kinds, arrays)):
        return None
    written = write(prepared.arguments, [np.dtype(element_of(kind)) for kind in kinds])
    if written is None or (not native and (written.fails or isinstance(kinds[0], Array) or arrays)):
        return None
    if not arrays:
        return Expression(written, written.result.type)
    if written.fails or (replaced is not None and replaced != arrays[0]):
        return None  # for one element it may fail, or it would grow, which its body refuses, or change its type
    return Expression(written, Array(written.result.type, arrays[0].rank, arrays[0].group))


def _is_element_wise(prepared: PreparedOp, kinds: Sequence[Kind], arrays: Sequence[Array]) -> bool:
    """Whether a call does the same with each element: its arrays have one shape, or it lays scalars along them."""
    if any(array.group != arrays[0].group for array in arrays) or "broadcast" in prepared.arguments:
        return False
    return len(arrays) == len(kinds) or "broadcast" in prepared.declared.arguments


def constant(prepared: PreparedOp) -> Expression | None:
    """What an operator without inputs gives each time, if that is a scalar."""
    if not prepared.declared.is_builtin:
        return None
    try:
        value = prepared.body()
    except Exception:
        return None  # it is called, and says so in its place
    kind = type(value)
    if kind not in SCALAR_KINDS or (value != value and value.tobytes() != _NAN[kind]):
        return None
    text = repr(value.item()).upper() if kind is BOOL else f"{value.dtype}({value.item()!r})"
    return Expression(Written(text, text, value.dtype), kind)
