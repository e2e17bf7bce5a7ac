"""Products of matrices and vectors, weighted sums, and distances between rows."""

from __future__ import annotations

import math

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Size, TensorSpec, broadcast, like, product
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    FLOATS,
    Tensor,
    axis_within,
    require_dtype,
    require_least_rank,
    require_one_shape,
    require_rank,
    sole_element,
)
from taskplan.operators.registry import UNLIMITED, operator


def _as_matrix(name: str, slot: str, x: Tensor, axis: int) -> Tensor:
    """`x` with the axes before `axis` made one, and the others another."""
    require_dtype(name, slot, x, F32_ONLY)
    split = axis_within(name, axis, x.ndim)
    return x.reshape((math.prod(x.shape[:split]), math.prod(x.shape[split:])))


def _product(name: str, a: Tensor, b: Tensor) -> Tensor:
    try:
        product: Tensor = np.matmul(a, b)
    except ValueError:
        msg = f"{name}: the matrices have shapes {a.shape} and {b.shape}, which cannot be multiplied"
        raise ShapeError(msg, operator=name) from None
    return product


_COLUMNS = 4096
"""Sums of so many products each, added up, lose less than one sum of all."""


def _dot_of_rows(a: Tensor, b: Tensor) -> Tensor:
    """The dot product of each row of a matrix with that of another, without a matrix of products."""
    if a.shape[1] == 1:
        return a[:, 0] * b[:, 0]
    total: Tensor = np.vecdot(a[:, :_COLUMNS], b[:, :_COLUMNS])
    for begin in range(_COLUMNS, a.shape[1], _COLUMNS):
        total += np.vecdot(a[:, begin : begin + _COLUMNS], b[:, begin : begin + _COLUMNS])
    return total


# --- products --------------------------------------------------------------------------------------------------------


def _connected_spec(x: TensorSpec, _w: object, b: TensorSpec, *, axis: int) -> TensorSpec:
    return TensorSpec(F32, x.sizes[: axis % x.rank] + b.sizes)


@operator("FC", inputs=("X", "W", "b"), outputs=("Y",), infer=_connected_spec)
def fully_connected(
    x: Tensor,
    w: Tensor,
    b: Tensor,
    *,
    axis: int = 1,
    axis_w: int = 1,
    float16_compute: bool = False,  # noqa: ARG001 - programs pass it, and it concerns other devices
) -> Tensor:
    """Y = X times W transposed, plus b, where X and W are matrices split at ``axis`` and ``axis_w``.

    Inputs:
        X: float32, rank 2 or more, K elements from ``axis`` on.
        W: float32, N rows of K elements.
        b: float32 vector of N elements.
    Outputs:
        Y: float32; X's sizes before ``axis``, then N.
    Raises:
        ShapeError: the sizes do not agree.
    Example:
        FC([[1 2]], [[3 4]], [10]) -> [[21]]
    """
    return _connected("FC", x, _as_matrix("FC", "W", w, axis_w).T, b, axis)


@operator("FCTransposed", inputs=("X", "W", "b"), outputs=("Y",), infer=_connected_spec)
def fully_connected_transposed(x: Tensor, w: Tensor, b: Tensor, *, axis: int = 1, axis_w: int = 1) -> Tensor:
    """Y = X times W plus b, as `FC` with W given transposed.

    Inputs:
        X: float32, rank 2 or more, K elements from ``axis`` on.
        W: float32, K rows of N elements.
        b: float32 vector of N elements.
    Outputs:
        Y: float32; X's sizes before ``axis``, then N.
    Example:
        FCTransposed([[1 2]], [[3] [4]], [10]) -> [[21]]
    """
    return _connected("FCTransposed", x, _as_matrix("FCTransposed", "W", w, axis_w), b, axis)


def _connected(name: str, x: Tensor, weights: Tensor, b: Tensor, axis: int) -> Tensor:
    rows = _as_matrix(name, "X", x, axis)
    require_dtype(name, "b", b, F32_ONLY)
    if b.shape != weights.shape[1:]:
        msg = f"{name}: b has shape {b.shape}, expected {weights.shape[1:]}, one element for each output of W"
        raise ShapeError(msg, operator=name)
    result = _product(name, rows, weights)
    result += b
    return result.reshape((*x.shape[: axis_within(name, axis, x.ndim)], len(b)))


def _matrix_spec(
    a: TensorSpec, b: TensorSpec, _unused: object = None, *, axis_a: int, axis_b: int, trans_a: bool, trans_b: bool
) -> TensorSpec:
    rows = product(a.sizes[axis_a:] if trans_a else a.sizes[:axis_a])
    columns = product(b.sizes[:axis_b] if trans_b else b.sizes[axis_b:])
    return TensorSpec(F32, (rows, columns))


@operator("MatMul", inputs=("A", "B", "unused?"), outputs=("Y",), infer=_matrix_spec)
def matrix_product(
    a: Tensor,
    b: Tensor,
    unused: Tensor | None = None,  # noqa: ARG001 - an old form has a third input
    *,
    axis_a: int = 1,
    axis_b: int = 1,
    trans_a: bool = False,
    trans_b: bool = False,
) -> Tensor:
    """Y = A times B, as matrices split at ``axis_a`` and ``axis_b``, transposed first where asked for.

    Inputs:
        A, B: float32, rank 2 or more.
        unused: not looked at.
    Outputs:
        Y: float32, rank 2.
    Raises:
        ShapeError: the sizes do not agree.
    Example:
        MatMul([[1 2]], [[3] [4]]) -> [[11]]
    """
    left, right = _as_matrix("MatMul", "A", a, axis_a), _as_matrix("MatMul", "B", b, axis_b)
    return _product("MatMul", left.T if trans_a else left, right.T if trans_b else right)


def _batch_spec(a: TensorSpec, b: TensorSpec, *, trans_a: bool, trans_b: bool) -> TensorSpec:
    if a.rank == b.rank == 1:
        return TensorSpec(F32, (1,))
    rows: tuple[Size, ...] = () if a.rank == 1 else (a.sizes[-1 if trans_a else -2],)
    columns: tuple[Size, ...] = () if b.rank == 1 else (b.sizes[-2 if trans_b else -1],)
    return TensorSpec(F32, (*broadcast(a.sizes[:-2], b.sizes[:-2]), *rows, *columns))


@operator("BatchMatMul", inputs=("A", "B"), outputs=("Y",), infer=_batch_spec)
def batch_matrix_product(
    a: Tensor, b: Tensor, *, trans_a: bool = False, trans_b: bool = False, broadcast: bool = False
) -> Tensor:
    """Y = A times B over the last two axes, for each place of the axes before them.

    Inputs:
        A, B: float32; equal axes before the last two, or with ``broadcast`` such as broadcast. Two vectors give their
            dot product.
    Outputs:
        Y: float32.
    Raises:
        ShapeError: the sizes do not agree.
    Example:
        BatchMatMul([1 2], [3 4]) -> [11]
    """
    name = "BatchMatMul"
    for slot, each in (("A", a), ("B", b)):
        require_dtype(name, slot, each, F32_ONLY)
        require_least_rank(name, slot, each, 1)
    if a.ndim == b.ndim == 1:
        require_one_shape(name, A=a, B=b)
        return _dot_of_rows(a[np.newaxis], b[np.newaxis])
    if not broadcast and (a.ndim != b.ndim or a.shape[:-2] != b.shape[:-2]):
        msg = f"{name}: A has shape {a.shape}, B has shape {b.shape}; their batch axes differ, pass broadcast=True"
        raise ShapeError(msg, operator=name)
    left = a.swapaxes(-1, -2) if trans_a and a.ndim > 1 else a
    right = b.swapaxes(-1, -2) if trans_b and b.ndim > 1 else b
    return _product(name, left, right)


# --- scaling and sums ------------------------------------------------------------------------------------------------


@operator("Scale", inputs=("input",), outputs=("output",), in_place=(("input", "output"),), infer=like(0))
def scale_by(x: Tensor, *, scale: float = 1.0) -> Tensor:
    """The input times ``scale``.

    Inputs:
        input: float32 or float64, any shape.
    Outputs:
        output: the input's dtype and shape.
    Example:
        Scale([1 2]; scale=3.0) -> [3 6]
    """
    require_dtype("Scale", "input", x, FLOATS)
    scaled: Tensor = x * x.dtype.type(scale)
    return scaled


@operator("RowMul", inputs=("mat", "w"), outputs=("output",), infer=like(0))
def row_mul(x: Tensor, w: Tensor) -> Tensor:
    """Each row times its weight.

    Inputs:
        mat: float32, rank 1 or more.
        w: float32 vector, one element a row.
    Outputs:
        output: float32, mat's shape.
    Example:
        RowMul([[1 2] [3 4]], [10 1]) -> [[10 20] [3 4]]
    """
    require_dtype("RowMul", "mat", x, F32_ONLY)
    require_dtype("RowMul", "w", w, F32_ONLY)
    require_least_rank("RowMul", "mat", x, 1)
    if w.shape != x.shape[:1]:
        msg = f"RowMul: w has shape {w.shape}, mat has shape {x.shape}; expected one element a row"
        raise ShapeError(msg, operator="RowMul")
    return x * w.reshape((-1,) + (1,) * (x.ndim - 1))


@operator("ElementwiseLinear", inputs=("X", "w", "b"), outputs=("Y",), infer=like(0))
def elementwise_linear(x: Tensor, w: Tensor, b: Tensor, *, axis: int = 1) -> Tensor:
    """Y = X w + b, for each row of X, which is a matrix split at ``axis``.

    Inputs:
        X: float32, rank above ``axis``.
        w, b: float32 vectors, one element a column.
    Outputs:
        Y: float32, X's shape.
    Example:
        ElementwiseLinear([[1 1]], [2 3], [0 1]) -> [[2 4]]
    """
    name = "ElementwiseLinear"
    rows = _as_matrix(name, "X", x, axis)
    for slot, each in (("w", w), ("b", b)):
        require_dtype(name, slot, each, F32_ONLY)
        if each.shape != rows.shape[1:]:
            msg = f"{name}: {slot} has shape {each.shape}, expected {rows.shape[1:]}, one element a column of X"
            raise ShapeError(msg, operator=name)
    result = rows * w
    result += b
    return result.reshape(x.shape)


@operator(
    "WeightedSum",
    inputs=("X_0", "weight_0", "more*"),
    outputs=("output",),
    in_place=(("X_0", "output"),),
    infer=like(0),
    updates=("X_0",),
    input_counts=range(2, UNLIMITED, 2),
)
def weighted_sum(*pairs: Tensor) -> Tensor:
    """The sum of the tensors, each times its weight.

    Inputs:
        X_0: float32, at least one element.
        weight_0: float32, one element.
        more: further pairs, of as many elements.
    Outputs:
        output: float32, X_0's shape.
    Raises:
        ShapeError: numbers of elements differ.
    Example:
        WeightedSum([1 2], [2], [3 4], [0.5]) -> [3.5 6]
    """
    name, first = "WeightedSum", pairs[0]
    weights = []
    for rank, (x, weight) in enumerate(zip(pairs[::2], pairs[1::2], strict=True)):
        require_dtype(name, f"X_{rank}", x, F32_ONLY)
        require_dtype(name, f"weight_{rank}", weight, F32_ONLY)
        if x.size != first.size or not x.size:
            shapes = f"X_{rank} has shape {x.shape}, X_0 has shape {first.shape}"
            msg = f"{name}: {shapes}; expected as many elements, and not none"
            raise ShapeError(msg, operator=name)
        weights.append(sole_element(name, f"weight_{rank}", weight))
    if weights[0] != 1:
        first *= weights[0]
    for x, weight in zip(pairs[2::2], weights[1:], strict=True):
        first += x.reshape(first.shape) * weight
    return first


# --- between rows ----------------------------------------------------------------------------------------------------


def _rows(name: str, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both as matrices of one row for each entry of the first axis."""
    require_dtype(name, "X", x, F32_ONLY)
    require_dtype(name, "Y", y, F32_ONLY)
    require_one_shape(name, X=x, Y=y)
    shape = (x.shape[0], math.prod(x.shape[1:])) if x.ndim else (1, 1)
    return x.reshape(shape), y.reshape(shape)


def _one_a_row(x: TensorSpec, _y: object) -> TensorSpec:
    return TensorSpec(F32, x.sizes[:1] or (1,))


@operator("DotProduct", inputs=("X", "Y"), outputs=("Z",), infer=_one_a_row)
def dot_product(x: Tensor, y: Tensor) -> Tensor:
    """The dot product of each row of X with that of Y; a row is all but the first axis.

    Inputs:
        X, Y: float32, of one shape.
    Outputs:
        Z: float32 vector, one element a row.
    Example:
        DotProduct([[1 2]], [[3 4]]) -> [11]
    """
    a, b = _rows("DotProduct", x, y)
    return _dot_of_rows(a, b)


@operator("L1Distance", inputs=("X", "Y"), outputs=("Z",), infer=_one_a_row)
def l1_distance(x: Tensor, y: Tensor) -> Tensor:
    """The sum of the magnitudes of the differences between each row of X and that of Y.

    Inputs:
        X, Y: float32, of one shape.
    Outputs:
        Z: float32 vector, one element a row.
    Example:
        L1Distance([[1 2]], [[5 6]]) -> [8]
    """
    a, b = _rows("L1Distance", x, y)
    difference: Tensor = a - b
    total: Tensor = np.absolute(difference, out=difference).sum(1, dtype=F32)
    return total


@operator("SquaredL2Distance", inputs=("X", "Y"), outputs=("Z",), infer=_one_a_row)
def squared_l2_distance(x: Tensor, y: Tensor) -> Tensor:
    """**Half** the sum of the squares of the differences between each row of X and that of Y.

    Inputs:
        X, Y: float32, of one shape.
    Outputs:
        Z: float32 vector, one element a row.
    Example:
        SquaredL2Distance([[1 2]], [[5 6]]) -> [16]
    """
    a, b = _rows("SquaredL2Distance", x, y)
    difference: Tensor = a - b
    return _dot_of_rows(difference, difference) * np.float32(0.5)


@operator("CosineSimilarity", inputs=("X", "Y"), outputs=("Z",), infer=_one_a_row)
def cosine_similarity(x: Tensor, y: Tensor) -> Tensor:
    """The cosine of the angle between each row of X and that of Y; the product of norms counts as 1e-12 at least.

    Inputs:
        X, Y: float32, of one shape.
    Outputs:
        Z: float32 vector, one element a row.
    Example:
        CosineSimilarity([[1 0]], [[1 0]]) -> [1]
    """
    a, b = _rows("CosineSimilarity", x, y)
    norms = np.sqrt(_dot_of_rows(a, a)) * np.sqrt(_dot_of_rows(b, b))
    cosines: Tensor = _dot_of_rows(a, b) / np.maximum(norms, np.float32(1e-12))
    return cosines


@operator("DotProductWithPadding", inputs=("X", "Y"), outputs=("Z",), infer=_one_a_row)
def dot_product_with_padding(x: Tensor, y: Tensor, *, pad_value: float = 0.0, replicate: bool = False) -> Tensor:
    """The dot product of each row of X with that of Y, where the narrower matrix is widened.

    With ``pad_value``, or with ``replicate`` by repeating it, where what is left over counts 0.

    Inputs:
        X, Y: float32 matrices of one height.
    Outputs:
        Z: float32 vector, one element a row.
    Raises:
        ShapeError: the heights differ.
    Example:
        DotProductWithPadding([[1 2 3]], [[1 1]]; pad_value=1.0) -> [6]
    """
    name = "DotProductWithPadding"
    for slot, each in (("X", x), ("Y", y)):
        require_dtype(name, slot, each, F32_ONLY)
        require_rank(name, slot, each, 2)
    if len(x) != len(y):
        msg = f"{name}: X has shape {x.shape}, Y has shape {y.shape}; expected one height"
        raise ShapeError(msg, operator=name)
    narrow, wide = (x, y) if x.shape[1] <= y.shape[1] else (y, x)
    width = narrow.shape[1]
    if replicate and width:
        times = wide.shape[1] // width
        parts = wide[:, : times * width].reshape((len(wide), times, width))
        repeated: Tensor = np.vecdot(parts, narrow[:, np.newaxis]).sum(1, dtype=F32)
        return repeated
    total = _dot_of_rows(wide[:, :width], narrow)
    if pad_value and not replicate:
        total += np.float32(pad_value) * wide[:, width:].sum(1, dtype=F32)
    return total
