"""Timers, and registries of named integers.

There is one registry for the process, which outlives runs and workspaces; others are handles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.operands import I64, NUMBERS, Tensor, argument_error, refuse, require_dtype
from taskplan.operators.registry import IO, MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.statistic_objects import PROCESS, StatRegistry, Timer
from taskplan.operators.waiting import Changes, Reads
from taskplan.plan.types import STRING_DTYPE

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def publish(run: OpRun, amounts: Iterable[tuple[str, int]]) -> None:
    """Add to the statistics of the process, all at once."""
    held = [(name.encode("utf-8", "surrogateescape"), amount) for name, amount in amounts]
    run.wait(Changes(PROCESS), partial(PROCESS.add, held))


# A timer is used by one instance as a rule, and each of its methods is over at once: it needs no driver, whose part in
# it would cost more than what a pipe does with a record.
# --- timers -----------------------------------------------------------------------------------------------------------


@operator("TimerBegin", outputs=("timer",), effects=(MAKES,), infer=no_tensors)
def timer_begin(*, counter_name: str = "", run: OpRun) -> Timer:
    """Start the timer of this operator.

    Outputs:
        timer: that timer. Its statistics are called ``counter_name``, or like this output.
    Raises:
        OperatorError: it runs already.
    Example:
        TimerBegin(; counter_name="t") -> tm
    """
    name = run.op.outputs[0]
    timer: Timer | None = run.state.get("timer")
    if timer is None:
        timer = run.state["timer"] = Timer(counter_name or name, name)
    timer.begin(run.wall_clock_ns())
    return timer


@operator("TimerGet", inputs=("timer",), outputs=("nanos",), effects=(Reads("timer"),), infer=always(TensorSpec(I64)))
def timer_get(timer: Timer, *, run: OpRun) -> np.int64:
    """The time since a timer began, which goes on.

    Inputs:
        timer: a timer.
    Outputs:
        nanos: int64 of rank 0, nanoseconds.
    Raises:
        OperatorError: it does not run.
    Example:
        TimerBegin() -> tm
        TimerGet(tm) -> nanos
    """
    return np.int64(timer.read("TimerGet", run.wall_clock_ns()))


@operator("TimerEnd", inputs=("timer",), effects=(Changes("timer"), IO), infer=no_tensors)
def timer_end(timer: Timer, *, run: OpRun) -> None:
    """Stop a timer, and add the time since it began to the statistics ``<name>/time_ns/sum``, and 1 to ``.../count``.

    Inputs:
        timer: a timer.
    Raises:
        OperatorError: it does not run.
    Example:
        TimerBegin() -> tm
        TimerEnd(tm)
    """
    timer.end("TimerEnd", run.wall_clock_ns())


@operator(
    "TimerGetAndEnd",
    inputs=("timer",),
    outputs=("nanos",),
    effects=(Changes("timer"), IO),
    infer=always(TensorSpec(I64, (1,))),
)
def timer_get_and_end(timer: Timer, *, run: OpRun) -> Tensor:
    """Stop a timer as `TimerEnd` does, and give the time since it began.

    Inputs:
        timer: a timer.
    Outputs:
        nanos: int64 of shape (1,), nanoseconds.
    Raises:
        OperatorError: it does not run.
    Example:
        TimerBegin() -> tm
        TimerGetAndEnd(tm) -> nanos
    """
    return np.array([timer.end("TimerGetAndEnd", run.wall_clock_ns())], I64)


# --- registries -------------------------------------------------------------------------------------------------------


@operator("StatRegistryCreate", outputs=("handle",), effects=(MAKES,), infer=no_tensors)
def stat_registry_create(*, run: OpRun) -> StatRegistry:
    """A new registry without names.

    Outputs:
        handle: a registry.
    Example:
        StatRegistryCreate() -> r
    """
    return StatRegistry(run.op.outputs[0])


@operator("StatRegistryUpdate", inputs=("keys", "values", "handle?"), effects=(Changes("handle"), IO), infer=no_tensors)
def stat_registry_update(keys: Tensor, values: Tensor, registry: StatRegistry | None = None, *, run: OpRun) -> None:
    """Add integers to the statistics of these names, to that of a repeated name several times.

    Inputs:
        keys: string, any shape.
        values: int64, as many elements as there are keys.
        handle: a registry; without it that of the process.
    Example:
        StatRegistryCreate() -> r
        StatRegistryUpdate(["x" "y" "x"]:str, [1 2 3]:i64, r)
    """
    name = "StatRegistryUpdate"
    require_dtype(name, "keys", keys, {STRING_DTYPE})
    require_dtype(name, "values", values, {I64})
    if keys.size != values.size:
        msg = f"{name}: keys has shape {keys.shape}, values has shape {values.shape}; expected one value a key"
        raise ShapeError(msg, operator=name)
    amounts = zip(keys.reshape(-1).tolist(), values.reshape(-1).tolist(), strict=True)
    held = PROCESS if registry is None else registry
    run.wait(Changes(held), partial(held.add, amounts))


@operator(
    "StatRegistryExport",
    inputs=("handle?",),
    outputs=("keys", "values", "timestamps"),
    effects=(Changes("handle"), IO),
    infer=always(TensorSpec(STRING_DTYPE, (None,)), TensorSpec(I64, (None,)), TensorSpec(I64, (None,))),
    inexact="the number of names in the registry",
)
def stat_registry_export(
    registry: StatRegistry | None = None, *, reset: bool = True, run: OpRun
) -> tuple[Tensor, Tensor, Tensor]:
    """All statistics of a registry, in no order that could be relied upon; with ``reset`` they begin again at 0.

    Inputs:
        handle: a registry; without it that of the process.
    Outputs:
        keys: string vector, the names. They stay when the statistics begin again.
        values: int64 vector.
        timestamps: int64 vector, the time of each value in nanoseconds since 1970.
    Example:
        StatRegistryCreate() -> r
        StatRegistryUpdate(["x" "y" "x"]:str, [1 2 3]:i64, r)
        StatRegistryExport(r) -> ["x" "y"]:str, [4 2]:i64, times
        StatRegistryExport(r) -> ["x" "y"]:str, [0 0]:i64, times
    """
    held = PROCESS if registry is None else registry
    names, values = run.wait(Changes(held), partial(held.export, reset))
    return names, values, np.full(len(names), run.wall_clock_ns(), I64)


# --- statistics of values ---------------------------------------------------------------------------------------------


def _checks_magnitude(operator: str) -> Callable[..., None]:
    def check(*, magnitude_expand: int, **_: object) -> None:
        if magnitude_expand < 1:
            raise argument_error(operator, "magnitude_expand", f"must be at least 1, got {magnitude_expand}")

    return check


@operator("IncrementPut", inputs=("value",), effects=(IO,), check=_checks_magnitude("IncrementPut"), infer=no_tensors)
def increment_put(
    value: Tensor,
    *,
    stat_name: str = "",
    magnitude_expand: int = 1,
    default_value: float | None = None,
    bound: bool = False,
    has_bound: bool = False,  # noqa: ARG001 - programs pass it, and it changes nothing
    run: OpRun,
) -> None:
    """Add a value to the statistic ``<name>/stat_value`` of the process.

    The value is the first element times ``magnitude_expand``, truncated toward zero; ``default_value`` stands for the
    element if there is none. The name is ``stat_name``, or that of the input.

    Inputs:
        value: float32, float64, int32 or int64, any shape.
    Raises:
        OperatorError: the value is nan, or, without ``bound``, beyond int64; with ``bound`` it is the nearest int64.
        ShapeError: there is no element and no ``default_value``.
    Example:
        IncrementPut([5.1]; stat_name="s", magnitude_expand=10)
    """
    stat = f"{stat_name or run.op.inputs[0]}/stat_value"
    publish(run, [(stat, _measured("IncrementPut", value, magnitude_expand, default_value, bound))])


@operator("AveragePut", inputs=("value",), effects=(IO,), check=_checks_magnitude("AveragePut"), infer=no_tensors)
def average_put(
    value: Tensor,
    *,
    stat_name: str = "",
    magnitude_expand: int = 1,
    default_value: float | None = None,
    bound: bool = False,
    has_bound: bool = False,  # noqa: ARG001 - as in IncrementPut
    run: OpRun,
) -> None:
    """Add a value, as `IncrementPut` reads it, to the statistic ``<name>/stat_value/sum``, and 1 to ``.../count``.

    Inputs:
        value: float32, float64, int32 or int64, any shape.
    Raises:
        OperatorError, ShapeError: as in `IncrementPut`.
    Example:
        AveragePut([2.9]; stat_name="s")
    """
    stat = f"{stat_name or run.op.inputs[0]}/stat_value"
    amount = _measured("AveragePut", value, magnitude_expand, default_value, bound)
    publish(run, [(f"{stat}/sum", amount), (f"{stat}/count", 1)])


@operator("StdDevPut", inputs=("value",), effects=(IO,), check=_checks_magnitude("StdDevPut"), infer=no_tensors)
def std_dev_put(
    value: Tensor,
    *,
    stat_name: str = "",
    magnitude_expand: int = 1,
    default_value: float | None = None,
    bound: bool = False,
    has_bound: bool = False,  # noqa: ARG001 - as in IncrementPut
    run: OpRun,
) -> None:
    """Do as `AveragePut`, and add to ``.../sumoffset`` and ``.../sumsqoffset`` what the variance is computed from.

    They are the sums of d and of d * d, where d is the distance of a value from the first one that this operator got.
    The variance is (sumsqoffset - sumoffset * sumoffset / count) / (count - 1).

    Inputs:
        value: float32, float64, int32 or int64, any shape.
    Raises:
        OperatorError, ShapeError: as in `IncrementPut`.
    Example:
        StdDevPut([10]; stat_name="s")
    """
    stat = f"{stat_name or run.op.inputs[0]}/stat_value"
    amount = _measured("StdDevPut", value, magnitude_expand, default_value, bound)
    distance = amount - run.state.setdefault("first", amount)
    sums = {"sum": amount, "count": 1, "sumoffset": distance, "sumsqoffset": distance * distance}
    publish(run, [(f"{stat}/{each}", added) for each, added in sums.items()])


def _measured(operator: str, x: Tensor, magnitude: int, default: float | None, bound: bool) -> int:
    """The integer that stands for the first element, or for the default."""
    require_dtype(operator, "value", x, NUMBERS)
    if x.size:
        element: Any = x.reshape(-1)[0]
    elif default is not None:
        element = (x.dtype.type if x.dtype.kind == "f" else np.float32)(default)
    else:
        msg = f"{operator}: value has shape {x.shape}, expected an element; or pass default_value"
        raise ShapeError(msg, operator=operator)
    if element.dtype.kind == "i":
        amount: float = int(element) * magnitude
    else:
        amount = float(element * element.dtype.type(magnitude))  # in its own type: 5.1 times 10 is 51 in float32
    if not math.isnan(amount) and (bound or _LEAST <= amount <= _MOST):
        return int(max(_LEAST, min(_MOST, amount)))
    text = f"value is {element}, times magnitude_expand={magnitude} it is {amount:g}, which is no int64"
    raise refuse(operator, text if math.isnan(amount) else f"{text}; pass bound=True to add the nearest one")
