"""The operators most used, each beside the NumPy that one would write by hand, on small and on large inputs.

What is timed is the operator's body, with its checks of types and shapes, which NumPy written by hand does not have: on
small inputs they are most of the difference. In-place updates write into the arrays that they are given, on both sides.

Usage: python bench/operators.py [NAME]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from _paired import Paired, paired, seconds_of
from rich.console import Console
from rich.table import Table

import taskplan  # noqa: F401 - declares the operators
from taskplan.operators.registry import declaration, is_operator
from taskplan.plan.model import OpDef

ROUND_S = 0.02
"""About how long one side of a pair runs."""

F32 = np.float32
Arrays = list[Any]


@dataclass(frozen=True, slots=True)
class Workload:
    """An operator, its inputs for a size, and the same by hand."""

    name: str
    inputs: Callable[[int], Arrays]
    by_hand: Callable[..., object]
    small: int = 16
    large: int = 1_000_000
    arguments: dict[str, Any] = field(default_factory=dict)


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _vectors(count: int) -> Callable[[int], Arrays]:
    return lambda size: [_rng().random(size, F32) + F32(0.1) for _ in range(count)]


def _matrix(size: int) -> Arrays:
    return [_rng().random((max(size // 64, 2), 64), F32)]


def _squares(count: int) -> Callable[[int], Arrays]:
    return lambda size: [_rng().random((size, size), F32) for _ in range(count)]


def _integers(size: int) -> Arrays:
    return [_rng().integers(0, max(size // 4, 2), size)]


def _table_and_rows(size: int) -> Arrays:
    """A table of `size` rows of 32, and size / 10 indices of rows, none twice."""
    return [_rng().random((size, 32), F32), _rng().permutation(size)[: max(size // 10, 1)]]


def _lookups(size: int) -> Arrays:
    """A table of rows of 64, `size` indices, in segments of 20."""
    table = _rng().random((max(size // 10, 4), 64), F32)
    return [table, _rng().integers(0, len(table), size), np.full(size // 20, 20, np.int32)]


def _segments(size: int) -> Arrays:
    """`size` rows of 16, in segments of 20."""
    return [_rng().random((size, 16), F32), np.full(size // 20, 20, np.int32)]


def _starts(lengths: Any) -> Any:
    return np.cumsum(lengths) - lengths


def _softmax(x: Any) -> Any:
    e = np.exp(x - x.max(1, keepdims=True))
    e /= e.sum(1, keepdims=True)
    return e


def _softmax_with_loss(x: Any, labels: Any) -> Any:
    p = _softmax(x)
    return p, -np.log(np.maximum(p[np.arange(len(p)), labels], F32(1e-20))).mean()


def _top_k(x: Any) -> Any:
    at = np.argpartition(-x, 5)[:5]
    at = at[np.argsort(-x[at])]
    return x[at], at


def _adam(p: Any, m: Any, v: Any, g: Any, lr: Any, step: Any) -> Any:
    m *= F32(0.9)
    m += F32(0.1) * g
    v *= F32(0.999)
    v += F32(0.001) * (g * g)
    t = int(step[0]) + 1
    rate = F32(lr[0] * np.sqrt(1 - 0.999**t) / (1 - 0.9**t))
    update = np.sqrt(v)
    update += F32(1e-5)
    np.divide(m, update, out=update)
    update *= rate
    p += update
    return p, m, v


def _adagrad(p: Any, m: Any, g: Any, lr: Any) -> Any:
    m += g * g
    update = np.sqrt(m)
    update += F32(1e-5)
    np.divide(g, update, out=update)
    update *= lr[0]
    p += update
    return p, m


def _momentum(g: Any, m: Any, lr: Any, p: Any) -> Any:
    m *= F32(0.9)
    np.multiply(g, lr[0], out=g)
    m += g
    np.copyto(g, m)
    p -= m
    return g, m, p


def _sparse_adagrad(p: Any, m: Any, at: Any, g: Any, lr: Any) -> Any:
    moment = m[at] + g * g
    m[at] = moment
    p[at] += lr[0] * g / (np.sqrt(moment) + F32(1e-5))
    return p, m


def _scatter_weighted(x: Any, w: Any, at: Any, rows: Any, v: Any) -> Any:
    x[at] = w[0] * x[at] + v[0] * rows
    return x


def _scatter_assign(x: Any, at: Any, rows: Any) -> Any:
    x[at] = rows
    return x


def _layer_norm(x: Any) -> Any:
    mean = x.mean(1, keepdims=True)
    centred = x - mean
    deviation = np.sqrt((centred * centred).mean(1, keepdims=True) + F32(1e-5))
    return centred / deviation, mean, deviation


def _convolution(x: Any, w: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    n, c, h, wide, kh, kw = windows.shape
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * wide, c * kh * kw)
    return (columns @ w.reshape(len(w), -1).T).reshape(n, h, wide, len(w)).transpose(0, 3, 1, 2)


def _one_hot(at: Any, size: Any) -> Any:
    made = np.zeros((len(at), int(size[0])), F32)
    made[np.arange(len(at)), at] = 1
    return made


def _packed(lengths: Any, data: Any) -> Any:
    made = np.zeros((len(lengths), lengths.max(), *data.shape[1:]), data.dtype)
    made[np.arange(made.shape[1]) < lengths[:, None]] = data
    return made


def _rate(count: int) -> Any:
    return np.full(count, 0.01, F32)


def workloads() -> Iterator[Workload]:
    """The operators, about in the order of the catalogue."""
    two = _vectors(2)
    yield Workload("Add", two, np.add)
    yield Workload("Mul", two, np.multiply)
    yield Workload("Div", two, np.divide)
    yield Workload("Sum", _vectors(3), lambda a, b, c: a + b + c)
    yield Workload("LT", two, np.less)
    yield Workload("Where", lambda n: [_rng().random(n) < 0.5, *two(n)], np.where)
    yield Workload("Cast", _vectors(1), lambda x: x.astype(np.int32), arguments={"to": 2})
    yield Workload("Exp", _vectors(1), np.exp)
    yield Workload("Sigmoid", _vectors(1), lambda x: 1 / (1 + np.exp(-x)))
    yield Workload("Relu", _vectors(1), lambda x: np.maximum(x, F32(0)))
    yield Workload("Tanh", _vectors(1), np.tanh)
    yield Workload("Softmax", _matrix, _softmax)
    yield Workload("ReduceSum", _matrix, lambda x: x.sum(1, keepdims=True), arguments={"axes": (1,)})
    yield Workload("ReduceMean", _matrix, lambda x: x.mean(0, keepdims=True), arguments={"axes": (0,)})
    yield Workload("ArgMax", _matrix, lambda x: x.argmax(-1)[:, None])
    yield Workload("TopK", _vectors(1), _top_k, arguments={"k": 5})
    yield Workload(
        "FC", lambda n: [_rng().random((n, 64), F32), _rng().random((64, 64), F32), _rng().random(64, F32)],
        lambda x, w, b: x @ w.T + b, large=20_000,
    )  # fmt: skip
    yield Workload("MatMul", _squares(2), np.matmul, large=500)
    yield Workload("Transpose", _matrix, np.transpose)
    yield Workload("Concat", two, lambda a, b: np.concatenate([a, b]), arguments={"axis": 0})
    yield Workload("Gather", _table_and_rows, lambda table, at: table[at], large=100_000)
    yield Workload(
        "ScatterAssign", lambda n: [*_table_and_rows(n), _rng().random((max(n // 10, 1), 32), F32)], _scatter_assign,
        large=100_000,
    )  # fmt: skip
    yield Workload(
        "ScatterWeightedSum",
        lambda n: [
            _table_and_rows(n)[0], _rate(1), _table_and_rows(n)[1], _rng().random((max(n // 10, 1), 32), F32), _rate(1),
        ],
        _scatter_weighted, large=100_000,
    )  # fmt: skip
    yield Workload("Unique", _integers, lambda x: np.unique(x, return_inverse=True))
    yield Workload("BooleanMask", lambda n: [*_vectors(1)(n), _rng().random(n) < 0.5], lambda x, mask: x[mask])
    yield Workload("LengthsToRanges", lambda n: [np.full(n, 3, np.int32)], lambda x: np.stack([_starts(x), x], 1))
    yield Workload(
        "LengthsSum", _segments, lambda x, lengths: np.add.reduceat(x, _starts(lengths)), small=40, large=200_000
    )
    yield Workload(
        "SparseLengthsSum", _lookups, lambda x, at, lengths: np.add.reduceat(x[at], _starts(lengths)), small=40,
        large=200_000,
    )  # fmt: skip
    yield Workload(
        "SortedSegmentSum", lambda n: [_segments(n)[0], np.repeat(np.arange(n // 20, dtype=np.int32), 20)],
        lambda x, ids: np.add.reduceat(x, np.flatnonzero(np.diff(ids, prepend=-1))), small=40, large=200_000,
    )  # fmt: skip
    yield Workload("PackSegments", lambda n: _segments(n)[::-1], _packed, small=40, large=200_000)
    yield Workload("OneHot", lambda n: [_rng().integers(0, 64, n), np.array([64])], _one_hot, large=100_000)
    yield Workload(
        "SoftmaxWithLoss", lambda n: [*_matrix(n), _rng().integers(0, 64, max(n // 64, 2)).astype(np.int32)],
        _softmax_with_loss,
    )  # fmt: skip
    yield Workload("LayerNorm", _matrix, _layer_norm)
    yield Workload(
        "Conv", lambda n: [_rng().random((n, 16, 28, 28), F32), _rng().random((16, 16, 3, 3), F32)], _convolution,
        small=1, large=16, arguments={"kernel": 3},
    )  # fmt: skip
    yield Workload("Adam", lambda n: [*_vectors(4)(n), _rate(1), np.array([3])], _adam)
    yield Workload("Adagrad", lambda n: [*_vectors(3)(n), _rate(1)], _adagrad)
    yield Workload(
        "MomentumSGDUpdate", lambda n: [*two(n), _rate(1), *_vectors(1)(n)], _momentum, arguments={"momentum": 0.9}
    )
    yield Workload(
        "SparseAdagrad",
        lambda n: [
            _rng().random((n, 32), F32), _rng().random((n, 32), F32), _table_and_rows(n)[1],
            _rng().random((max(n // 10, 1), 32), F32), _rate(1),
        ],
        _sparse_adagrad, large=100_000,
    )  # fmt: skip


def measured(each: Workload, size: int) -> Paired:
    """Both sides on inputs of one size, each called so often that a round takes about `ROUND_S`."""
    declared = declaration(each.name)
    body = partial(declared.body, **each.arguments)
    if declared.wants_run:
        outputs = tuple(f"out{place}" for place in range(declared.output_range.start))
        body.keywords["run"] = SimpleNamespace(op=OpDef(each.name, (), outputs, {}), state={})
    ours, theirs = each.inputs(size), each.inputs(size)

    ours_times, their_times = _times(partial(body, *ours)), _times(partial(each.by_hand, *theirs))
    with np.errstate(all="ignore"):
        return paired(
            partial(_repeat, body, ours, ours_times), ours_times,
            partial(_repeat, each.by_hand, theirs, their_times), their_times,
        )  # fmt: skip


def _times(action: Callable[[], object]) -> int:
    """How often to call it for a round of about `ROUND_S`."""
    action()
    return max(1, int(ROUND_S / max(seconds_of(action), 1e-7)))


def _repeat(function: Callable[..., object], inputs: Arrays, times: int) -> None:
    for _ in range(times):
        function(*inputs)


def main() -> None:
    """Time and print every operator whose name holds the first argument."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    columns = ("ours µs", "by hand µs", "ratio", "half of the pairs")
    table = Table("operator", *(f"{size}: {each}" for size in ("small", "large") for each in columns), title="medians")
    for each in workloads():
        if wanted in each.name and is_operator(each.name):
            cells = []
            for size in (each.small, each.large):
                found = measured(each, size)
                half = f"{found.low:.2f} to {found.high:.2f}"
                cells += [f"{found.ours_us:.2f}", f"{found.yardstick_us:.2f}", f"{found.ratio:.2f}", half]
            table.add_row(each.name, *cells)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
