"""Updates of the rows of parameters that sparse gradients name.

Only those rows are touched. A row that is named several times is updated as often, one time after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Inferred, TensorSpec, like
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    INDICES,
    Tensor,
    require_alike,
    require_dtype,
    require_in_range,
    require_least_rank,
    sole_element,
)
from taskplan.operators.optimisers import (
    Scalar,
    adam_moments,
    adam_rate,
    betas_check,
    momentum_step,
    one_number,
)
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun

Places = Tensor | slice
"""Which of the indices, and so which rows of the gradient, a round is about."""


def rounds(indices: Tensor) -> Iterator[tuple[Tensor, Places]]:
    """The rows to update, in rounds in which each is named once at most, with the places of the indices that name them.

    The first round has the first mention of each row, the second the second one, and so on.
    """
    flat = indices.reshape(-1)
    ordered = np.sort(flat)
    if not (ordered[1:] == ordered[:-1]).any():
        yield flat, slice(None)
        return
    # Sorting keys that have the place in them is a stable sort, and three times as fast as `argsort`.
    count, wide = len(flat), np.asarray(flat, np.int64)
    order = np.sort(wide * count + np.arange(count)) % count
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    mention = np.arange(count) - np.repeat(first, np.diff(first, append=count))
    by_round = np.sort(mention * count + order) % count
    for places in np.split(by_round, np.cumsum(np.bincount(mention))[:-1]):
        yield flat[places], places


def require_rows(name: str, indices: Tensor, size: int) -> None:
    """Raise DtypeError unless they are indices, OperatorError if one names no row."""
    require_dtype(name, "indices", indices, INDICES)
    require_in_range(name, "index", indices, size, f"{size} rows")


def gradient_rows(name: str, p: Tensor, indices: Tensor, g: Tensor) -> Tensor:
    """The gradient as one row of the parameter for each index.

    Raises:
        DtypeError, ShapeError, OperatorError: they do not fit together.
    """
    require_dtype(name, "param", p, F32_ONLY)
    require_dtype(name, "grad", g, F32_ONLY)
    require_least_rank(name, "param", p, 1)
    require_rows(name, indices, len(p))
    expected = (*indices.shape, *p.shape[1:])
    if g.shape[: indices.ndim] != indices.shape or g.size != math.prod(expected):
        msg = f"{name}: grad has shape {g.shape}, param has shape {p.shape}; expected {expected}, a row for each index"
        raise ShapeError(msg, operator=name)
    return g.reshape(indices.size, *p.shape[1:])


def require_one_a_row(name: str, slot: str, x: Tensor, p: Tensor) -> None:
    """Raise DtypeError or ShapeError unless `x` is float32 and has one number for each row of `p`."""
    require_dtype(name, slot, x, F32_ONLY)
    if x.shape != p.shape[:1]:
        msg = f"{name}: {slot} has shape {x.shape}, expected {p.shape[:1]}, one number for each row of param"
        raise ShapeError(msg, operator=name)


def _row_means(squares: Tensor) -> Tensor:
    flat = squares.reshape(len(squares), math.prod(squares.shape[1:]))
    means: Tensor = flat.mean(1, dtype=F32) if flat.shape[1] else np.zeros(len(flat), F32)
    return means


def _beside(values: Tensor, rows: Tensor) -> Tensor:
    """One number a row, in a shape that broadcasts along the rows."""
    return values.reshape(-1, *(1,) * (rows.ndim - 1))


# --- momentum and Adagrad --------------------------------------------------------------------------------------------


@operator(
    "SparseMomentumSGDUpdate",
    inputs=("grad", "moment", "lr", "param", "indices"),
    outputs=("output_grad", "output_moment", "output_param"),
    in_place=(("grad", "output_grad"),),
    must_in_place=(("moment", "output_moment"), ("param", "output_param")),
    updates=("grad", "moment", "param"),
    infer=like(0, 1, 3),
)
def sparse_momentum_sgd_update(
    g: Tensor,
    m: Tensor,
    lr: Tensor,
    p: Tensor,
    indices: Tensor,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """`MomentumSGDUpdate` of the rows that the indices name.

    Inputs:
        grad: float32, a row for each index.
        moment, param: float32, one shape.
        lr: float32, one element, positive to descend.
        indices: int32 or int64.
    Outputs:
        output_grad: the steps.
        output_moment, output_param: the same blobs.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseMomentumSGDUpdate([[1]], [[0] [0]], [0.5], [[1] [2]], [1]:i32) -> [[0.5]], [[0] [0.5]], [[1] [1.5]]
    """
    name = "SparseMomentumSGDUpdate"
    require_alike(name, moment=m, param=p)
    steps, rate = gradient_rows(name, p, indices, g), one_number(name, "lr", lr)
    for rows, places in rounds(indices):
        step, moment = steps[places], m[rows]
        momentum_step(step, moment, rate, Scalar(momentum), nesterov=nesterov)
        steps[places], m[rows] = step, moment
        p[rows] -= step
    return g, m, p


@operator(
    "SparseAdagrad",
    inputs=("param", "moment", "indices", "grad", "lr"),
    outputs=("output_param", "output_moment_1"),
    must_in_place=(("param", "output_param"), ("moment", "output_moment_1")),
    updates=("param", "moment"),
    infer=like(0, 1),
)
def sparse_adagrad(
    p: Tensor, m: Tensor, indices: Tensor, g: Tensor, lr: Tensor, *, epsilon: float = 1e-5
) -> tuple[Tensor, Tensor]:
    """`Adagrad` of the rows that the indices name.

    Inputs:
        param, moment: float32, one shape.
        indices: int32 or int64.
        grad: float32, a row for each index.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_moment_1: the same blobs.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseAdagrad([[1] [2]], [[0] [0]], [1]:i32, [[2]], [1]; epsilon=0.0) -> [[1] [3]], [[0] [4]]
    """
    name = "SparseAdagrad"
    require_alike(name, param=p, moment=m)
    gradients, rate, small = gradient_rows(name, p, indices, g), one_number(name, "lr", lr), Scalar(epsilon)
    for rows, places in rounds(indices):
        gradient = gradients[places]
        moment = m[rows]
        moment += gradient * gradient
        m[rows] = moment
        np.sqrt(moment, out=moment)
        moment += small
        np.divide(gradient, moment, out=moment)
        moment *= rate
        p[rows] += moment
    return p, m


@operator(
    "RowWiseSparseAdagrad",
    inputs=("param", "moment", "indices", "grad", "lr"),
    outputs=("output_param", "output_moment_1"),
    must_in_place=(("param", "output_param"), ("moment", "output_moment_1")),
    updates=("param", "moment"),
    infer=like(0, 1),
)
def row_wise_sparse_adagrad(
    p: Tensor, m: Tensor, indices: Tensor, g: Tensor, lr: Tensor, *, epsilon: float = 1e-5
) -> tuple[Tensor, Tensor]:
    """`SparseAdagrad` with one moment a row, which grows by the mean of the squared gradient.

    Inputs:
        param: float32, rank 1 or more.
        moment: float32 vector, one number a row.
        indices: int32 or int64.
        grad: float32, a row for each index.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_moment_1: the same blobs.
    Raises:
        OperatorError: an index is out of range.
    Example:
        RowWiseSparseAdagrad([[1 1]], [0], [0]:i32, [[2 2]], [1]; epsilon=0.0) -> [[2 2]], [4]
    """
    name = "RowWiseSparseAdagrad"
    gradients, rate = gradient_rows(name, p, indices, g), one_number(name, "lr", lr)
    require_one_a_row(name, "moment", m, p)
    for rows, places in rounds(indices):
        gradient = gradients[places]
        moment = m[rows] + _row_means(gradient * gradient)
        m[rows] = moment
        p[rows] += _beside(rate / (np.sqrt(moment) + Scalar(epsilon)), p) * gradient
    return p, m


# --- Adam ------------------------------------------------------------------------------------------------------------


def _moments_and_grad(*inputs: TensorSpec, outputs: int) -> Inferred:
    return [*inputs[:3], inputs[4]][:outputs]


def _rectified(m: Tensor, v: Tensor, iteration: Tensor, beta1: float, beta2: float, epsilon: float) -> Tensor:
    """The update of RAdam: with the variance rectified once there are enough steps."""
    t = int(sole_element("SparseAdam", "iter", iteration)) + 1
    bound = 2 / (1 - beta2) - 1
    length = bound - 2 * t * beta2**t / (1 - beta2**t)
    mean = m / Scalar(1 - beta1**t)
    if length < 5:
        return mean
    share = (length - 4) * (length - 2) * bound / ((bound - 4) * (bound - 2) * length)
    update: Tensor = Scalar(math.sqrt(share)) * mean / (np.sqrt(v / Scalar(1 - beta2**t)) + Scalar(epsilon))
    return update


@operator(
    "SparseAdam",
    inputs=("param", "moment_1", "moment_2", "indices", "grad", "lr", "iter"),
    outputs=("output_param", "output_moment_1", "output_moment_2", "output_grad?"),
    must_in_place=(("param", "output_param"), ("moment_1", "output_moment_1"), ("moment_2", "output_moment_2")),
    updates=("param", "moment_1", "moment_2"),
    check=betas_check("SparseAdam"),
    infer=_moments_and_grad,
)
def sparse_adam(
    p: Tensor,
    m: Tensor,
    v: Tensor,
    indices: Tensor,
    g: Tensor,
    lr: Tensor,
    iteration: Tensor,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-5,
    enableRAdam: bool = False,  # noqa: N803 - Caffe2's name
    run: OpRun,
) -> tuple[Tensor, ...]:
    """`Adam` of the rows that the indices name; with ``enableRAdam`` its rectified form.

    With r_max = 2 / (1 - beta2) - 1 and r = r_max - 2 t beta2^t / (1 - beta2^t) that is, for r < 5,
    u = m' / (1 - beta1^t), and else u = R m' / (1 - beta1^t) / (sqrt(v' / (1 - beta2^t)) + ``epsilon``), where
    R^2 = (r - 4)(r - 2) r_max / ((r_max - 4)(r_max - 2) r). After Liu and others, 2019.

    Inputs:
        param, moment_1, moment_2: float32, one shape.
        indices: int32 or int64.
        grad: float32, a row for each index.
        lr: float32, one element, negative to descend.
        iter: int64, one element, from 0 on.
    Outputs:
        output_param, output_moment_1, output_moment_2: the same blobs.
        output_grad: u, a row for each index.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseAdam([1], [0], [0], [0]:i32, [1], [1], [0]:i64; epsilon=0.0) -> [2], [0.1], [0.001]
    """
    name = "SparseAdam"
    require_alike(name, param=p, moment_1=m, moment_2=v)
    gradients, rate = gradient_rows(name, p, indices, g), one_number(name, "lr", lr)
    correction = adam_rate(iteration, name, beta1, beta2)
    asked = [np.empty_like(gradients) for _ in range(len(run.op.outputs) - 3)]
    for rows, places in rounds(indices):
        gradient, first, second = gradients[places], m[rows], v[rows]
        adam_moments(first, second, gradient, beta1, beta2)
        m[rows], v[rows] = first, second
        if enableRAdam:
            update = _rectified(first, second, iteration, beta1, beta2, epsilon)
        else:
            update = correction * first / (np.sqrt(second) + Scalar(epsilon))
        for each in asked:
            each[places] = update
        p[rows] += rate * update
    return p, m, v, *(each.reshape(g.shape) for each in asked)


@operator(
    "RowWiseSparseAdam",
    inputs=("param", "moment_1", "moment_2", "indices", "grad", "lr", "iter"),
    outputs=("output_param", "output_moment_1", "output_moment_2", "output_grad?"),
    must_in_place=(("param", "output_param"), ("moment_1", "output_moment_1"), ("moment_2", "output_moment_2")),
    updates=("param", "moment_1", "moment_2"),
    check=betas_check("RowWiseSparseAdam"),
    infer=_moments_and_grad,
)
def row_wise_sparse_adam(
    p: Tensor,
    m: Tensor,
    v: Tensor,
    indices: Tensor,
    g: Tensor,
    lr: Tensor,
    iteration: Tensor,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-5,
    run: OpRun,
) -> tuple[Tensor, ...]:
    """`SparseAdam` with one second moment a row, that of the mean of the squared gradient.

    Inputs:
        param, moment_1: float32, one shape.
        moment_2: float32 vector, one number a row.
        indices: int32 or int64.
        grad: float32, a row for each index.
        lr: float32, one element, negative to descend.
        iter: int64, one element, from 0 on.
    Outputs:
        output_param, output_moment_1, output_moment_2: the same blobs.
        output_grad: u, a row for each index.
    Raises:
        OperatorError: an index is out of range.
    Example:
        RowWiseSparseAdam([1], [0], [0], [0]:i32, [1], [1], [0]:i64; epsilon=0.0) -> [2], [0.1], [0.001]
    """
    name = "RowWiseSparseAdam"
    require_alike(name, param=p, moment_1=m)
    gradients, rate = gradient_rows(name, p, indices, g), one_number(name, "lr", lr)
    require_one_a_row(name, "moment_2", v, p)
    correction = adam_rate(iteration, name, beta1, beta2)
    asked = [np.empty_like(gradients) for _ in range(len(run.op.outputs) - 3)]
    for rows, places in rounds(indices):
        gradient = gradients[places]
        first = Scalar(beta1) * m[rows] + Scalar(1 - beta1) * gradient
        second = Scalar(beta2) * v[rows] + Scalar(1 - beta2) * _row_means(gradient * gradient)
        m[rows], v[rows] = first, second
        update = correction * first / _beside(np.sqrt(second) + Scalar(epsilon), p)
        for each in asked:
            each[places] = update
        p[rows] += rate * update
    return p, m, v, *(each.reshape(g.shape) for each in asked)
