"""Fills that draw random numbers, each instance from a generator of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from taskplan.errors import ArgumentError, ShapeError
from taskplan.operators.fill_shapes import Shape, fill, named_dtype
from taskplan.operators.operands import (
    F32,
    I32,
    I64,
    INDICES,
    Tensor,
    argument_error,
    fits,
    refuse,
    require_dtype,
    require_rank,
    sole_element,
)
from taskplan.operators.registry import RANDOM
from taskplan.operators.run import OpRun
from taskplan.plan.types import NUMPY_DTYPES, DataType, DType


@fill("GaussianFill", F32, effects=(RANDOM,))
def gaussian_fill(shape: Shape, *, mean: float = 0.0, std: float = 1.0, run: OpRun) -> Tensor:
    """Normal numbers with that mean and standard deviation.

    Inputs:
        input: gives the shape, any dtype.
    Outputs:
        output: float32.
    Example:
        GaussianFill(; shape=[2], mean=3.0, std=0.0) -> [3 3]
    """
    drawn: Tensor = run.rng.standard_normal(shape, np.float32)
    drawn *= np.float32(std)
    drawn += np.float32(mean)
    return drawn


@fill("XavierFill", F32, effects=(RANDOM,))
def xavier_fill(shape: Shape, *, run: OpRun) -> Tensor:
    """Uniform numbers within ±sqrt(3 / fan_in), where fan_in is the number of elements over the first size.

    Inputs:
        input: gives the shape, any dtype.
    Outputs:
        output: float32.
    Raises:
        ShapeError: there is no first axis, or its size is 0.
    Example:
        XavierFill(; shape=[4,3]) -> w
        Shape(w) -> [4 3]:i64
    """
    fan_in = _fan("XavierFill", shape, 0)
    limit = math.sqrt(3 / fan_in) if fan_in else 0.0
    return _uniform(run, -limit, limit, shape)


@fill("MSRAFill", F32, effects=(RANDOM,))
def msra_fill(shape: Shape, *, run: OpRun) -> Tensor:
    """Normal numbers of deviation sqrt(2 / fan_out), where fan_out is the number of elements over the second size.

    Inputs:
        input: gives the shape, any dtype.
    Outputs:
        output: float32.
    Raises:
        ShapeError: there is no second axis, or its size is 0.
    Example:
        MSRAFill(; shape=[4,3]) -> w
        Shape(w) -> [4 3]:i64
    """
    fan_out = _fan("MSRAFill", shape, 1)
    deviation = math.sqrt(2 / fan_out) if fan_out else 0.0
    return np.float32(deviation) * run.rng.standard_normal(shape, np.float32)


def _fan(name: str, shape: Shape, axis: int) -> int:
    if len(shape) <= axis or shape[axis] == 0:
        msg = f"{name}: the shape is {shape}, expected an axis {axis} of size 1 or more"
        raise ShapeError(msg, operator=name)
    return math.prod(shape) // shape[axis]


# --- between bounds ---------------------------------------------------------------------------------------------------


def _uniform(run: OpRun, least: float, below: float, shape: Shape) -> Tensor:
    """Numbers of [least, below) in float32, where rounding could give `below` itself."""
    low, high = np.float32(least), np.float32(below)
    drawn: Tensor = run.rng.random(shape, np.float32)
    drawn *= high - low
    drawn += low
    return np.minimum(drawn, np.nextafter(high, low), out=drawn if drawn.ndim else None)


def _check_bounds(name: str, dtype: DType | None = None) -> Callable[..., None]:
    """A check of `min` and `max`, each None where the default or an input holds."""

    def check(**bounds: float | None) -> None:
        least = 0 if bounds["min"] is None else bounds["min"]
        most = 1 if bounds["max"] is None else bounds["max"]
        if least >= most:
            raise argument_error(name, "min", f"must be less than 'max', got {least} and {most}")
        for argument, bound in bounds.items():
            if isinstance(bound, int) and dtype is not None and not fits(bound, dtype):
                raise argument_error(name, argument, f"must be in the range of {dtype}, got {bound}")

    return check


def _bounds_from_inputs(
    name: str, dtype: DType, shape: Shape, inputs: tuple[Tensor, ...], arguments: tuple[float | None, float | None]
) -> tuple[Any, Any, Shape]:
    """The two bounds and the shape, whose first size becomes 0 where the bounds cross."""
    if arguments != (None, None):
        raise argument_error(name, "min", "and 'max' do not go with bounds given as inputs; drop one of them")
    for slot, each in zip(("min", "max"), inputs, strict=True):
        require_dtype(name, slot, each, {dtype})
    least, most = sole_element(name, "min", inputs[0]), sole_element(name, "max", inputs[1])
    if least <= most:
        return least, most, shape
    if not shape:
        raise refuse(name, f"min is {least} and max is {most}, and rank 0 cannot be empty")
    return least, least, (0, *shape[1:])


@fill(
    "UniformFill",
    F32,
    slots=("shape", "output"),
    more_inputs=("min?", "max?"),
    input_counts=(0, 1, 3),
    check=_check_bounds("UniformFill"),
    effects=(RANDOM,),
)
def uniform_fill(
    shape: Shape,
    *bounds: Tensor,
    min: float | None = None,  # noqa: A002 - what users call it
    max: float | None = None,  # noqa: A002
    run: OpRun,
) -> Tensor:
    """Uniform numbers of [min, max), by default [0, 1).

    Inputs:
        shape: gives the shape, any dtype.
        min, max: one float32 element each, in place of the arguments; if min is above max, the first size becomes 0.
    Outputs:
        output: float32.
    Raises:
        ArgumentError: argument ``min`` is not less than ``max``, or there are both inputs and arguments.
    Example:
        UniformFill([3 2]:i64, [2], [2]; input_as_shape=1) -> [[2 2] [2 2] [2 2]]
    """
    if not bounds:
        return _uniform(run, 0.0 if min is None else min, 1.0 if max is None else max, shape)
    least, most, shape = _bounds_from_inputs("UniformFill", F32, shape, bounds, (min, max))
    return np.full(shape, least, F32) if least == most else _uniform(run, least, most, shape)


@fill(
    "UniformIntFill",
    I32,
    slots=("shape", "output"),
    more_inputs=("min?", "max?"),
    input_counts=(0, 1, 3),
    check=_check_bounds("UniformIntFill", I32),
    effects=(RANDOM,),
)
def uniform_int_fill(
    shape: Shape,
    *bounds: Tensor,
    min: int | None = None,  # noqa: A002 - what users call it
    max: int | None = None,  # noqa: A002
    run: OpRun,
) -> Tensor:
    """Uniform integers from min to max, **both included**, by default 0 and 1.

    Inputs:
        shape: gives the shape, any dtype.
        min, max: one int32 element each, in place of the arguments; if min is above max, the first size becomes 0.
    Outputs:
        output: int32.
    Raises:
        ArgumentError: argument ``min`` is not less than ``max``, or there are both inputs and arguments.
    Example:
        UniformIntFill([3]:i64, [4]:i32, [4]:i32; input_as_shape=1) -> [4 4 4]:i32
    """
    if not bounds:
        least, most = 0 if min is None else min, 1 if max is None else max
    else:
        least, most, shape = _bounds_from_inputs("UniformIntFill", I32, shape, bounds, (min, max))
    return np.asarray(run.rng.integers(least, most, shape, np.int32, endpoint=True))


# --- distinct ---------------------------------------------------------------------------------------------------------


def _check_unique(**arguments: int) -> None:
    name, least, most, dtype = "UniqueUniformFill", arguments["min"], arguments["max"], arguments["dtype"]
    if dtype not in (DataType.INT32, DataType.INT64):
        raise argument_error(name, "dtype", f"must be INT32 (2) or INT64 (10), got {dtype}")
    if least >= most:
        raise argument_error(name, "min", f"must be less than 'max', got {least} and {most}")
    if not fits(least, NUMPY_DTYPES[dtype]) or not fits(most, NUMPY_DTYPES[dtype]) or not fits(most - least + 1, I64):
        msg = f"{name}: arguments 'min' and 'max' must be in the range of {NUMPY_DTYPES[dtype]}, got {least} and {most}"
        raise ArgumentError(msg, operator=name, argument="max")


@fill("UniqueUniformFill", named_dtype, more_inputs=("avoid?",), check=_check_unique, effects=(RANDOM,))
def unique_uniform_fill(
    shape: Shape,
    avoid: Tensor | None = None,
    *,
    min: int,  # noqa: A002 - what users call it
    max: int,  # noqa: A002
    dtype: int = DataType.INT32,
    run: OpRun,
) -> Tensor:
    """Distinct integers from min to max, both included, none of them in ``avoid``.

    Inputs:
        input: gives the shape, any dtype.
        avoid: vector of the output's dtype.
    Outputs:
        output: int32, or int64 if ``dtype`` says so.
    Raises:
        OperatorError: there are more elements than integers to choose from.
    Example:
        UniqueUniformFill(; shape=[3], min=1, max=3) -> x
        Unique(x) -> [1 2 3]:i32
    """
    name, kind = "UniqueUniformFill", NUMPY_DTYPES[dtype]
    taken: Tensor = np.array([], I64)
    if avoid is not None:
        require_dtype(name, "avoid", avoid, INDICES & {kind})
        require_rank(name, "avoid", avoid, 1)
        taken = np.unique(avoid[(avoid >= min) & (avoid <= max)]).astype(I64) - min
    count, left = math.prod(shape), max - min + 1 - taken.size
    if count > left:
        raise refuse(name, f"{count} distinct integers were asked for, but {left} are left from {min} to {max}")
    ranks: Tensor = run.rng.choice(left, count, replace=False) if count else np.array([], I64)
    # Rank r among those left lies r places behind `min`, and one more for each taken one with at most r left before it.
    places = ranks + np.searchsorted(taken - np.arange(taken.size), ranks, side="right")
    return (places + min).astype(kind).reshape(shape)
