"""Sums and counts that an instance keeps from call to call, and summaries of a tensor."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from taskplan.operators.inference import Inferred, TensorSpec, always, like
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    FLOATS,
    I64,
    Tensor,
    argument_error,
    is_tensor,
    refuse,
    require_dtype,
)
from taskplan.operators.registry import IO, operator
from taskplan.operators.run import OpRun

_COUNTS = "counts"


@operator("Accumulate", inputs=("input",), outputs=("output",), infer=like(0))
def accumulate(x: Tensor, *, gamma: float = 1.0, run: OpRun) -> Tensor:
    """``gamma`` times what the output holds, plus the input: a running sum, of which the output blob is the state.

    The sum begins with the input where the output holds no tensor of its dtype and shape.

    Inputs:
        input: float32 or float64.
    Outputs:
        output: the input's dtype and shape.
    Example:
        Accumulate([1 2]) -> sum
        Accumulate([3 4]; gamma=0.5) -> sum
        Copy(sum) -> [3.5 5]
    """
    require_dtype("Accumulate", "input", x, FLOATS)
    before = run.previous(0)
    if not is_tensor(before) or (before.shape, before.dtype) != (x.shape, x.dtype):
        return x
    total: Tensor = x.dtype.type(gamma) * before + x
    return total


def _check_bounds(*, lower_bound: float, upper_bound: float, num_buckets: int) -> None:
    if num_buckets < 1:
        raise argument_error("AccumulateHistogram", "num_buckets", f"must be at least 1, got {num_buckets}")
    if not (math.isfinite(lower_bound) and math.isfinite(upper_bound)):
        text = f"must be finite, as lower_bound, got {upper_bound} and {lower_bound}"
        raise argument_error("AccumulateHistogram", "upper_bound", text)
    if not lower_bound < upper_bound:
        text = f"must be above lower_bound={lower_bound}, got {upper_bound}"
        raise argument_error("AccumulateHistogram", "upper_bound", text)


def _histograms(_x: TensorSpec, *, num_buckets: int) -> Inferred:
    counts = TensorSpec(I64, (num_buckets + 2,))
    return [counts, counts]


@operator("AccumulateHistogram", inputs=("X",), outputs=("CurHist", "AccHist"), check=_check_bounds, infer=_histograms)
def accumulate_histogram(
    x: Tensor, *, lower_bound: float = 0.0, upper_bound: float = 1.0, num_buckets: int = 1, run: OpRun
) -> tuple[Tensor, Tensor]:
    """How many elements fall into each of ``num_buckets`` equal buckets between two bounds, and below and above them.

    The upper bound itself counts as above. nan is counted nowhere.

    Inputs:
        X: float32, any shape.
    Outputs:
        CurHist: int64 vector of ``num_buckets`` + 2 elements: those below, those of each bucket, and the rest.
        AccHist: the same, of all calls of this instance.
    Example:
        AccumulateHistogram([-1 0.2 0.7 1]; num_buckets=2) -> [1 1 1 1]:i64, [1 1 1 1]:i64
    """
    require_dtype("AccumulateHistogram", "X", x, F32_ONLY)
    known = x[~np.isnan(x)].astype(np.float64) if x.ndim else np.float64(x).reshape(1)[~np.isnan(x).reshape(1)]
    inside = (known - lower_bound) * (num_buckets / (upper_bound - lower_bound))
    # Clipped before they become integers, which hold no infinities.
    buckets = np.clip(np.floor(inside), -1, num_buckets).astype(I64)
    # Rounding may put what is next to the upper bound on its other side.
    np.minimum(buckets, num_buckets - 1, out=buckets)
    buckets[known >= upper_bound] = num_buckets
    counts = np.bincount(buckets + 1, minlength=num_buckets + 2).astype(I64)
    total = run.state[_COUNTS] = run.state.get(_COUNTS, 0) + counts
    return counts, total


@operator("Summarize", inputs=("data",), outputs=("output?",), effects=(IO,), infer=always(TensorSpec(F32, (4,))))
def summarize(x: Tensor, *, to_file: bool = False, run: OpRun) -> Tensor:
    """Minimum, maximum, mean and standard deviation (divided by n - 1; 0 of one element).

    Without an output they go to the log of the run; with ``to_file`` a line is put behind those of the file
    ``<blob>.summary`` in the root folder of the workspace.

    Inputs:
        data: float32, any shape, at least one element.
    Outputs:
        output: float32 vector of these four.
    Raises:
        OperatorError: there are no elements, or the file cannot be written.
    Example:
        Summarize([1 2 3 4]) -> [1 4 2.5 1.2909944]
    """
    require_dtype("Summarize", "data", x, F32_ONLY)
    if not x.size:
        raise refuse("Summarize", f"data has shape {x.shape}, expected at least one element")
    mean = x.mean(dtype=np.float64)
    deviation = x.std(dtype=np.float64, ddof=1) if x.size > 1 else 0.0
    summary: Tensor = np.array([x.min(), x.max(), mean, deviation], F32)
    blob = run.op.inputs[0]
    shown = "min {:g}, max {:g}, mean {:g}, std {:g}".format(*summary.tolist())
    if to_file:
        path = Path(run.workspace.root_folder, f"{blob}.summary")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{shown}\n")
        except OSError as error:
            raise refuse("Summarize", f"cannot write {str(path)!r}: {error.strerror}") from None
    elif not run.op.outputs:
        run.log(f"{blob}: {shown}")
    return summary
