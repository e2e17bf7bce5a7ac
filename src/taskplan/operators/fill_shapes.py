"""What all fills share: the three ways to say a shape, and the declaration.

No two at once:

1. no input: the argument ``shape`` (rank 0 if it is not given);
2. one input: that tensor's shape with ``extra_shape`` appended;
3. one input and ``input_as_shape``: that int64 vector's values with ``extra_shape`` appended. Only then the shape is
   not known before the run.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Size, TensorSpec
from taskplan.operators.operands import (
    I64,
    Tensor,
    argument_error,
    require_dtype,
    require_rank,
    require_tensor,
    settled,
)
from taskplan.operators.registry import Effect, operator
from taskplan.operators.waiting import Reason
from taskplan.plan.types import NUMPY_DTYPES, DType

Shape = tuple[int, ...]
Make = TypeVar("Make", bound=Callable[..., Tensor])


def fill(
    name: str,
    kind: DType | Callable[[Any, Any], DType],
    *,
    slots: tuple[str, str] = ("input", "output"),
    more_inputs: Sequence[str] = (),
    input_counts: Sequence[int] | None = None,
    check: Callable[..., None] | None = None,
    effects: Sequence[Effect | Reason] = (),
) -> Callable[[Make], Make]:
    """Declare a fill; the decorated function makes the tensor from the shape, further inputs and its own arguments.

    Args:
        name: what users call it.
        kind: the output's element type, or what finds it from the arguments ``value`` and ``dtype``.
        slots: the input that gives the shape, and the output.
        more_inputs: slots after the one that gives the shape.
        input_counts: as in `operator`.
        check: looks at the fill's own arguments when an instance is created.
        effects: as in `operator`.
    """

    def check_all(*, shape: Sequence[int], extra_shape: Sequence[int], input_as_shape: bool, **arguments: Any) -> None:
        _check_shape_arguments(name, shape, extra_shape, input_as_shape)
        if check is not None:
            check(**arguments)

    def infer(
        *inputs: TensorSpec,
        shape: Sequence[int],
        extra_shape: Sequence[int],
        input_as_shape: bool,
        value: object = None,
        dtype: int | None = None,
    ) -> TensorSpec:
        sizes = _inferred_sizes(inputs, shape, extra_shape, input_as_shape)
        return TensorSpec(kind if isinstance(kind, np.dtype) else kind(value, dtype), sizes)

    def declare(make: Make) -> Make:
        def body(
            source: Tensor | None = None,
            *more: Tensor,
            shape: Sequence[int] = (),
            extra_shape: Sequence[int] = (),
            input_as_shape: bool = False,
            **arguments: Any,
        ) -> Tensor:
            sizes = _sizes(name, slots[0], source, shape, extra_shape, input_as_shape)
            return settled(make(sizes, *more, **arguments))

        body.__name__, body.__qualname__, body.__module__ = make.__name__, make.__qualname__, make.__module__
        body.__doc__ = make.__doc__
        _add_keywords(body, make)
        operator(
            name,
            inputs=(f"{slots[0]}?", *more_inputs),
            outputs=slots[1:],
            in_place=(slots,),
            input_counts=input_counts,
            check=check_all,
            effects=effects,
            infer=infer,
            inexact="the values of the input, with input_as_shape",
        )(body)
        return make

    return declare


def named_dtype(_value: object, dtype: int) -> DType:
    """The element type that has the number `dtype`."""
    return NUMPY_DTYPES[dtype]


def _add_keywords(body: Callable[..., Tensor], make: Callable[..., Tensor]) -> None:
    """Show the keyword arguments of `make`, which `body` passes on, in the signature of `body`."""
    hints = typing.get_type_hints(make)
    own = [each for each in inspect.signature(make).parameters.values() if each.kind is inspect.Parameter.KEYWORD_ONLY]
    signature = inspect.signature(body)
    kept = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    body.__signature__ = signature.replace(parameters=[*kept, *own])  # type: ignore[attr-defined]
    body.__annotations__ = {**typing.get_type_hints(body), **{each.name: hints[each.name] for each in own}}


def _sizes(
    name: str, slot: str, source: Tensor | None, shape: Sequence[int], extra_shape: Sequence[int], input_as_shape: bool
) -> Shape:
    if source is None:
        if extra_shape or input_as_shape:
            wrong = "extra_shape" if extra_shape else "input_as_shape"
            raise argument_error(name, wrong, "needs an input that gives the shape; without one pass 'shape'")
        return tuple(shape)
    if shape:
        raise argument_error(name, "shape", "does not go with an input, which gives the shape; drop one of them")
    require_tensor(name, slot, source)
    if not input_as_shape:
        return source.shape + tuple(extra_shape)
    require_dtype(name, slot, source, {I64})
    require_rank(name, slot, source, 1)
    if source.size and source.min() < 0:
        msg = f"{name}: {slot} gives the shape {source.tolist()}, which has a negative size"
        raise ShapeError(msg, operator=name)
    return (*source.tolist(), *extra_shape)


def _inferred_sizes(
    inputs: Sequence[TensorSpec | None], shape: Sequence[int], extra_shape: Sequence[int], input_as_shape: bool
) -> tuple[Size, ...] | None:
    if not inputs:
        return tuple(shape)
    source, *more = inputs
    given = source.shape if source is not None else None
    if input_as_shape and given is not None:
        given = (None,) * given[0] if given[0] is not None else None
    if given is None:
        return None
    sizes = (*given, *extra_shape)
    # Two more inputs are bounds, and bounds that cross make the first size 0.
    return (None, *sizes[1:]) if len(more) == 2 and sizes else sizes


def _check_shape_arguments(name: str, shape: Sequence[int], extra_shape: Sequence[int], input_as_shape: bool) -> None:
    if shape and (extra_shape or input_as_shape):
        raise argument_error(name, "shape", "does not go with 'extra_shape' or 'input_as_shape'; drop one of them")
    for argument, sizes in (("shape", shape), ("extra_shape", extra_shape)):
        if any(size < 0 for size in sizes):
            raise argument_error(name, argument, f"must not have a negative size, got {list(sizes)}")
