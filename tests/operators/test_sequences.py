"""Padding, masks and recurrent cells: inverse pairs, plain loops, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call
from tests.operators.fake_run import f32, i32

from taskplan.errors import ArgumentError, ArityError, OperatorError, ShapeError

LENGTHS = st.lists(st.integers(0, 4), min_size=1, max_size=5)
few = settings(max_examples=30)


@given(lengths=LENGTHS, before=st.integers(0, 3), behind=st.integers(-1, 2), inner=st.sampled_from([(), (2,)]))
@few
def test_removing_padding_undoes_adding_it(
    lengths: list[int], before: int, behind: int, inner: tuple[int, ...]
) -> None:
    counts, rows = i32(lengths), np.arange(sum(lengths) * math.prod(inner), dtype=np.float32)
    rows = rows.reshape(sum(lengths), *inner)
    widths: dict[str, Any] = {"padding_width": before, "end_padding_width": behind}

    padded = call("AddPadding", rows, counts, outputs=2, **widths)
    found, found_lengths = call("RemovePadding", *padded, outputs=2, **widths)

    assert found.tolist() == rows.tolist()
    assert found_lengths.tolist() == lengths


@given(lengths=LENGTHS, before=st.integers(0, 2), behind=st.integers(0, 2))
@few
def test_the_sums_of_padding_are_those_of_the_rows_that_were_added(
    lengths: list[int], before: int, behind: int
) -> None:
    rows = np.ones((sum(lengths), 2), np.float32)
    widths: dict[str, Any] = {"padding_width": before, "end_padding_width": behind}

    padded = call("AddPadding", rows, i32(lengths), f32([1, 2]), f32([3, 4]), outputs=2, **widths)
    first, last = call("GatherPadding", *padded, outputs=2, **widths)

    assert first.tolist() == [len(lengths) * before, 2 * len(lengths) * before]
    assert last.tolist() == [3 * len(lengths) * behind, 4 * len(lengths) * behind]
    assert call("GatherPadding", *padded, **widths).tolist() == (first + last).tolist()


def test_the_padding_for_the_start_stands_at_both_ends_if_it_is_alone() -> None:
    assert call("AddPadding", f32([5]), i32([1]), f32(7)).tolist() == [7, 5, 7]


def test_texts_are_padded_with_empty_ones() -> None:
    assert call("AddPadding", np.array([b"a"], object), i32([1])).tolist() == [b"", b"a", b""]


@pytest.mark.parametrize(
    ("kind", "lengths", "error", "message"),
    [
        ("AddPadding", [1, 1], ShapeError, "add up to 2, and data_in has 3 rows"),
        ("AddPadding", [4, -1], OperatorError, "a length of -1, expected 0 or more"),
        ("RemovePadding", [1, 2], OperatorError, "a length of 1, which has no room for 2 rows of padding"),
        ("GatherPadding", [3, 3], ShapeError, "add up to 6"),
    ],
)
def test_lengths_that_do_not_match_are_refused(
    kind: str, lengths: list[int], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"{kind}: .*{message}"):
        call(kind, f32([1, 2, 3]), i32(lengths))


@pytest.mark.parametrize("arguments", [{"padding_width": -1}, {"end_padding_width": -2}])
def test_padding_has_a_width(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="must be from 0 to"):
        call("AddPadding", f32([1]), i32([1]), **arguments)


@given(data=st.data(), steps=st.integers(0, 4), columns=st.integers(0, 3))
@few
def test_reversing_twice_is_the_identity(data: Any, steps: int, columns: int) -> None:
    lengths = i32(data.draw(st.lists(st.integers(0, steps), min_size=columns, max_size=columns)))
    x = np.arange(steps * columns * 2, dtype=np.float32).reshape(steps, columns, 2)

    reversed_once = call("ReversePackedSegs", x, lengths)

    for column, length in enumerate(lengths):
        assert reversed_once[:length, column].tolist() == x[:length, column][::-1].tolist()
        assert reversed_once[length:, column].tolist() == x[length:, column].tolist()
    assert call("ReversePackedSegs", reversed_once, lengths).tolist() == x.tolist()


def test_a_length_beyond_the_steps_is_refused() -> None:
    with pytest.raises(OperatorError, match="length 2 is out of range for 1 steps"):
        call("ReversePackedSegs", f32([[[1]]]), i32([2]))


@pytest.mark.parametrize(
    ("mode", "is_filled"),
    [
        ("sequence", lambda r, c, bound: c >= bound),
        ("window", lambda r, c, bound: abs(c - bound) > 1),
        ("upper", lambda r, c, bound: c > r),
        ("lower", lambda r, c, bound: c < r),
        ("upperdiag", lambda r, c, bound: c >= r),
        ("lowerdiag", lambda r, c, bound: c <= r),
    ],
)
def test_a_mask_fills_what_its_mode_says(mode: str, is_filled: Any) -> None:
    bounds = i32([0, 2, 3])
    inputs = [bounds] if mode in ("sequence", "window") else []

    masked = call("SequenceMask", np.ones((3, 4), np.float32), *inputs, mode=mode, fill_val=7.0, radius=1)

    assert masked.tolist() == [[7 if is_filled(r, c, bounds[r]) else 1 for c in range(4)] for r in range(3)]


def test_a_mask_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ArgumentError, match="'mode' must be one of sequence, window"):
        call("SequenceMask", f32([[1]]), mode="diagonal")
    with pytest.raises(ArgumentError, match="'batch' is not provided"):
        call("SequenceMask", f32([[1]]), mode="upper", batch=1)
    with pytest.raises(ShapeError, match="needs sequence_lengths, one for each of 1 rows"):
        call("SequenceMask", f32([[1]]), mode="sequence")


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@given(seed=st.integers(0, 1000), drop=st.booleans(), bias=st.sampled_from([0.0, 1.0]))
@few
def test_a_cell_of_long_short_term_memory_is_a_loop_over_its_elements(seed: int, drop: bool, bias: float) -> None:
    rng = np.random.default_rng(seed)
    hidden, cell = (rng.standard_normal((1, 3, 2)).astype(np.float32) for _ in range(2))
    gates = rng.standard_normal((1, 3, 8)).astype(np.float32)

    found = call("LSTMUnit", hidden, cell, gates, i32([1, 2, 3]), i32(1), outputs=2, drop_states=drop, forget_bias=bias)

    for row, length in enumerate([1, 2, 3]):
        for k in range(2):
            i, f, o, g = (float(gates[0, row, gate * 2 + k]) for gate in range(4))
            c = sigmoid(f + bias) * float(cell[0, row, k]) + sigmoid(i) * math.tanh(g)
            expected = (sigmoid(o) * math.tanh(c), c)
            if length <= 1:
                expected = (0.0, 0.0) if drop else (float(hidden[0, row, k]), float(cell[0, row, k]))
            assert [float(each[0, row, k]) for each in found] == pytest.approx(expected, abs=1e-5)


def test_gates_far_from_0_give_no_nan() -> None:
    hidden, cell = call(
        "LSTMUnit", f32([[[1]]]), f32([[[1]]]), f32([[[-500, 500, -500, 500]]]), i32([1]), i32(0), outputs=2
    )

    assert (hidden.tolist(), cell.tolist()) == ([[[0]]], [[[1]]])


def test_without_lengths_the_step_follows_the_gates() -> None:
    assert call("GRUUnit", f32([[[1]]]), f32([[[0, 0, 0]]]), i32([5]), sequence_lengths=False).tolist() == [[[0.5]]]
    with pytest.raises(ArityError, match="takes the step alone, as sequence_lengths is false, got 2 inputs"):
        call("GRUUnit", f32([[[1]]]), f32([[[0, 0, 0]]]), i32([1]), i32([5]), sequence_lengths=False)


def test_gates_of_another_size_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"gates has shape \(1, 1, 4\), .*expected \(1, 1, 3\)"):
        call("GRUUnit", f32([[[1]]]), f32([[[0, 0, 0, 0]]]), i32([1]), i32([0]))
