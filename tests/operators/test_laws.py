"""Laws of families of operators: inverse pairs, in place and not, and inference on shapes drawn at random."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tests.operators.calling import call, call_in_place, held, plain
from tests.operators.recorded import sample_of, successful_cases
from tests.operators.samples import Sample
from tests.operators.test_inference import inferred

from taskplan.operators.registry import ANY_PAIR, declaration, is_operator

EXAMPLES = 25
few = settings(max_examples=EXAMPLES)

NUMBERS = st.sampled_from(["float32", "float64", "int32", "int64"])


# --- in place ---------------------------------------------------------------------------------------------------------


def optional_pairs(case: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Pairs (input, output) of a call that may be one blob, and are not in the recorded case."""
    declared = declaration(case["op"])
    if declared.in_place == ANY_PAIR:
        return []
    places = declared.places(declared.in_place, len(case["inputs"]), case["num_outputs"])
    taken = {output for _, output in case.get("inplace", ())}
    return [
        (source, output)
        for source, output in places
        if output not in taken and case["inputs"][source]["shape"] == case["outputs"][output]["shape"]
    ]


IN_PLACE = [
    pytest.param(case, source, output, id=f"{case['id']}-{source}-{output}")
    for case in successful_cases()
    if is_operator(case["op"])
    for source, output in optional_pairs(case)
]


@pytest.mark.parametrize(("case", "source", "output"), IN_PLACE)
def test_in_place_gives_what_a_new_blob_gets(case: Mapping[str, Any], source: int, output: int) -> None:
    sample = sample_of(case)
    apart = call_in_place(case["op"], sample.inputs, sample.in_place, sample.outputs, sample.arguments)

    together = call_in_place(
        case["op"], sample.inputs, {**sample.in_place, output: source}, sample.outputs, sample.arguments
    )

    for a, b in zip(apart, together, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


# --- inference --------------------------------------------------------------------------------------------------------


def assert_inferred(kind: str, *values: Any, outputs: int = 1, **arguments: Any) -> None:
    """What is inferred is just what comes out."""
    results = call(kind, *values, outputs=outputs, **arguments)
    given = {name: plain(value) for name, value in arguments.items()}
    specs = inferred(kind, Sample([held(value) for value in values], given, outputs))
    for spec, got in zip(specs, results if outputs > 1 else [results], strict=True):
        assert spec is not None
        assert (spec.dtype, spec.shape) == (got.dtype, got.shape)


def arrays(dtype: Any = "float32", **shape: Any) -> st.SearchStrategy[Any]:
    return npst.arrays(
        dtype, npst.array_shapes(**{"min_dims": 0, "max_dims": 4, "min_side": 0, "max_side": 4, **shape})
    )


def zeros(shape: tuple[int, ...], dtype: str = "float32") -> Any:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "LT", "GE", "EQ", "NE"])
@given(shapes=npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0), dtype=NUMBERS)
@few
def test_two_operands_broadcast_as_inferred(kind: str, shapes: Any, dtype: str) -> None:
    a, b = shapes.input_shapes

    assert_inferred(kind, zeros(a, dtype), zeros(b, dtype))


@pytest.mark.parametrize("kind", ["Abs", "Exp", "Sigmoid", "Relu", "Softplus", "IsNaN", "Copy", "Sqr", "Elu", "Clip"])
@given(x=arrays())
@few
def test_functions_of_one_tensor_have_the_shape_that_is_inferred(kind: str, x: Any) -> None:
    assert_inferred(kind, x)


@pytest.mark.parametrize("kind", ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"])
@given(data=st.data(), x=arrays(min_dims=1), keepdims=st.booleans())
@few
def test_reductions_have_the_shape_that_is_inferred(kind: str, data: Any, x: Any, keepdims: bool) -> None:
    axes = data.draw(st.lists(st.integers(-x.ndim, x.ndim - 1), unique_by=lambda axis: axis % x.ndim))

    assert_inferred(kind, x, axes=axes, keepdims=keepdims)


@pytest.mark.parametrize("kind", ["ArgMax", "ArgMin"])
@given(data=st.data(), x=arrays(min_dims=1, min_side=1), keepdims=st.booleans())
@few
def test_positions_of_extremes_have_the_shape_that_is_inferred(kind: str, data: Any, x: Any, keepdims: bool) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))

    assert_inferred(kind, x, axis=axis, keepdims=keepdims)


@given(data=st.data(), x=arrays(min_dims=1))
@few
def test_gathering_has_the_shape_that_is_inferred(data: Any, x: Any) -> None:
    axis = data.draw(st.integers(0, x.ndim - 1))
    at = data.draw(arrays("int32", max_dims=2)) * 0
    if x.shape[axis]:
        assert_inferred("Gather", x, at, axis=axis)


@given(sizes=st.lists(st.integers(0, 4), min_size=2, max_size=2), inner=st.integers(1, 4), outputs=st.integers(0, 3))
@few
def test_a_layer_has_the_shape_that_is_inferred(sizes: list[int], inner: int, outputs: int) -> None:
    x, w = zeros((*sizes, inner)), zeros((outputs, inner))

    assert_inferred("FC", x, w, zeros((outputs,)), axis=2)
    assert_inferred("FCTransposed", x, w.T.copy(), zeros((outputs,)), axis=2)
    assert_inferred("MatMul", x, w, axis_a=2, trans_b=1)


@given(batch=st.integers(0, 3), m=st.integers(0, 3), k=st.integers(1, 3), n=st.integers(0, 3), trans=st.booleans())
@few
def test_products_of_batches_have_the_shape_that_is_inferred(batch: int, m: int, k: int, n: int, trans: bool) -> None:
    a = zeros((batch, k, m) if trans else (batch, m, k))

    assert_inferred("BatchMatMul", a, zeros((batch, k, n)), trans_a=trans)


@given(
    size=st.integers(3, 8), kernel=st.integers(1, 3), stride=st.integers(1, 3), pad=st.integers(0, 2),
    channels=st.integers(1, 3), order=st.sampled_from(["NCHW", "NHWC"]),
)  # fmt: skip
@few
def test_windows_have_the_shape_that_is_inferred(
    size: int, kernel: int, stride: int, pad: int, channels: int, order: str
) -> None:
    shape = (2, channels, size, size + 1) if order == "NCHW" else (2, size, size + 1, channels)
    filters = (4, channels, kernel, kernel) if order == "NCHW" else (4, kernel, kernel, channels)
    window: dict[str, Any] = {"kernel": kernel, "stride": stride, "order": order}

    assert_inferred("Conv", zeros(shape), zeros(filters), pad=pad, **window)
    pad = min(pad, kernel - 1)
    assert_inferred("MaxPool", zeros(shape), pad=pad, **window)
    assert_inferred("AveragePool", zeros(shape), pad=pad, **window)


@given(lengths=st.lists(st.integers(0, 3), max_size=5), width=st.integers(0, 3))
@few
def test_segments_have_the_shapes_that_are_inferred(lengths: list[int], width: int) -> None:
    counts, rows = np.array(lengths, np.int32), zeros((sum(lengths), width))

    for kind in ("LengthsSum", "LengthsMean", "LengthsMax"):
        assert_inferred(kind, rows, counts)
    assert_inferred("SparseLengthsSum", zeros((4, width)), np.zeros(sum(lengths), np.int64), counts)
    assert_inferred("LengthsToRanges", counts)
    assert_inferred("PackSegments", counts, rows, max_length=4)


# --- inverse pairs ----------------------------------------------------------------------------------------------------


def same(got: Any, expected: Any) -> None:
    np.testing.assert_array_equal(got, expected)
    assert (got.dtype, got.shape) == (np.asarray(expected).dtype, np.shape(expected))


@given(data=st.data(), x=arrays(NUMBERS, min_dims=1))
@few
def test_concatenating_what_was_split_gives_the_whole(data: Any, x: Any) -> None:
    axis = data.draw(st.integers(0, x.ndim - 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, x.shape[axis]), min_size=1, max_size=3)))
    sizes = np.diff([0, *cuts, x.shape[axis]]).tolist()

    pieces = call("Split", x, outputs=len(sizes), axis=axis, split=sizes)
    whole, lengths = call("Concat", *pieces, outputs=2, axis=axis)

    same(whole, x)
    assert lengths.tolist() == sizes


@given(data=st.data(), x=arrays(NUMBERS))
@few
def test_transposing_back_gives_the_tensor(data: Any, x: Any) -> None:
    axes = data.draw(st.permutations(range(x.ndim)))

    same(call("Transpose", call("Transpose", x, axes=axes), axes=np.argsort(axes).tolist()), x)


@given(data=st.data(), x=arrays(NUMBERS, max_dims=3))
@few
def test_squeezing_undoes_expanding(data: Any, x: Any) -> None:
    dims = sorted(data.draw(st.sets(st.integers(0, x.ndim), min_size=1, max_size=1)))

    same(call("Squeeze", call("ExpandDims", x, dims=dims), dims=dims), x)


@given(x=arrays(NUMBERS, min_side=1))
@few
def test_reshaping_to_the_old_shape_gives_the_tensor(x: Any) -> None:
    flat, shape = call("Reshape", x, outputs=2, shape=[-1])

    same(call("Reshape", flat, shape, outputs=2)[0], x)
    same(call("ResizeLike", call("FlattenToVec", x), x) if x.ndim else x, x)


@given(x=arrays("int32"))
@few
def test_casting_to_a_wider_type_and_back_gives_the_tensor(x: Any) -> None:
    for wide in (10, 13):  # INT64, DOUBLE
        same(call("Cast", call("Cast", x, to=wide), to=2), x)


@given(x=arrays("float16"))
@few
def test_half_precision_goes_to_single_and_back(x: Any) -> None:
    same(call("FloatToHalf", call("HalfToFloat", x)), x)


@given(x=arrays("int64", min_dims=1, max_dims=1))
@few
def test_distinct_values_at_their_places_are_the_vector(x: Any) -> None:
    distinct, places = call("Unique", x, outputs=2)

    same(call("Gather", distinct, places) if x.size else x, x)


@given(data=st.data(), x=arrays(NUMBERS, min_dims=1))
@few
def test_unmasking_puts_back_what_two_masks_took(data: Any, x: Any) -> None:
    mask = data.draw(npst.arrays(bool, len(x)))

    taken, left = call("BooleanMask", x, mask), call("BooleanMask", x, ~mask)

    if x.ndim == 1:
        same(call("BooleanUnmask", mask, taken, ~mask, left), x)
    assert len(taken) + len(left) == len(x)


@given(
    data=st.data(), lengths=st.lists(st.integers(0, 3), max_size=5), trailing=npst.array_shapes(max_dims=2, max_side=3)
)
@few
def test_unpacking_gives_the_segments_that_were_packed(
    data: Any, lengths: list[int], trailing: tuple[int, ...]
) -> None:
    rows = data.draw(npst.arrays("int64", (sum(lengths), *trailing)))
    counts = np.array(lengths, np.int32)

    same(call("UnpackSegments", counts, call("PackSegments", counts, rows)), rows)


@given(lengths=st.lists(st.integers(0, 3), max_size=5).map(lambda each: [*each, 1]))
@few
def test_segment_numbers_count_up_to_the_lengths(lengths: list[int]) -> None:
    counts = np.array(lengths, np.int32)

    same(call("SegmentIdsToLengths", call("LengthsToSegmentIds", counts)), counts)
    same(call("LengthsToRanges", counts)[:, 1], counts)
    same(call("LengthsToRanges", counts)[:, 0], call("LengthsToOffsets", counts))


@pytest.mark.parametrize(
    ("forth", "back", "low", "high"),
    [("Exp", "Log", -5, 5), ("Sqr", "Sqrt", 0, 100), ("Cube", "Cbrt", -20, 20), ("Tan", "Atan", -1.5, 1.5),
     ("Sigmoid", "Logit", -8, 8), ("Reciprocal", "Reciprocal", 0.1, 10), ("Negative", "Negative", -9, 9)],
)  # fmt: skip
def test_functions_undo_each_other(forth: str, back: str, low: float, high: float) -> None:
    x = np.linspace(low, high, 101, dtype=np.float32)

    np.testing.assert_allclose(call(back, call(forth, x)), x, rtol=1e-3, atol=1e-4)


# --- the same by other ways -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "by_hand"),
    [("Sum", sum), ("Max", np.maximum.reduce), ("Min", np.minimum.reduce), ("Mean", lambda xs: sum(xs) / len(xs))],
)
@given(xs=st.lists(npst.arrays("float32", (2, 3), elements=st.floats(-9, 9, width=32)), min_size=1, max_size=4))
@few
def test_operators_of_any_number_of_tensors_fold(kind: str, by_hand: Callable[..., Any], xs: list[Any]) -> None:
    np.testing.assert_allclose(call(kind, *xs), by_hand(xs), rtol=1e-5, atol=1e-5)


@given(lengths=st.lists(st.integers(0, 4), min_size=1, max_size=6), seed=st.integers(0, 1 << 30))
@few
def test_sums_of_segments_agree_however_the_segments_are_told(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = np.array([*lengths, 1], np.int32)
    rows = rng.integers(-9, 9, (int(counts.sum()), 2)).astype(np.float32)
    ids = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    shuffled = rng.permutation(len(rows))

    by_lengths = call("LengthsSum", rows, counts)

    same(call("UnsortedSegmentSum", rows[shuffled], ids[shuffled]), by_lengths)
    same(call("SparseLengthsSum", rows, np.arange(len(rows)), counts), by_lengths)
    same(call("SparseUnsortedSegmentSum", rows, shuffled, ids[shuffled]), by_lengths)
    same(call("SparseToDense", ids, rows), by_lengths)
    filled = counts > 0
    if filled.all():
        same(call("SortedSegmentSum", rows, ids), by_lengths)


@given(x=npst.arrays("float32", npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5)), k=st.integers(1, 5))
@few
def test_the_best_k_are_the_head_of_the_sorted_row(x: Any, k: int) -> None:
    x = np.nan_to_num(x)
    k = min(k, x.shape[1])

    values, at = call("TopK", x, outputs=2, k=k)

    same(values, -np.sort(-x, axis=1)[:, :k])
    same(np.take_along_axis(x, at, 1), values)


def test_accumulating_many_small_numbers_loses_little() -> None:
    x = np.full((1 << 20,), 0.1, np.float32)
    exact = math.fsum(x.tolist())

    for got in (call("SumElements", x), call("ReduceSum", x, keepdims=0), call("AveragedLoss", x) * np.float32(x.size)):
        assert abs(float(got) - exact) < 1e-4 * exact
