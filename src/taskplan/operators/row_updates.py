"""More updates of the rows that indices name: less common optimisers, counters, regularisation, bounds."""

from __future__ import annotations

import math

import numpy as np

from taskplan.errors import ArityError
from taskplan.operators.global_rates import storm_rates, sum_of_squares
from taskplan.operators.inference import like
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    F64,
    I64,
    Tensor,
    argument_error,
    require_alike,
    require_dtype,
    require_least_rank,
    require_one_shape,
    require_rank,
    settled,
    sole_element,
)
from taskplan.operators.optimisers import (
    Scalar,
    adadelta_update,
    decay_check,
    one_number,
)
from taskplan.operators.registry import operator
from taskplan.operators.sparse_optimisers import gradient_rows, require_rows, rounds

# --- other optimisers ------------------------------------------------------------------------------------------------


@operator(
    "SparseAdadelta",
    inputs=("param", "moment", "moment_delta", "indices", "grad", "lr"),
    outputs=("output_param", "output_moment", "output_moment_delta"),
    must_in_place=(("param", "output_param"), ("moment", "output_moment"), ("moment_delta", "output_moment_delta")),
    check=decay_check("SparseAdadelta"),
    updates=("param", "moment", "moment_delta"),
    infer=like(0, 1, 2),
)
def sparse_adadelta(
    p: Tensor,
    m: Tensor,
    d: Tensor,
    indices: Tensor,
    g: Tensor,
    lr: Tensor,
    *,
    epsilon: float = 1e-5,
    decay: float = 0.95,
) -> tuple[Tensor, Tensor, Tensor]:
    """`Adadelta` of the rows that the indices name.

    Inputs:
        param, moment, moment_delta: float32, one shape.
        indices: int32 or int64.
        grad: float32, a row for each index.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_moment, output_moment_delta: the same blobs.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseAdadelta([1], [1], [1], [0]:i32, [1], [0.5]; epsilon=0.0) -> [1.5], [1], [1]
    """
    name = "SparseAdadelta"
    require_alike(name, param=p, moment=m, moment_delta=d)
    gradients, rate = gradient_rows(name, p, indices, g), one_number(name, "lr", lr)
    for rows, places in rounds(indices):
        moment, delta = m[rows], d[rows]
        p[rows] += rate * adadelta_update(moment, delta, gradients[places], epsilon, decay)
        m[rows], d[rows] = moment, delta
    return p, m, d


@operator(
    "SparseWngrad",
    inputs=("param", "seq_b", "indices", "grad", "lr"),
    outputs=("output_param", "output_seq_b"),
    must_in_place=(("param", "output_param"), ("seq_b", "output_seq_b")),
    updates=("param",),
    infer=like(0, 1),
)
def sparse_wngrad(
    p: Tensor, b: Tensor, indices: Tensor, g: Tensor, lr: Tensor, *, epsilon: float = 1e-5
) -> tuple[Tensor, Tensor]:
    """`Wngrad` of the rows that the indices name; b grows by sum(grad^2) / b, without ``epsilon``.

    Inputs:
        param: float32, rank 1 or more.
        seq_b: float32, one element, above 0.
        indices: int32 or int64.
        grad: float32, a row for each index.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_seq_b: the same blobs.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseWngrad([1 2], [0.5], [1]:i32, [2], [1]; epsilon=0.0) -> [1 6], [8.5]
    """
    name = "SparseWngrad"
    gradients, base = gradient_rows(name, p, indices, g), one_number(name, "seq_b", b)
    rate = one_number(name, "lr", lr) / (base + Scalar(epsilon))
    for rows, places in rounds(indices):
        p[rows] += rate * gradients[places]
    total = sum_of_squares(g)
    grown = np.full(b.shape, base + total / base if total else base, F32)
    return p, settled(grown)


@operator(
    "SparseStorm",
    inputs=("param", "moment", "grad_sq_sum", "grad", "indices", "lr"),
    outputs=("output_param", "output_moment", "output_grad_sq_sum"),
    must_in_place=(("param", "output_param"), ("moment", "output_moment"), ("grad_sq_sum", "output_grad_sq_sum")),
    updates=("param", "moment"),
    infer=like(0, 1, 2),
)
def sparse_storm(
    p: Tensor,
    m: Tensor,
    s: Tensor,
    g: Tensor,
    indices: Tensor,
    lr: Tensor,
    *,
    momentum: float = 10.0,
    beta: float = 0.1,
) -> tuple[Tensor, Tensor, Tensor]:
    """`Storm` of the rows that the indices name.

    Inputs:
        param, moment: float32, one shape.
        grad_sq_sum: float32, one element.
        grad: float32, a row for each index.
        indices: int32 or int64.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_moment, output_grad_sq_sum: the same blobs.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseStorm([1], [0], [7], [1], [0]:i32, [1]; momentum=4.0, beta=0.0) -> [1.5], [1], [8]
    """
    name = "SparseStorm"
    require_alike(name, param=p, moment=m)
    gradients = gradient_rows(name, p, indices, g)
    total, rate, kept = storm_rates(name, s, g, lr, momentum, beta)
    for rows, places in rounds(indices):
        moment = gradients[places] + kept * (m[rows] - gradients[places])
        m[rows] = moment
        p[rows] += rate * moment
    return p, m, settled(np.full(s.shape, total, F32))


# --- counters and bounds ---------------------------------------------------------------------------------------------


@operator(
    "RowWiseCounter",
    inputs=("prev_iter", "update_counter", "indices", "iter"),
    outputs=("output_prev_iter", "output_update_counter"),
    must_in_place=(("prev_iter", "output_prev_iter"), ("update_counter", "output_update_counter")),
    updates=("prev_iter", "update_counter"),
    infer=like(0, 1),
)
def row_wise_counter(
    last: Tensor, counts: Tensor, indices: Tensor, iteration: Tensor, *, counter_halflife: int = -1
) -> tuple[Tensor, Tensor]:
    """How often each row was used, where older uses count less: half after ``counter_halflife`` iterations.

    For each index, with the iterations since its row was used, but at least 1: count' = 1 + count 2^(-elapsed /
    halflife). Nothing is done where the half-life is 0 or less.

    Inputs:
        prev_iter: int64 vector, when each row was used last.
        update_counter: float64 vector, as long.
        indices: int32 or int64.
        iter: int64, one element, the iteration.
    Outputs:
        output_prev_iter, output_update_counter: the same blobs.
    Raises:
        OperatorError: an index is out of range.
    Example:
        RowWiseCounter([0 3]:i64, [0 1]:f64, [1]:i64, [5]:i64; counter_halflife=2) -> [0 5]:i64, [0 1.5]:f64
    """
    name = "RowWiseCounter"
    require_dtype(name, "prev_iter", last, {I64})
    require_dtype(name, "update_counter", counts, {F64})
    require_rank(name, "prev_iter", last, 1)
    require_one_shape(name, prev_iter=last, update_counter=counts)
    require_rows(name, indices, len(last))
    require_dtype(name, "iter", iteration, {I64})
    now = int(sole_element(name, "iter", iteration))
    if counter_halflife > 0:
        for rows, _ in rounds(indices):
            elapsed = np.maximum(now - last[rows], 1)
            counts[rows] = 1 + counts[rows] * np.exp2(-elapsed / counter_halflife)
            last[rows] = now
    return last, counts


def _check_power(*, p: float, reg_lambda: float) -> None:
    if p not in (1.0, 2.0):
        raise argument_error("SparseLpRegularizer", "p", f"must be 1.0 or 2.0, got {p}")
    if not reg_lambda >= 0:
        raise argument_error("SparseLpRegularizer", "reg_lambda", f"must be 0 or more, got {reg_lambda}")


def _require_rows_of(name: str, p: Tensor, indices: Tensor, g: Tensor | None) -> None:
    require_dtype(name, "param", p, F32_ONLY)
    require_least_rank(name, "param", p, 1)
    require_rows(name, indices, len(p))
    if g is not None:
        gradient_rows(name, p, indices, g)


@operator(
    "SparseLpRegularizer",
    inputs=("param", "indices", "grad?"),
    outputs=("output_param",),
    must_in_place=(("param", "output_param"),),
    updates=("param",),
    check=_check_power,
    infer=like(0),
)
def sparse_lp_regularizer(
    x: Tensor, indices: Tensor, g: Tensor | None = None, *, p: float = 2.0, reg_lambda: float = 1e-5
) -> Tensor:
    """The rows that the indices name shrunk: times 1 - ``reg_lambda``, or with ``p=1.0`` by it toward 0.

    Inputs:
        param: float32, rank 1 or more.
        indices: int32 or int64.
        grad: float32, a row for each index; only its shape is looked at.
    Outputs:
        output_param: the same blob.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseLpRegularizer([2 4], [1]:i32; reg_lambda=0.5) -> [2 2]
    """
    _require_rows_of("SparseLpRegularizer", x, indices, g)
    amount = Scalar(reg_lambda)
    for rows, _ in rounds(indices):
        if p == 2:
            x[rows] *= Scalar(1) - amount
        else:
            values = x[rows]
            x[rows] = np.sign(values) * np.maximum(np.abs(values) - amount, Scalar(0))
    return x


def _check_norm(*, norm: float, **_: object) -> None:
    if not norm > 0:
        raise argument_error("SparseNormalize", "norm", f"must be above 0, got {norm}")


@operator(
    "SparseNormalize",
    inputs=("param", "indices", "grad?"),
    outputs=("output_param",),
    must_in_place=(("param", "output_param"),),
    updates=("param",),
    check=_check_norm,
    infer=like(0),
)
def sparse_normalize(
    p: Tensor, indices: Tensor, g: Tensor | None = None, *, use_max_norm: bool = True, norm: float = 1.0
) -> Tensor:
    """The rows that the indices name scaled to the length ``norm``; with ``use_max_norm`` only those that are longer.

    Rows of zeros stay.

    Inputs:
        param: float32, rank 1 or more.
        indices: int32 or int64.
        grad: float32, a row for each index; only its shape is looked at.
    Outputs:
        output_param: the same blob.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseNormalize([[3 4] [0.3 0.4]], [0 1]:i32) -> [[0.6 0.8] [0.3 0.4]]
    """
    _require_rows_of("SparseNormalize", p, indices, g)
    rows, _ = next(rounds(indices))  # normalising a row again changes nothing
    values = p[rows].reshape(len(rows), math.prod(p.shape[1:]))
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float64))
    chosen = lengths > norm if use_max_norm else lengths > 0
    scaled = values[chosen] * (norm / lengths[chosen])[:, np.newaxis].astype(F32)
    p[rows[chosen]] = scaled.reshape(len(scaled), *p.shape[1:])
    return p


def _check_bounds(*, min: float, max: float) -> None:  # noqa: A002 - Caffe2's names
    if not min <= max:
        raise argument_error("EnsureClipped", "min", f"must be at most max={max}, got {min}")


@operator(
    "EnsureClipped",
    inputs=("param", "indices?", "grad?"),
    outputs=("output_param",),
    in_place=(("param", "output_param"),),
    updates=("param",),
    check=_check_bounds,
    infer=like(0),
)
def ensure_clipped(
    p: Tensor,
    indices: Tensor | None = None,
    g: Tensor | None = None,
    *,
    min: float = -math.inf,  # noqa: A002 - Caffe2's name
    max: float = math.inf,  # noqa: A002 - Caffe2's name
) -> Tensor:
    """The parameter clipped to lie between two bounds; with indices and gradient only the rows that are named.

    Inputs:
        param: float32.
        indices: int32 or int64.
        grad: float32, a row for each index; only its shape is looked at.
    Outputs:
        output_param: float32, param's shape.
    Raises:
        ArityError: there are indices and no gradient.
        OperatorError: an index is out of range.
    Example:
        EnsureClipped([[1 5] [7 -7]], [1]:i32, [[0 0]]; min=-1.0, max=1.0) -> [[1 5] [1 -1]]
    """
    name = "EnsureClipped"
    require_dtype(name, "param", p, F32_ONLY)
    if indices is None:
        np.clip(p, Scalar(min), Scalar(max), out=p)
        return p
    if g is None:
        msg = f"{name} takes param alone, or with indices and grad, got 2 inputs"
        raise ArityError(msg, operator=name)
    _require_rows_of(name, p, indices, g)
    rows, _ = next(rounds(indices))
    p[rows] = np.clip(p[rows], Scalar(min), Scalar(max))
    return p
