"""Counters: one integer each, changed in single indivisible steps."""

from __future__ import annotations

from functools import partial

import numpy as np

from taskplan.errors import ArgumentError
from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.objects import Counter
from taskplan.operators.operands import BOOL, I64
from taskplan.operators.registry import MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import Changes, Reads

_READS = (Reads("counter"),)
_CHANGES = (Changes("counter"),)


def _check_init_count(*, init_count: int) -> None:
    if init_count < 0:
        msg = f"a counter cannot begin at init_count={init_count}; give 0 or more"
        raise ArgumentError(msg, argument="init_count")


@operator("CreateCounter", outputs=("counter",), effects=(MAKES,), check=_check_init_count, infer=no_tensors)
def create_counter(*, init_count: int = 0, run: OpRun) -> Counter:
    """A new counter that stands at ``init_count``; one that the blob held before is replaced.

    Outputs:
        counter: a counter.
    Example:
        CreateCounter(; init_count=2) -> c
    """
    return Counter(init_count, run.op.outputs[0])


@operator(
    "ResetCounter",
    inputs=("counter",),
    outputs=("previous_value?",),
    effects=_CHANGES,
    check=_check_init_count,
    infer=always(TensorSpec(I64)),
)
def reset_counter(counter: Counter, *, init_count: int = 0, run: OpRun) -> np.int64:
    """Let the counter begin again at ``init_count``.

    Inputs:
        counter: a counter.
    Outputs:
        previous_value: int64 of rank 0, the count before.
    Example:
        CreateCounter(; init_count=2) -> c
        ResetCounter(c; init_count=5) -> 2 ():i64
        RetrieveCount(c) -> 5 ():i64
    """
    return np.int64(run.wait(Changes(counter), partial(counter.reset, init_count)))


@operator("CountDown", inputs=("counter",), outputs=("done",), effects=_CHANGES, infer=always(TensorSpec(BOOL)))
def count_down(counter: Counter, *, run: OpRun) -> np.bool_:
    """Subtract 1, also where the count then goes below 0.

    Inputs:
        counter: a counter.
    Outputs:
        done: bool of rank 0: was the count 0 or less *before*? A counter of 2 answers F, F, T.
    Example:
        CreateCounter(; init_count=1) -> c
        CountDown(c) -> F ()
        CountDown(c) -> T ()
    """
    return np.bool_(run.wait(Changes(counter), counter.down))


@operator("CountUp", inputs=("counter",), outputs=("previous_count",), effects=_CHANGES, infer=always(TensorSpec(I64)))
def count_up(counter: Counter, *, run: OpRun) -> np.int64:
    """Add 1.

    Inputs:
        counter: a counter.
    Outputs:
        previous_count: int64 of rank 0, the count before.
    Example:
        CreateCounter(; init_count=7) -> c
        CountUp(c) -> 7 ():i64
        RetrieveCount(c) -> 8 ():i64
    """
    return np.int64(run.wait(Changes(counter), counter.up))


@operator("CheckCounterDone", inputs=("counter",), outputs=("done",), effects=_READS, infer=always(TensorSpec(BOOL)))
def check_counter_done(counter: Counter, *, run: OpRun) -> np.bool_:
    """Whether the count is 0 or less; the counter stays as it is.

    Inputs:
        counter: a counter.
    Outputs:
        done: bool of rank 0.
    Example:
        CreateCounter() -> c
        CheckCounterDone(c) -> T ()
    """
    return np.bool_(run.wait(Reads(counter), counter.is_done))


@operator("RetrieveCount", inputs=("counter",), outputs=("count",), effects=_READS, infer=always(TensorSpec(I64)))
def retrieve_count(counter: Counter, *, run: OpRun) -> np.int64:
    """The count.

    Inputs:
        counter: a counter.
    Outputs:
        count: int64 of rank 0.
    Example:
        CreateCounter(; init_count=2) -> c
        RetrieveCount(c) -> 2 ():i64
    """
    return np.int64(run.wait(Reads(counter), counter.read))
