"""What operators of two operands share: element types, broadcasting, and how they are declared."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.exact import ExactNative, alike
from taskplan.operators.inference import InferenceFunction, TensorSpec
from taskplan.operators.inference import broadcast as broadcast_shape
from taskplan.operators.operands import (
    Tensor,
    argument_error,
    dtype_name,
    one_of,
    require_dtype,
    require_one_dtype,
    settled,
)
from taskplan.operators.registry import operator
from taskplan.plan.types import DType

Compute = Callable[[Tensor, Tensor], Tensor]

_DOC = """{definition}

Inputs:
    A: {dtypes}, any shape.
    B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
        ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
Outputs:
    C: {result}; the broadcast shape, with ``broadcast`` A's shape.
Raises:
    DtypeError: A has another dtype, or B has not A's.
    ShapeError: the shapes do not fit; the message shows both.
Example:
{example}
"""


def elementwise(
    name: str,
    *,
    dtypes: Collection[DType],
    ufunc: np.ufunc,
    ufunc_dtypes: Collection[DType] | None = None,
    result: DType | None = None,
    in_place: Sequence[tuple[str, str]] = (),
    expression: str = "",
    exact_native: ExactNative | None = None,
) -> Callable[[Compute], Compute]:
    """Declare an operator of two operands, A and B; the decorated function computes it where they fit.

    The function's docstring is a definition and an example; what all these operators share is added between them.

    Args:
        name: what users call it.
        dtypes: element types that the operands may have, both the same.
        ufunc: computes it too.
        ufunc_dtypes: for which element types it does; all of `dtypes` if not given.
        result: the output's element type; A's if not given.
        in_place: pairs of slot names.
        expression: of two scalars, `{0}` and `{1}`, with the same bits; see `taskplan.operators.exact`.
        exact_native: writes it, where one expression does not do for all element types.
    """
    accepted = frozenset(dtypes)

    def declare(compute: Compute) -> Compute:
        # Callers use keywords, and the signature will say so; but defaults of keyword-only parameters cost as much as
        # the sum of two scalars.
        def body(
            a: Tensor, b: Tensor, broadcast: bool = False, axis: int = -1, axis_str: str = "", order: str = "NCHW"
        ) -> Tensor:
            kind = a.dtype
            # Most calls pass at once: NumPy has one object for each element type, except in unpickled arrays.
            if broadcast or kind is not b.dtype or kind not in accepted:
                require_dtype(name, "A", a, accepted)
                require_one_dtype(name, A=a, B=b)
                if broadcast:
                    b = laid_along(name, a, b, order.index(axis_str) if axis_str else axis)
            try:
                return compute(a, b)
            except ValueError:
                advice = "reshape one of them, or pass broadcast=True and the axis of A at which B begins"
                msg = f"{name}: B has shape {b.shape}, A has shape {a.shape}; {advice}"
                raise ShapeError(msg, operator=name) from None

        body.__name__, body.__qualname__, body.__module__ = compute.__name__, compute.__qualname__, compute.__module__
        body.__signature__ = _with_keywords(body, after=2)  # type: ignore[attr-defined]
        definition, _, example = (inspect.getdoc(compute) or "").partition("\n\nExample:\n")
        gives = "A's dtype" if result is None else dtype_name(result)
        body.__doc__ = _DOC.format(definition=definition, example=example, dtypes=one_of(accepted), result=gives)
        declared = operator(
            name,
            inputs=("A", "B"),
            outputs=("C",),
            in_place=in_place,
            check=letter_check(name),
            ufunc=ufunc,
            ufunc_dtypes=accepted if ufunc_dtypes is None else ufunc_dtypes,
            infer=_result_of(result),
            exact_native=alike(expression, accepted, result, ignores="broadcast") if expression else exact_native,
        )
        return declared(body)

    return declare


def _result_of(dtype: DType | None) -> InferenceFunction:
    """Infers `dtype`, or that of A, and the broadcast shape; in the old form A's."""

    def infer(a: TensorSpec, b: TensorSpec, *, broadcast: bool) -> TensorSpec:
        return TensorSpec(dtype or a.dtype, a.shape if broadcast else broadcast_shape(a.sizes, b.sizes))

    return infer


def _with_keywords(function: Callable[..., object], *, after: int) -> inspect.Signature:
    """The signature of `function`, where what follows the first parameters is keyword-only."""
    signature = inspect.signature(function)
    first, others = list(signature.parameters.values())[:after], list(signature.parameters.values())[after:]
    return signature.replace(parameters=[*first, *(each.replace(kind=each.KEYWORD_ONLY) for each in others)])


def letter_check(name: str) -> Callable[..., None]:
    """A check that `axis_str`, if it is given, is a letter of `order`."""

    def check(*, axis_str: str, order: str, **_: object) -> None:
        if axis_str and (len(axis_str) > 1 or axis_str not in order):
            raise argument_error(name, "axis_str", f"must be a letter of {order!r}, got {axis_str!r}")

    return check


def laid_along(name: str, a: Tensor, b: Tensor, axis: int) -> Tensor:
    """`b` with axes of size 1 after its own, so that NumPy lays it along A's axes from `axis` on (-1: up to the last).

    Raises:
        ShapeError: `b` has several elements, and is no run of A's axes that begins there.
    """
    if b.size == 1:
        return settled(b.reshape(()))
    begin = a.ndim - b.ndim if axis == -1 else axis
    if begin < 0 or a.shape[begin : begin + b.ndim] != b.shape:
        shapes = f"B has shape {b.shape}, A has shape {a.shape}"
        msg = f"{name}: {shapes}; with broadcast=True and axis={axis} B must be a run of A's axes that begins there"
        raise ShapeError(msg, operator=name)
    return b.reshape(b.shape + (1,) * (a.ndim - begin - b.ndim))
