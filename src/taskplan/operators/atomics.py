"""Mutexes, operators that exclude each other by one, flags, and iteration numbers.

An operator under a mutex reads its inputs anew once it is alone, and stores its outputs before it lets anybody else in;
what the engine read for it beforehand may be old.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import TensorSpec, always, like, no_tensors
from taskplan.operators.objects import AtomicBool, Mutex
from taskplan.operators.operands import BOOL, BOOLS, I32, I64, Tensor, refuse, require_dtype, settled, sole_element
from taskplan.operators.registry import MAKES, operator
from taskplan.operators.run import UNSET, OpRun
from taskplan.operators.statistics import publish
from taskplan.operators.waiting import Changes, Reads
from taskplan.plan.types import DType

_UNDER_MUTEX = (Changes("mutex_ptr"),)
_FALSE: Any = np.False_
_MAX_ITER = np.iinfo(np.int64).max


@operator("CreateMutex", outputs=("mutex_ptr",), effects=(MAKES,), infer=no_tensors)
def create_mutex(*, run: OpRun) -> Mutex:
    """A new mutex.

    Outputs:
        mutex_ptr: a mutex, for any number of operators.
    Example:
        CreateMutex() -> m
    """
    return Mutex(run.op.outputs[0])


@operator(
    "AtomicFetchAdd",
    inputs=("mutex_ptr", "mut_value", "increment"),
    outputs=("mut_value", "fetched_value"),
    in_place=(("mut_value", "mut_value"),),
    effects=_UNDER_MUTEX,
    infer=always(TensorSpec(I32), TensorSpec(I32)),
)
def atomic_fetch_add(mutex: Mutex, _value: Tensor, _increment: Tensor, *, run: OpRun) -> None:
    """Add to an int32 while no other operator does anything under the same mutex.

    Inputs:
        mutex_ptr: a mutex.
        mut_value: int32; of several elements the first counts.
        increment: int32; of several elements the first counts.
    Outputs:
        mut_value: int32 of rank 0, the sum.
        fetched_value: int32 of rank 0, the value before.
    Example:
        CreateMutex() -> m
        AtomicFetchAdd(m, [5]:i32, [3]:i32) -> 8 ():i32, 5 ():i32
    """
    run.wait(Changes(mutex), partial(mutex.hold, partial(_fetch_add, "AtomicFetchAdd", I32, run)))


@operator(
    "AtomicFetchAdd64",
    inputs=("mutex_ptr", "mut_value", "increment"),
    outputs=("mut_value", "fetched_value"),
    in_place=(("mut_value", "mut_value"),),
    effects=_UNDER_MUTEX,
    infer=always(TensorSpec(I64), TensorSpec(I64)),
)
def atomic_fetch_add_64(mutex: Mutex, _value: Tensor, _increment: Tensor, *, run: OpRun) -> None:
    """Add to an int64 while no other operator does anything under the same mutex.

    Inputs:
        mutex_ptr: a mutex.
        mut_value: int64; of several elements the first counts.
        increment: int64; of several elements the first counts.
    Outputs:
        mut_value: int64 of rank 0, the sum.
        fetched_value: int64 of rank 0, the value before.
    Example:
        CreateMutex() -> m
        AtomicFetchAdd64(m, [5]:i64, [3]:i64) -> 8 ():i64, 5 ():i64
    """
    run.wait(Changes(mutex), partial(mutex.hold, partial(_fetch_add, "AtomicFetchAdd64", I64, run)))


def _fetch_add(operator: str, dtype: DType, run: OpRun) -> None:
    value = _first(operator, "mut_value", run.input(1), dtype)
    total = value + _first(operator, "increment", run.input(2), dtype)
    run.store(0, total)
    run.store(1, value)


def _first(operator: str, slot: str, x: Tensor, dtype: DType) -> Any:
    require_dtype(operator, slot, x, {dtype})
    if x.size == 0:
        msg = f"{operator}: {slot} has shape {x.shape}, expected one element"
        raise ShapeError(msg, operator=operator)
    return x.reshape(-1)[0]


@operator("CreateAtomicBool", outputs=("atomic_bool",), effects=(MAKES,), infer=no_tensors)
def create_atomic_bool(*, run: OpRun) -> AtomicBool:
    """A new flag, not raised.

    Outputs:
        atomic_bool: a flag.
    Example:
        CreateAtomicBool() -> flag
    """
    return AtomicBool(run.op.outputs[0])


@operator(
    "ConditionalSetAtomicBool", inputs=("atomic_bool", "condition"), effects=(Changes("atomic_bool"),), infer=no_tensors
)
def conditional_set_atomic_bool(flag: AtomicBool, condition: Tensor, *, run: OpRun) -> None:
    """Raise the flag if the first element of a condition is true. A flag is never lowered.

    Inputs:
        atomic_bool: a flag.
        condition: bool, any shape but an empty one.
    Example:
        CreateAtomicBool() -> flag
        ConditionalSetAtomicBool(flag, [T])
        CheckAtomicBool(flag) -> [T]
    """
    require_dtype("ConditionalSetAtomicBool", "condition", condition, BOOLS)
    if condition.size == 0:
        msg = f"ConditionalSetAtomicBool: condition has shape {condition.shape}, expected an element"
        raise ShapeError(msg, operator="ConditionalSetAtomicBool")
    run.wait(Changes(flag), partial(flag.raise_if, bool(condition.reshape(-1)[0])))


@operator(
    "CheckAtomicBool",
    inputs=("atomic_bool",),
    outputs=("value",),
    effects=(Reads("atomic_bool"),),
    infer=always(TensorSpec(BOOL, (1,))),
)
def check_atomic_bool(flag: AtomicBool, *, run: OpRun) -> Tensor:
    """Whether the flag was raised.

    Inputs:
        atomic_bool: a flag.
    Outputs:
        value: bool of shape (1,).
    Example:
        CreateAtomicBool() -> flag
        CheckAtomicBool(flag) -> [F]
    """
    return np.array([run.wait(Reads(flag), flag.is_up)])


@operator(
    "LatchIf",
    inputs=("latch", "condition"),
    outputs=("latch",),
    must_in_place=(("latch", "latch"),),
    infer=always(TensorSpec(BOOL)),
)
def latch_if(_latch: Tensor, condition: Tensor, *, run: OpRun) -> None:
    """Make a blob true if a condition is; otherwise leave it alone, so that what others made true stays so.

    Inputs:
        latch: bool of rank 0.
        condition: bool, one element.
    Outputs:
        latch: the same blob.
    Example:
        LatchIf(F (), T ()) -> T ()
        LatchIf(T (), F ()) -> T ()
    """
    if condition is _FALSE:
        return
    require_dtype("LatchIf", "condition", condition, BOOLS)
    if sole_element("LatchIf", "condition", condition):
        run.store(0, np.True_)


def _advanced(value: TensorSpec | None = None) -> TensorSpec:
    """Without an input the shape is that of what the output holds."""
    return TensorSpec(I64, None) if value is None else value


@operator("Iter", inputs=("iter?",), outputs=("iter",), must_in_place=(("iter", "iter"),), infer=_advanced)
def iteration(value: Tensor | None = None, *, run: OpRun) -> Tensor:
    """Add 1 to an iteration number.

    Inputs:
        iter: int64, one element, any rank, not negative. Without it the number is what the output holds, at first [0].
    Outputs:
        iter: int64, one more, of the same shape.
    Raises:
        OperatorError: the number is negative, or the largest that there is.
    Example:
        Iter([41]:i64) -> [42]:i64
    """
    if value is None:
        value = run.previous(0)
        if value is UNSET:
            return np.ones(1, np.int64)
    return _next("Iter", value)


@operator(
    "AtomicIter",
    inputs=("mutex", "iter"),
    outputs=("iter",),
    must_in_place=(("iter", "iter"),),
    effects=(Changes("mutex"),),
    infer=like(1),
)
def atomic_iteration(mutex: Mutex, _value: Tensor, *, run: OpRun) -> None:
    """Add 1 to an iteration number while no other operator does anything under the same mutex.

    1 is added to the statistic ``atomic_iter/stats/<blob>/num_iter`` of the process too; see `StatRegistryExport`.

    Inputs:
        mutex: a mutex.
        iter: int64, one element, any rank, not negative.
    Outputs:
        iter: int64, one more, of the same shape.
    Raises:
        OperatorError: the number is negative, or the largest that there is.
    Example:
        CreateMutex() -> m
        AtomicIter(m, [41]:i64) -> [42]:i64
    """
    run.wait(Changes(mutex), partial(mutex.hold, lambda: run.store(0, _next("AtomicIter", run.input(1)))))
    publish(run, [(f"atomic_iter/stats/{run.op.inputs[1]}/num_iter", 1)])


def _next(operator: str, value: Tensor) -> Tensor:
    require_dtype(operator, "iter", value, {I64})
    number = int(sole_element(operator, "iter", value))
    if not 0 <= number < _MAX_ITER:
        raise refuse(operator, f"iter is {number}, expected 0 or more, and less than {_MAX_ITER}")
    return settled(value + 1)
