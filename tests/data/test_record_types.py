"""Record types from dataclasses, structured dtypes and Arrow schemas, and back; records as arrays and tables."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import taskplan as tp
from taskplan.builder.columns import from_blob_list
from taskplan.builder.containers import List, ListWithEvicted, Map, Struct, Tuple, from_dtype
from taskplan.builder.fields import Field, Metadata, Scalar
from taskplan.data.files.arrow import arrow_from_schema, from_table, schema_from_arrow, to_table
from taskplan.data.files.missing_values import checked_fills
from taskplan.data.record_types import (
    dataclass_from_schema,
    dtype_from_schema,
    from_structured,
    schema_from_dataclass,
    to_structured,
)

NUMBERS = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "float16", "float32", "float64"),
]
NAMES = st.sampled_from(["a", "b", "c", "keys", "values", "field_0", "naïve"])
SHAPES = st.lists(st.integers(1, 3), max_size=2).map(tuple)


def number_leaf(name: str, shape: tuple[int, ...]) -> Scalar:
    return Scalar((np.dtype(name), shape) if shape else name)


LEAVES = st.builds(number_leaf, st.sampled_from(NUMBERS), SHAPES)
TEXT_LEAVES = st.just(str).map(Scalar)


def structs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    children = st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    return children.map(lambda named: Struct(*named.items()))


def with_lists(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(structs(inner), inner.map(List), st.tuples(inner, inner).map(lambda pair: Map(*pair)))


NESTED = structs(st.recursive(st.one_of(LEAVES, TEXT_LEAVES), with_lists, max_leaves=6))
FLAT = structs(st.recursive(LEAVES, structs, max_leaves=6))


# Laws


@given(NESTED)
def test_a_dataclass_made_of_a_schema_gives_the_schema_back(schema: Struct):
    assert schema_from_dataclass(dataclass_from_schema(schema, "Made")) == schema


@given(NESTED)
def test_an_arrow_schema_made_of_a_schema_gives_the_schema_back(schema: Struct):
    assert schema_from_arrow(arrow_from_schema(schema)) == schema


@given(FLAT)
def test_a_structured_dtype_made_of_a_schema_gives_the_schema_back(schema: Struct):
    assert from_dtype(dtype_from_schema(schema)) == schema


def array_of(leaf: Scalar, rows: int) -> st.SearchStrategy[Any]:
    return arrays(leaf.dtype.base, (rows, *leaf.dtype.shape))


@st.composite
def flat_records(draw: st.DrawFn) -> Field:
    schema: Struct = draw(FLAT)
    rows = draw(st.integers(0, 4))
    return from_blob_list(schema, [draw(array_of(leaf, rows)) for leaf in schema.all_scalars()])


@st.composite
def nested_columns(draw: st.DrawFn, node: Field, rows: int) -> list[Any]:
    if isinstance(node, List):
        lengths = draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
        return [np.array(lengths, np.int32), *draw(nested_columns(node["values"], sum(lengths)))]
    if isinstance(node, Struct):
        return [column for child in node for column in draw(nested_columns(child, rows))]
    assert isinstance(node, Scalar)
    if node.dtype == str:
        return [
            np.array(
                draw(
                    st.lists(
                        st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=rows, max_size=rows
                    )
                ),
                str,
            )
        ]
    return [draw(array_of(node, rows))]


@st.composite
def nested_records(draw: st.DrawFn) -> Field:
    schema: Struct = draw(NESTED)
    return from_blob_list(schema, draw(nested_columns(schema, draw(st.integers(0, 3)))))


def assert_same(record: Field, other: Field) -> None:
    assert record.field_names() == other.field_names()
    for ours, theirs in zip(record.field_blobs(), other.field_blobs(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert isinstance(ours, np.ndarray)
        assert isinstance(theirs, np.ndarray)
        assert ours.dtype.kind == theirs.dtype.kind == "U" or ours.dtype == theirs.dtype


@given(flat_records())
def test_a_record_comes_back_from_a_structured_array(record: Field):
    assert_same(from_structured(to_structured(record)), record)


@given(nested_records())
def test_a_record_comes_back_from_a_table(record: Field):
    assert_same(from_table(to_table(record)), record)


# Dataclasses


@dataclass
class Item:
    price: np.float32


@dataclass
class Cart:
    user: int
    weight: float
    is_open: bool
    name: str
    at: Annotated[Any, (np.float32, 2)]
    kind: Annotated[int, Metadata(categorical_limit=3), "a remark"]
    items: list[Item]
    stock: dict[str, np.int16]
    pair: tuple[int, float]
    best: Item
    what: Any


def test_annotations_say_what_the_columns_are():
    expected = Struct(
        ("user", np.int64),
        ("weight", np.float64),
        ("is_open", np.bool_),
        ("name", str),
        ("at", Scalar((np.float32, 2))),
        ("kind", Scalar(np.int64, metadata=Metadata(categorical_limit=3))),
        ("items", List(Struct(("price", np.float32)))),
        ("stock", Map(str, np.int16)),
        ("pair", Tuple(np.int64, np.float64)),
        ("best", Struct(("price", np.float32))),
        ("what", Scalar()),
    )

    assert schema_from_dataclass(Cart) == expected


def test_a_field_as_a_note_is_the_field():
    cls = dataclasses.make_dataclass("Made", [("x", Annotated[object, List(np.float16)])])

    assert schema_from_dataclass(cls) == Struct(("x", List(np.float16)))


def test_a_made_dataclass_says_int_float_bool_and_str_where_it_can():
    schema = Struct(("i", np.int64), ("f", np.float64), ("b", np.bool_), ("s", str), ("h", np.float16))

    made = dataclass_from_schema(schema, "Made")

    assert [each.type for each in dataclasses.fields(made)] == [int, float, bool, str, np.float16]


def test_metadata_survives_a_dataclass():
    schema = Struct(("kind", Scalar(np.int32, metadata=Metadata(categorical_limit=3))), ("x", None))

    assert schema_from_dataclass(dataclass_from_schema(schema, "Made")) == schema


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (int | None, "Made.x is int | None, which a column cannot be: records have no missing values"),
        (int | str, "Made.x is int | str, which a column cannot be: name one"),
        (tuple[int, ...], "Made.x is annotated tuple[int, ...]; expected int, float"),
        (list, "Made.x is annotated <class 'list'>"),
        (bytes, "Made.x is annotated <class 'bytes'>"),
        (np.ndarray, "Annotated[np.ndarray, (dtype, shape)]"),
        (np.floating, "Made.x is annotated <class 'numpy.floating'>"),
        (Annotated[list[int], Metadata()], "Made.x has Metadata, which only a leaf has"),
    ],
)
def test_an_annotation_that_is_no_column_is_refused(annotation: Any, message: str):
    cls = dataclasses.make_dataclass("Made", [("x", annotation)])

    with pytest.raises(tp.BuildTypeError, match=re.escape(message)):
        schema_from_dataclass(cls)


def test_what_is_no_dataclass_is_refused():
    with pytest.raises(tp.BuildTypeError, match="expected a dataclass, got <class 'int'>"):
        schema_from_dataclass(int)


@dataclass
class Ring:
    next: list[Ring]


def test_a_dataclass_that_contains_itself_is_refused():
    with pytest.raises(tp.BuildTypeError, match="Ring contains itself"):
        schema_from_dataclass(Ring)


@dataclass
class Unknown:
    x: Nowhere  # type: ignore[name-defined] # noqa: F821 - that is the point


def test_an_annotation_that_nobody_knows_is_refused():
    with pytest.raises(tp.BuildTypeError, match=r"an annotation of Unknown is not known .* 'Nowhere'"):
        schema_from_dataclass(Unknown)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (Scalar(np.int32), "its schema is a Struct"),
        (Struct(("a b", np.int32)), "the field 'a b' of Made cannot be an attribute"),
        (Struct(("class", np.int32)), "the field 'class' of Made cannot be an attribute"),
        (Struct(("x", ListWithEvicted(np.int32))), "no annotation says what Made_x is"),
    ],
)
def test_a_schema_that_no_dataclass_has_is_refused(schema: Field, message: str):
    with pytest.raises(tp.BuildError, match=message):
        dataclass_from_schema(schema, "Made")


# Structured dtypes


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (Struct(("a", List(np.int32))), "field 'a' is a list"),
        (Struct(("a", Struct(("b", str)))), "field 'a:b' holds text of any length; Scalar('U10') says how much"),
        (Struct(("a", None)), "field 'a' is untyped"),
    ],
)
def test_a_schema_without_a_size_has_no_structured_dtype(schema: Field, message: str):
    with pytest.raises(tp.BuildError, match=re.escape(message)):
        dtype_from_schema(schema)


def test_text_takes_as_much_room_in_a_structured_array_as_the_longest():
    record = from_blob_list(Struct(("n", np.int32), ("s", str)), [[1, 2], ["é", "long"]])

    made: Any = to_structured(record)

    assert made.dtype == np.dtype([("n", np.int32), ("s", "U4")])
    assert made["s"].tolist() == ["é", "long"]


def test_columns_of_different_sizes_are_no_structured_array():
    record = from_blob_list(Struct(("a", np.int32), ("b", np.int32)), [[1, 2], [3]])

    with pytest.raises(tp.BuildValueError, match=re.escape("as many rows each, got {'a': 2, 'b': 1}")):
        to_structured(record)


def test_a_structured_array_takes_the_types_of_a_schema():
    array = np.array([(1, 2.5)], [("a", np.int32), ("b", np.float64)])

    record = from_structured(array, Struct(("a", np.int64), ("b", np.float32)))

    assert [value.dtype for value in record.field_blobs()] == [np.int64, np.float32]


def test_a_structured_array_of_other_fields_is_refused():
    array = np.array([(1,)], [("a", np.int32)])

    with pytest.raises(tp.BuildValueError, match=r"with the fields \['b'\], got one of shape \(1,\) with \['a'\]"):
        from_structured(array, Struct(("b", np.int32)))


# Arrow


@pytest.mark.parametrize(
    ("arrow_type", "expected"),
    [
        (pa.uint32(), np.int64),
        (pa.large_string(), str),
        (pa.string_view(), str),
        (pa.date32(), np.int32),
        (pa.date64(), np.int64),
        (pa.time32("ms"), np.int32),
        (pa.time64("ns"), np.int64),
        (pa.timestamp("us", tz="UTC"), np.int64),
        (pa.duration("s"), np.int64),
        (pa.dictionary(pa.int8(), pa.string()), str),
        (pa.list_(pa.list_(pa.int8(), 2), 3), Scalar((np.int8, (3, 2)))),
        (pa.large_list(pa.int8()), List(np.int8)),
        (pa.map_(pa.string(), pa.float32()), Map(str, np.float32)),
    ],
)
def test_arrows_other_types_have_their_exact_likes(arrow_type: Any, expected: object):
    assert schema_from_arrow(pa.schema([("x", arrow_type)])) == Struct(("x", expected))


@pytest.mark.parametrize(
    "arrow_type",
    [
        *(pa.uint64(), pa.binary(), pa.decimal128(5, 2), pa.null(), pa.list_(pa.string(), 2)),
        *(pa.fixed_shape_tensor(pa.int8(), [2]), pa.list_(pa.struct([("y", pa.uint64())]))),
    ],
)
def test_a_type_that_no_tensor_holds_is_refused_by_the_name_of_its_column(arrow_type: Any):
    with pytest.raises(tp.BuildValueError, match=r"column 'x.*' has the Arrow type .*columns=\[\.\.\.\]"):
        schema_from_arrow(pa.schema([("x", arrow_type)]))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (List(np.int32), "its schema is a Struct"),
        (Struct(("x", None)), "field 'x' has no type"),
        (Struct(("x", List(None))), "field 'x:values' has no type"),
        (Struct(("x", np.uint64)), "field 'x' has dtype uint64"),
        (Struct(("x", List(np.int8, Scalar(np.int64)))), "field 'x:lengths' has dtype int64, expected int32"),
        (Struct(("x", ListWithEvicted(np.int8))), "field 'x' is a list with evicted values"),
    ],
)
def test_a_schema_that_arrow_has_no_type_for_is_refused(schema: Field, message: str):
    with pytest.raises(tp.BuildError, match=message):
        arrow_from_schema(schema)


def test_what_is_missing_at_any_depth_is_filled_by_the_name_of_its_leaf():
    rows = [{"n": 1, "l": [1, None]}, None, {"n": None, "l": None}]
    table = pa.table({"s": pa.array(rows, pa.struct([("n", pa.int32()), ("l", pa.list_(pa.int8()))]))})

    record = from_table(table, fill_nulls={"s:n": 9, "s:l:lengths": 0, "s:l:values": 7})

    assert [value.tolist() for value in record.field_blobs()] == [[1, 9, 9], [2, 0, 0], [1, 7]]


def test_rows_with_something_missing_at_any_depth_are_dropped():
    rows: list[Any] = [[{"x": 1.5}], [{"x": None}], None, [], [None]]
    table = pa.table({"n": [0, 1, 2, 3, 4], "l": pa.array(rows, pa.list_(pa.struct([("x", pa.float32())])))})

    record = from_table(table, drop_nulls=True)

    assert [value.tolist() for value in record.field_blobs()] == [[0, 3], [1, 0], [1.5]]


def test_a_missing_vector_of_floats_is_nan_all_over():
    table = pa.table({"v": pa.array([[1.0, 2.0], None, [3.0, None]], pa.list_(pa.float16(), 2))})

    [vectors] = from_table(table).field_blobs()

    np.testing.assert_array_equal(vectors, np.array([[1, 2], [np.nan] * 2, [3, np.nan]], np.float16))


def test_a_null_that_nothing_is_said_of_is_refused():
    table = pa.table({"l": pa.array([["a"], ["b", None]])})

    with pytest.raises(
        tp.BuildValueError, match=r"column 'l:values' has a null in row 1; pass fill_nulls={'l:values': ''}"
    ):
        from_table(table)


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        ({"nn": 0}, "fill_nulls names the column 'nn', which is not read; did you mean 'n'?"),
        ({"n": 0.5}, "fill_nulls has 0.5 for column 'n', expected a value of int8"),
        ({"n": 300}, "fill_nulls has 300 for column 'n'"),
        ({"n": None}, "fill_nulls has None for column 'n'"),
        ({"s": 0}, "fill_nulls has 0 for column 's', expected text"),
        ({"l:lengths": 1}, "fill_nulls has 1 for column 'l:lengths', expected 0"),
    ],
)
def test_a_filling_that_does_not_fit_its_column_is_refused(fill: dict[str, object], message: str):
    with pytest.raises(tp.BuildValueError, match=re.escape(message)):
        checked_fills(Struct(("n", np.int8), ("s", str), ("l", List(np.int8))), fill)


@pytest.mark.parametrize(("lengths", "values"), [([1, 2], [1, 2]), ([-1, 2], [1]), ([0, 0], [1])])
def test_lengths_that_do_not_add_up_are_no_table(lengths: list[int], values: list[int]):
    record = from_blob_list(Struct(("l", List(np.int8))), [lengths, np.array(values, np.int8)])

    with pytest.raises(tp.BuildValueError, match=f"'l:lengths' adds up to {sum(lengths)}, but there are {len(values)}"):
        to_table(record)


def test_text_that_is_no_utf8_is_no_table():
    record = from_blob_list(Struct(("s", None)), [np.array([b"\xff"], object)])

    with pytest.raises(tp.BuildValueError, match=r"field 's' cannot be stored as <U0: .*utf8"):
        to_table(record)
