from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.operators.calling import call

from taskplan.errors import ArgumentError, DtypeError, ShapeError

BOOLS = arrays.arrays("bool", arrays.array_shapes(min_dims=0, max_dims=2))


@given(BOOLS)
def test_negation_twice_is_nothing(x: Any) -> None:
    once = call("Not", x)

    assert np.array_equal(once, ~x)
    assert np.array_equal(call("Not", once), x)


@pytest.mark.parametrize("x", [True, False])
def test_the_negation_of_a_scalar_is_a_scalar(x: bool) -> None:
    assert type(call("Not", np.bool_(x))) is np.bool_
    assert bool(call("Not", np.bool_(x))) is not x


@pytest.mark.parametrize(("name", "truths"), [("And", "FFFT"), ("Or", "FTTT"), ("Xor", "FTTF")])
def test_the_tables_of_logic(name: str, truths: str) -> None:
    got = call(name, np.array([False, False, True, True]), np.array([False, True, False, True]))

    assert got.tolist() == [letter == "T" for letter in truths]


def test_comparison_with_nan_is_false_and_difference_from_it_true() -> None:
    nan = np.float64("nan")

    assert [bool(call(name, nan, nan)) for name in ("LT", "LE", "GT", "GE", "EQ", "NE")] == [False] * 5 + [True]


@given(st.data())
def test_a_choice_is_by_element_or_by_row(data: st.DataObject) -> None:
    shape = data.draw(arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
    x, y = data.draw(arrays.arrays("int32", shape)), data.draw(arrays.arrays("int32", shape))
    each, rows = data.draw(arrays.arrays("bool", shape)), data.draw(arrays.arrays("bool", shape[:1]))
    by_row = np.array([x[i] if row else y[i] for i, row in enumerate(rows)], "int32").reshape(shape)

    assert np.array_equal(call("Where", each, x, y), np.where(each, x, y))
    assert np.array_equal(call("Where", rows, x, y, broadcast_on_rows=1), by_row)
    assert np.array_equal(call("Conditional", rows, x, y), by_row)


def test_a_choice_between_string_scalars_is_a_string_tensor() -> None:
    chosen = call("Where", np.bool_(False), np.array("left", object), np.array("right", object))

    assert chosen.shape == ()
    assert chosen.item() == b"right"


def test_a_choice_between_types_of_one_size_is_refused() -> None:
    with pytest.raises(DtypeError, match="DataT has dtype float32, DataF has dtype int32"):
        call("Conditional", np.array([True]), np.ones(1, np.float32), np.ones(1, np.int32))


def test_a_condition_has_one_entry_a_row() -> None:
    with pytest.raises(ShapeError, match=r"Condition has shape \(3,\), expected one entry for each row"):
        call("Conditional", np.ones(3, bool), np.ones(2), np.ones(2))


@given(arrays.arrays("int32", (5,), elements=st.integers(-3, 3)), st.lists(st.integers(-3, 3) | st.just(2**40)))
def test_membership_is_that_of_python(x: Any, members: list[int]) -> None:
    assert call("IsMemberOf", x, value=members).tolist() == [each in members for each in x.tolist()]


def test_membership_of_texts() -> None:
    assert call("IsMemberOf", ["a", "b"], value=["b", "c"]).tolist() == [False, True]


def test_members_of_another_kind_are_refused() -> None:
    with pytest.raises(DtypeError, match="X has dtype int32, argument 'value' holds"):
        call("IsMemberOf", np.array([1], np.int32), value=["1"])


# --- casts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", [2, "int32", "INT32", "Int32"])
def test_a_type_has_a_number_and_a_name(to: object) -> None:
    assert call("Cast", np.array([1.9, -1.9], np.float32), to=to).dtype == np.int32


def test_casts_truncate_wrap_and_ask_for_zero() -> None:
    assert call("Cast", np.array([300, -1], np.int64), to="uint8").tolist() == [44, 255]
    assert call("Cast", np.array([0.0, 0.5]), to="bool").tolist() == [False, True]


def test_numbers_become_decimal_text() -> None:
    assert call("Cast", np.array([-7, 0], np.int32), to="string").tolist() == [b"-7", b"0"]
    assert call("Cast", np.float32(1.5), to="string").item() == b"1.500000"


@pytest.mark.parametrize("to", [0, 12, 99, "half", "float16"])
def test_other_types_are_refused_before_anything_runs(to: object) -> None:
    with pytest.raises(ArgumentError, match="argument 'to' must be one of"):
        call("Cast", np.ones(1), to=to)
