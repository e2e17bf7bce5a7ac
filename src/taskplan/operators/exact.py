"""What compiled code may compute by itself: operators of scalars, as expressions that give the bits of their bodies.

That holds for what IEEE 754 and two's complement define (+ - * / and square roots, comparison, logic, integers,
conversions that are in range) and for moves. Everything else is computed by the body of the operator, in every tier:
the exponential functions of two libraries differ in the last bit. Which of several nans a sum has (its sign, its
payload) is not defined, so there it may be another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taskplan.operators.operands import BOOL, F32, F64, I32, I64
from taskplan.plan.types import DType

SCALARS: frozenset[DType] = frozenset({F32, F64, I32, I64, BOOL})
"""The element types whose scalars compiled code keeps in variables."""


@dataclass(frozen=True, slots=True)
class Written:
    """An operator of scalars as an expression; `{0}` stands for the first operand.

    Attributes:
        python: for NumPy scalars.
        native: for numbers of a compiled language, whose integers do not wrap at their own width: what it gives is
            converted to `result`.
        result: the element type.
        fails: says of the operands that the operator fails; then its body is called, and raises what there is to raise.
            An expression that may fail is used in native code alone.
    """

    python: str
    native: str
    result: DType
    fails: str = ""

    def as_native(self, operands: Sequence[str]) -> str:
        """The expression of these operands in native code, converted to the element type of the result."""
        kind = "bool_" if self.result == BOOL else self.result.name
        return f"{kind}({self.native.format(*operands)})"


ExactNative = Callable[[Mapping[str, Any], Sequence[DType]], Written | None]
"""Writes a call with these arguments for scalars of these element types; None where it cannot be written so."""


def alike(expression: str, dtypes: Collection[DType], result: DType | None = None, *, ignores: str = "") -> ExactNative:
    """Operands of one element type of `dtypes`.

    Args:
        expression: of the operands.
        dtypes: element types that they may have.
        result: the element type of the result; that of the operands if not given.
        ignores: an argument that changes nothing where all operands are scalars.
    """
    accepted = frozenset(dtypes)

    def write(arguments: Mapping[str, Any], operands: Sequence[DType]) -> Written | None:
        kind = operands[0]
        if kind not in accepted or any(each != kind for each in operands) or arguments.keys() - {ignores}:
            return None
        return Written(expression, expression, result or kind)

    return write


def moved(dtypes: Collection[DType]) -> ExactNative:
    """The operand itself."""
    return alike("{0}", dtypes)
