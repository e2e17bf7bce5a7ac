"""Schemas from columns, values and plain Python, and comparing them. `Item n` is the number on the checklist."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskplan.builder.blobs import BlobReference
from taskplan.builder.schema import (
    Field,
    List,
    ListWithEvicted,
    Map,
    MapWithEvicted,
    Metadata,
    Scalar,
    Struct,
    Tuple,
    as_record,
    equal_schemas,
    from_blob_list,
    from_column_list,
    from_dtype,
    is_schema_subset,
    schema_check,
)

NAMES = st.sampled_from(["a", "b", "c", "keys", "values"])
FIELDS = st.recursive(
    st.just(np.int32).map(Scalar),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, min_size=1, max_size=3).map(lambda children: Struct(*children.items())),
        inner.map(List),
        inner.map(ListWithEvicted),
        st.tuples(inner, inner).map(lambda pair: Map(*pair)),
    ),
    max_leaves=8,
)


# Columns


@given(FIELDS.filter(lambda field: not isinstance(field, Scalar)), st.randoms(use_true_random=False))
def test_columns_in_any_order_give_the_names_back(schema: Field, shuffler: random.Random):
    """Item 18. Item 26 for evicted lists."""
    names = schema.field_names()
    shuffled = shuffler.sample(names, len(names))

    assert from_column_list(names).field_names() == names
    assert sorted(from_column_list(shuffled).field_names()) == sorted(names)


def test_columns_carry_types_blobs_and_metadata():
    known = Metadata(categorical_limit=9)

    schema = from_column_list(
        ["m:values", "m:lengths", "user"],
        [np.float32, None, np.int64],
        [BlobReference("v"), BlobReference("l"), [7]],
        [None, None, known],
    )

    assert schema.field_names() == ["m:lengths", "m:values", "user"]
    assert schema.field_types() == [np.dtype(np.void), np.float32, np.int64]
    assert [str(blob) for blob in schema.field_blobs()] == ["l", "v", "[7]"]
    assert schema.field_metadata() == [None, None, known]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], Struct()),
        (["lengths", "values"], List(np.void)),
        (["m:lengths", "m:keys", "m:values"], Struct(("m", Map(np.void, np.void)))),
        (["lengths", "values", "_evicted_values"], ListWithEvicted(np.void)),
        (["lengths", "keys", "values", "_evicted_values"], MapWithEvicted(np.void, np.void)),
    ],
)
def test_a_level_with_lengths_is_a_list_or_a_map(names, expected):
    schema = from_column_list(names)

    assert type(schema) is type(expected)
    assert schema.field_names() == expected.field_names()


@pytest.mark.parametrize(
    "names", [["lengths"], ["lengths", "x"], ["a:lengths", "a:values", "a:b"], ["lengths:a", "values"]]
)
def test_lengths_among_other_neighbours_are_refused(names):
    with pytest.raises(AssertionError, match="lengths"):
        from_column_list(names)


@pytest.mark.parametrize("name", ["", ":a", "a:", "a::b"])
def test_an_empty_part_of_a_column_name_is_refused(name):
    with pytest.raises(AssertionError, match="has an empty part"):
        from_column_list([name])


@pytest.mark.parametrize("names", [["a", "a:b"], ["a:b", "a"], ["a:b:c", "a:b"]])
def test_a_name_cannot_be_a_column_and_a_level(names):
    with pytest.raises(ValueError, match=r"is a column itself|first part of other names"):
        from_column_list(names)


def test_a_repeated_column_counts_once_with_its_last_value():
    schema = from_column_list(["a", "b", "a"], [np.int32] * 3, [[1], [2], [3]])

    assert schema.field_names() == ["a", "b"]
    assert [value.tolist() for value in schema.field_blobs()] == [[3], [2]]
    with pytest.raises(ValueError, match="given twice, with dtypes int32 and float32"):
        from_column_list(["a", "a"], [np.int32, np.float32])


@pytest.mark.parametrize("argument", ["col_types", "col_blobs", "col_metadata"])
def test_every_column_has_one_entry_in_each_list(argument):
    with pytest.raises(AssertionError, match=f"expected 2 {argument}, one a column, got 1"):
        from_column_list(["a", "b"], **{argument: [None]})


# Values


def test_values_are_bound_to_a_copy_of_the_schema():
    """Item 17, for `from_blob_list`."""
    known, of_lengths = Metadata(categorical_limit=9), Metadata(expected_value=3)
    lengths = Scalar(np.int32, metadata=of_lengths)
    schema = Struct(("a", List(Scalar(np.int32, metadata=known), lengths)), ("b", np.float32))

    record = from_blob_list(schema, [BlobReference("l"), [1, 2], np.array([0.5])])

    assert record == schema
    assert record.field_metadata() == [of_lengths, known, None]
    assert record.a.lengths() == "l"
    assert record.b().dtype == np.float32
    assert not schema.has_blobs()


@pytest.mark.parametrize("values", [[], [[1]], [[1], [2], [3]], BlobReference("x")])
def test_the_number_of_values_is_that_of_the_leaves(values):
    """Item 19."""
    schema = Struct(("a", np.int32), ("b", np.int32))

    with pytest.raises(AssertionError, match=r"expected 2 values, one for each of \['a', 'b'\]"):
        from_blob_list(schema, values)

    assert not any(leaf._blob is not None for leaf in schema.all_scalars())


def test_a_lone_blob_is_a_list_of_itself():
    assert from_blob_list(Scalar(np.int32), BlobReference("x")).get() == "x"


def test_a_record_gives_its_values_if_its_names_agree():
    schema = Struct(("a", np.int32), ("b", np.int32))
    arrays = Struct(("a", Scalar(np.int32, [1])), ("b", Scalar(np.int32, [2])))

    assert from_blob_list(schema, arrays).b().tolist() == [2]
    with pytest.raises(AssertionError, match=r"expected a record of fields \['a', 'b'\], got one of \['b', 'a'\]"):
        from_blob_list(schema, arrays["b", "a"])


def test_values_are_converted_unless_the_strict_mode_refuses_them():
    schema = Struct(("a:b", np.int32))

    assert from_blob_list(schema, [np.array([1.9])]).a.b().tolist() == [1]
    with pytest.raises(AssertionError, match="expected an array of int32, got one of float64") as caught:
        from_blob_list(schema, [np.array([1.9])], throw_on_type_mismatch=True)
    assert caught.value.__notes__ == ["in field 'a:b'"]


def test_a_value_of_another_inner_shape_is_refused():
    with pytest.raises(ValueError, match="does not fit the declared inner shape"):
        from_blob_list(Scalar((np.int32, 2)), [np.ones((3, 4))])


def test_values_for_something_else_than_a_schema_are_refused():
    with pytest.raises(AssertionError, match="expected a schema or record, got 'a'"):
        from_blob_list("a", [])  # type: ignore[type-var]
    with pytest.raises(TypeError, match="expected a list of values or a record, got 3"):
        from_blob_list(Scalar(np.int32), 3)


# Plain Python


def test_a_structured_dtype_is_a_struct():
    """Item 25, `from_dtype`: inner shapes go down to the leaves, behind those of the levels above."""
    point = np.dtype([("x", np.float32), ("y", np.float32, (2,))])
    whole = np.dtype([("id", np.int64), ("at", point, (3,))])

    schema = from_dtype(whole)

    assert schema.field_names() == ["id", "at:x", "at:y"]
    assert schema.field_types() == [np.int64, np.dtype((np.float32, (3,))), np.dtype((np.float32, (3, 2)))]
    assert from_dtype(np.float32, (4,)) == Scalar((np.float32, 4))
    assert from_dtype(np.int32) == Scalar(np.int32)


def test_pairs_and_dicts_are_structs_and_other_lists_are_tuples():
    """Item 25, `as_record`."""
    leaf = Scalar(np.float32)

    assert as_record([("a", np.int32), ("b", [("c", leaf)])]) == Struct(("a", np.int32), ("b:c", leaf))
    assert as_record({"a": {"b": np.int32}}) == Struct(("a:b", np.int32))
    assert as_record((np.int32, [leaf])) == Tuple(np.int32, Tuple(leaf))
    assert as_record(leaf) is leaf
    assert as_record(np.int32) == Scalar(np.int32)
    assert as_record([]) == Struct()


def test_dtypes_are_fields():
    """Item 25, NumPy's own dtype objects."""
    schema = Struct(("a", np.dtype("f4")), ("b", np.dtype([("c", "i8")])), ("d", np.dtype((np.int32, 2))))

    assert schema.field_names() == ["a", "b:c", "d"]
    assert schema.field_types() == [np.float32, np.int64, np.dtype((np.int32, (2,)))]
    assert List(np.dtype(np.int32)) == List(np.int32)


# Comparing


def test_schemas_agree_in_what_is_asked_for():
    left = Struct(("a", Scalar(np.int32, metadata=Metadata(categorical_limit=3))))

    assert equal_schemas(left, Struct(("a", np.int32)))
    assert not equal_schemas(left, Struct(("a", np.int32)), check_field_metas=True)
    assert not equal_schemas(left, Struct(("b", np.int32)))
    assert equal_schemas(left, Struct(("b", np.int32)), check_field_names=False)
    assert equal_schemas(left, Struct(("a", np.int64)), check_field_types=False)
    with pytest.raises(AssertionError, match="expected a schema or record, got 3"):
        equal_schemas(left, 3)  # type: ignore[arg-type]


def test_a_checked_schema_is_the_previous_one():
    previous = Struct(("a", np.int32))

    assert schema_check([("a", np.int32)], previous) == previous
    assert schema_check({"b": np.int32}).field_names() == ["b"]
    with pytest.raises(AssertionError, match="expected the schema"):
        schema_check({"b": np.int32}, previous)


def test_a_subset_has_no_other_names():
    whole = Struct(("a", np.int32), ("b:c", np.int32))

    assert is_schema_subset(Struct(("b:c", np.float32)), whole)
    assert not is_schema_subset(Struct(("c", np.int32)), whole)
