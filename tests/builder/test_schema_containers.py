"""Arithmetic of Structs; lists, maps and tuples. `Item n` is the number on the checklist."""

from __future__ import annotations

import numpy as np
import pytest

from taskplan.builder.schema import (
    List,
    ListWithEvicted,
    Map,
    MapWithEvicted,
    NamedTuple,
    RawTuple,
    Scalar,
    Struct,
    Tuple,
)

# Arithmetic


def test_addition_merges_structs_and_keeps_values():
    """Item 11."""

    class Mine(Struct):
        pass

    left = Mine(("a", Struct(("x", Scalar(np.int32, [1])))), ("b", np.int32))
    right = Struct(("a", Struct(("y", Scalar(np.int32, [2])))), ("c", np.int32))

    total = left + right

    assert type(total) is Struct
    assert total.field_names() == ["a:x", "a:y", "b", "c"]
    assert (total.a.x().tolist(), total.a.y().tolist()) == ([1], [2])
    assert left.field_names() == ["a:x", "b"]
    for clash in (Struct(("b", np.int32)), Struct(("b:x", np.int32)), Struct(("a", np.int32)), left):
        with pytest.raises(TypeError, match="only Structs of one name merge"):
            left + clash
    with pytest.raises(TypeError, match="unsupported operand"):
        left + Scalar(np.int32)


def test_subtraction_removes_matching_leaves_and_prunes_emptied_structs():
    """Item 12."""
    left = Struct(("a:x", np.int32), ("a:y", np.int32), ("b:z", np.int32), ("c", Scalar(np.int32, [1])))

    rest = left - Struct(("a:x", np.float32), ("b:z", np.int32), ("unknown", np.int32))

    assert rest.field_names() == ["a:y", "c"]
    assert "b" not in rest
    assert rest.c().tolist() == [1]
    with pytest.raises(TypeError, match="cannot subtract the Scalar 'a' from the Struct"):
        left - Struct(("a", np.int32))
    with pytest.raises(TypeError, match="unsupported operand"):
        left - 3


def test_subtracting_an_empty_struct_removes_empty_structs_only():
    empty = Struct(("a", Struct()))

    assert (Struct(("a:x", np.int32)) - empty).field_names() == ["a:x"]
    assert len(empty - empty) == 0


def test_subtraction_removes_a_whole_list_whatever_is_in_it():
    left = Struct(("a", List(np.int32)), ("b", np.int32))

    assert (left - Struct(("a", List(np.float32)))).field_names() == ["b"]
    with pytest.raises(TypeError, match="cannot subtract the ListWithEvicted 'a' from the List"):
        left - Struct(("a", ListWithEvicted(np.int32)))


# Lists and what is made of them


def test_attributes_of_a_list_of_structs_are_the_columns_of_its_entries():
    """Item 10."""
    columns = Map(np.int32, np.float32)
    plain = List(np.float32)

    assert (columns.keys.dtype, columns.values.dtype) == (np.int32, np.float32)
    for missing in ("items", "value"):
        with pytest.raises(AttributeError, match=f"no field '{missing}'"):
            getattr(columns, missing)
    assert plain.items is plain.value
    assert plain.items.dtype == np.float32
    with pytest.raises(AttributeError, match=r"no field 'values'; its values are at \.items"):
        _ = plain.values


def test_a_list_finds_lengths_values_and_names_below_them_only():
    columns = List(Struct(("x:y", np.int32)))

    assert columns["values:x:y"].dtype == np.int32
    assert columns["values"] == Struct(("x:y", np.int32))
    assert columns["lengths"] is columns.lengths
    for missing in ("items", "x", "values:z", "lengths:x", 0):
        with pytest.raises(KeyError, match="not found"):
            columns[missing]  # type: ignore[index]


def test_the_lengths_of_a_list_are_int32_unless_a_scalar_is_given():
    assert List(np.float32).lengths.dtype == np.int32
    assert List(np.float32, [1, 2]).lengths().tolist() == [1, 2]
    assert List(np.float32, Scalar(np.int64)).lengths.dtype == np.int64
    with pytest.raises(AssertionError, match="lengths of a List is a blob or a Scalar"):
        List(np.float32, Struct())


def test_a_map_is_a_list_of_keys_and_values():
    assert Map(np.int32, np.float32) == List(Struct(("keys", np.int32), ("values", np.float32)))
    assert Map(np.int32, np.float32, "k", "v").field_names() == ["lengths", "values:k", "values:v"]
    assert MapWithEvicted(np.int32, np.float32).field_names() == [
        "lengths",
        "values:keys",
        "values:values",
        "_evicted_values",
    ]


def test_evicted_values_have_their_place_and_count_as_values():
    """Item 26, the leaf itself."""
    schema = Struct(("a", np.int32), ("b", ListWithEvicted(np.float32)))
    bound = ListWithEvicted(Scalar(np.float32, [1.0]), lengths_blob=[1])

    assert schema.b.field_names() == ["lengths", "values", "_evicted_values"]
    assert schema.b._evicted_values.dtype == np.int64
    assert schema.b._evicted_values.id() == 3
    assert bound.has_blobs() is False
    assert ListWithEvicted(Scalar(np.float32, [1.0]), [1], [5]).has_blobs() is True
    assert schema["b:_evicted_values"] is schema.b._evicted_values


def test_tuples_number_their_fields():
    assert Tuple(np.int32, List(np.int32)).field_names() == ["field_0", "field_1:lengths", "field_1:values"]
    assert NamedTuple("p", np.int32).field_names() == ["p_0"]
    assert RawTuple(2, "raw").field_types() == [np.dtype(np.void)] * 2
    for count in (-1, 1.5, None):
        with pytest.raises(AssertionError, match="expected a number of fields"):
            RawTuple(count)  # type: ignore[arg-type]
