"""Strings, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call, held

from taskplan.errors import ArgumentError, DtypeError, OperatorError

TEXTS = st.lists(st.binary(max_size=5), max_size=5)


def tensor(texts: list[bytes]) -> Any:
    return held(np.array([*texts, None], object)[:-1])


@settings(max_examples=50)
@given(TEXTS, st.integers(0, 6), st.binary(max_size=2))
def test_strings_are_bytes_each_for_itself(texts: list[bytes], length: int, part: bytes) -> None:
    """Bytes of 0 at the end count too, which NumPy's own strings drop."""
    x = tensor(texts)

    assert call("StringPrefix", x, length=length).tolist() == [text[:length] for text in texts]
    assert call("StringSuffix", x, length=length).tolist() == [text[max(0, len(text) - length) :] for text in texts]
    assert call("StringStartsWith", x, prefix=part).tolist() == [text.startswith(part) for text in texts]
    assert call("StringEndsWith", x, suffix=part).tolist() == [text.endswith(part) for text in texts]
    assert call("StringEquals", x, text=part).tolist() == [text == part for text in texts]


@settings(max_examples=50)
@given(st.integers(1, 3), st.integers(1, 3), st.binary(max_size=2), st.data())
def test_joined_texts_have_the_delimiter_behind_each_element(
    rows: int, columns: int, delimiter: bytes, data: st.DataObject
) -> None:
    texts = data.draw(st.lists(st.binary(max_size=3), min_size=rows * columns, max_size=rows * columns))
    x = tensor(texts).reshape(rows, columns)

    by_row = call("StringJoin", x, delimiter=delimiter)
    by_column = call("StringJoin", x, delimiter=delimiter, axis=1)

    assert by_row.tolist() == [b"".join(text + delimiter for text in row) for row in x.tolist()]
    assert by_column.tolist() == [b"".join(text + delimiter for text in column) for column in x.T.tolist()]


def test_a_delimiter_is_no_format() -> None:
    assert call("StringJoin", ["a", "b"], delimiter="%d%").tolist() == [b"a%d%", b"b%d%"]


@pytest.mark.parametrize(
    ("values", "joined"),
    [
        (np.array([[2, 1.5, -0.25, 1e10, np.inf, 0.1]], np.float32), b"2,1.5,-0.25,1e+10,inf,0.1,"),
        (np.array([[1234567.0, 1e-7]]), b"1.23457e+06,1e-07,"),
        (np.array([[True, False]]), b"1,0,"),
        (np.array([[-3, 200]], np.int16), b"-3,200,"),
        (np.array([[0, 255]], np.uint8), b"0,255,"),
        (np.array([[2**40, -1]]), b"1099511627776,-1,"),
    ],
)
def test_numbers_are_joined_as_short_decimal_texts(values: Any, joined: bytes) -> None:
    assert call("StringJoin", values).tolist() == [joined]


def test_a_vector_is_joined_as_a_column() -> None:
    assert call("StringJoin", ["a", "b"], axis=0).tolist() == [b"a,", b"b,"]
    assert call("StringJoin", ["a", "b"], axis=1).tolist() == [b"a,b,"]


@pytest.mark.parametrize("shape", [(), (1, 1, 1), (0, 2), (2, 0)])
def test_joining_needs_elements_in_rows(shape: tuple[int, ...]) -> None:
    with pytest.raises(OperatorError, match=r"^StringJoin: input has shape .*expected rank 1 or 2"):
        call("StringJoin", np.zeros(shape, np.int32))


@pytest.mark.parametrize("kind", ["StringPrefix", "StringSuffix"])
def test_a_length_is_not_negative(kind: str) -> None:
    with pytest.raises(ArgumentError, match=f"{kind}: argument 'length' must be a number of bytes, 0 or more, got -1"):
        call(kind, ["abc"], length=-1)


@pytest.mark.parametrize("kind", ["StringPrefix", "StringSuffix", "StringStartsWith", "StringEndsWith", "StringEquals"])
def test_numbers_are_no_strings(kind: str) -> None:
    with pytest.raises(DtypeError, match=f"{kind}: strings has dtype int64, expected string"):
        call(kind, np.array([1]))


def test_a_string_of_rank_0_gives_a_scalar() -> None:
    assert type(call("StringStartsWith", "abc", prefix="a")) is np.bool_
    assert call("StringPrefix", "abcd").shape == ()
    assert call("StringPrefix", "abcd").item() == b"abc"
