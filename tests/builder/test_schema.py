"""Fields of a schema: names, children, copies, places. `Item n` is the number on the checklist."""

from __future__ import annotations

import copy
import logging
import pickle
import time

import numpy as np
import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.schema import (
    Field,
    List,
    ListWithEvicted,
    Map,
    Metadata,
    Scalar,
    Struct,
    attach_metadata_to_scalars,
)


@pytest.fixture
def carts() -> Struct:
    return Struct(("user", np.int64), ("carts", List(List(np.float32))))


# Names


def test_names_of_nested_lists_follow_the_columns(carts):
    """Item 1."""
    assert carts.field_names() == ["user", "carts:lengths", "carts:values:lengths", "carts:values:values"]


def test_a_lone_scalar_has_the_empty_name_and_a_lone_list_has_lengths_and_values():
    """Item 2."""
    assert Scalar(np.int32).field_names() == [""]
    assert List(Scalar(np.int32)).field_names() == ["lengths", "values"]


def test_a_name_with_separators_builds_the_structs_on_its_way():
    """Item 3."""
    nested = Struct(("b", Struct(("c", np.int32), ("d", np.float32))))

    assert Struct(("b:c", np.int32), ("b:d", np.float32)) == nested


@pytest.mark.parametrize("name", ["lengths", "a:lengths", "lengths:a", "a:lengths:b"])
def test_a_child_of_a_struct_is_never_called_lengths(name):
    """Item 4."""
    with pytest.raises(AssertionError, match="'lengths' marks the domain of a List"):
        Struct((name, np.int32))


@pytest.mark.parametrize("name", ["", ":", "a:", "a::b", "::a"])
def test_an_empty_part_of_a_name_is_refused(name):
    with pytest.raises(AssertionError, match="has an empty part"):
        Struct((name, np.int32))


def test_a_leading_separator_makes_a_child_that_only_its_own_name_finds():
    schema = Struct((":a", np.int32))

    assert schema.field_names() == ["a"]
    assert schema == Struct(("a", np.int32))
    assert schema[":a"].dtype == np.int32
    assert "a" not in schema


@pytest.mark.parametrize("pair", [("a",), ("a", np.int32, np.int32), "a", 3])
def test_a_struct_is_made_of_pairs(pair):
    with pytest.raises(AssertionError, match="pair"):
        Struct(pair)


def test_a_name_that_is_no_string_is_refused():
    with pytest.raises(TypeError, match="a field name is a str, got 1"):
        Struct((1, np.int32))  # type: ignore[arg-type]


def test_two_fields_of_one_name_are_refused():
    """Item 5: it is a `ValueError` unless both are Structs, which have a leaf in common."""
    with pytest.raises(ValueError, match="Duplicate field name: 'a'"):
        Struct(("a", np.int32), ("a", np.int32))
    with pytest.raises(ValueError, match="Duplicate field name: 'a'"):
        Struct(("a", np.int32), ("a:x", np.int32))
    with pytest.raises(TypeError, match="two fields are called 'x'"):
        Struct(("a:x", np.int32), ("a:x", np.int32))


def test_the_same_struct_given_twice_shares_its_leaves_with_itself():
    inner = Struct(("x", np.int32))

    with pytest.raises(TypeError, match="two fields are called 'x'"):
        Struct(("a", inner), ("a", inner))


def test_merged_structs_keep_the_order_of_first_appearance():
    schema = Struct(("b:x", np.int32), ("a", np.int32), ("b", Struct(("y", np.int32))), ("b:c:z", np.int32))

    assert schema.field_names() == ["b:x", "b:y", "b:c:z", "a"]


# Ownership


def test_a_struct_owns_copies_of_its_children():
    """Item 6."""
    leaf = Scalar(np.int32, [1])
    schema = Struct(("a", leaf))

    leaf.set(np.float32, [2.5], unsafe=True)

    assert schema.a is not leaf
    assert schema.a.dtype == np.int32
    assert schema.a().tolist() == [1]


def test_the_array_of_a_copy_is_its_own():
    schema = Struct(("a", Scalar(np.int32, [1])))
    cloned = schema.clone()

    schema.a()[0] = 7

    assert cloned.a().tolist() == [1]


def test_public_attributes_of_a_struct_cannot_be_set():
    """Item 7."""
    schema = Struct(("a", np.int32))

    with pytest.raises(TypeError, match="cannot set 'a'"):
        schema.a = Scalar(np.int32)
    with pytest.raises(TypeError, match="cannot set 'other'"):
        schema.other = 1
    schema._note = 1


def test_a_schema_survives_pickle_and_deepcopy(carts):
    schema = Struct(("in", carts), ("map", Map(np.int32, Scalar(np.float32, BlobReference("v")))))

    for made in (pickle.loads(pickle.dumps(schema)), copy.deepcopy(schema)):
        assert made == schema
        assert made.map.values.get() == "v"
        assert made.map.values.id() == schema.map.values.id()


# Finding children


def test_picking_children_makes_a_struct_in_the_given_order_with_their_values():
    """Item 8."""
    schema = Struct(("a", Scalar(np.int32, [1])), ("b", np.int32), ("c:d", Scalar(np.int32, [3])))

    picked = schema["c", 0]

    assert type(picked) is Struct
    assert picked.field_names() == ["c:d", "a"]
    assert [value.tolist() for value in picked.field_blobs()] == [[3], [1]]
    assert schema[["a", 2]].field_names() == ["a", "c:d"]


def test_a_path_through_a_scalar_leads_nowhere():
    """Item 9."""
    schema = Struct(("a", np.int32))

    assert "a:x" not in schema
    with pytest.raises(KeyError, match="field 'a:x' not found"):
        schema["a:x"]


def test_nested_names_lead_through_lists():
    schema = Struct(("m", Map(np.int32, Struct(("x", np.float32)))))

    assert schema["m:values:values:x"].dtype == np.float32
    assert schema["m:lengths"] == Scalar(np.int32)
    assert "m:values:keys" in schema
    assert "m:keys" not in schema


def test_an_unknown_attribute_is_an_attribute_error_with_near_names():
    with pytest.raises(AttributeError, match="the Struct has no field 'prize'; did you mean 'price'"):
        _ = Struct(("price", np.int32)).prize


def test_get_returns_a_child_or_the_default():
    schema = Struct(("a:b", np.int32))

    assert schema.get("a", None) == Struct(("b", np.int32))
    assert schema.get("a:b", 5) == 5
    assert schema.get("clone", None) is None


def test_positions_out_of_range_are_index_errors_and_other_types_are_not_found():
    schema = Struct(("a", np.int32), ("b", np.float32))

    for position in (-1, 2, 99):
        with pytest.raises(IndexError, match="in a Struct of 2"):
            schema[position]
    assert 0 not in schema
    assert schema != 3
    assert (schema == 3) is False
    with pytest.raises(TypeError, match=r"by name or position, got 1\.5"):
        schema[1.5]  # type: ignore[index]


def test_a_struct_iterates_over_its_children():
    schema = Struct(("a", np.int32), ("b:x", np.float32))

    assert list(schema) == [schema.a, schema.b]
    assert len(schema) == 2
    assert list(schema.fields) == ["a", "b"]
    assert schema.get_children() == [("a", schema.a), ("b", schema.b)]
    assert schema[1] is schema.b


# Values, metadata, places


def test_equality_is_that_of_names_types_and_metadata():
    """Item 16."""
    one = Struct(("a", Scalar(np.int32, [1])))

    assert one == Struct(("a", Scalar(np.int32, [2])))
    assert one != Struct(("b", Scalar(np.int32, [1])))
    assert one != Struct(("a", Scalar(np.int64, [1])))
    assert one != Struct(("a", Scalar(np.int32, [1], Metadata(categorical_limit=5))))
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_metadata_on_leaves_and_lengths_survives_every_copy():
    """Item 17, for `clone` and `clone_schema`."""
    leaf, lengths = Metadata(categorical_limit=10), Metadata(expected_value=3)
    schema = Struct(
        ("a", List(Scalar(np.int32, [1], leaf), Scalar(np.int32, [1], lengths))),
        ("b", Scalar(np.int64, BlobReference("b"))),
    )

    assert schema.clone().field_metadata() == [lengths, leaf, None]
    assert schema.clone_schema().field_metadata() == [lengths, leaf, None]
    assert schema.clone() == schema == schema.clone_schema()
    assert schema.clone().has_blobs()
    assert not schema.clone_schema().has_blobs()


def test_attached_metadata_reaches_every_leaf():
    schema = Struct(("a", List(np.int64)), ("b", np.int32))

    attach_metadata_to_scalars(schema, Metadata(categorical_limit=4))

    assert schema.field_metadata() == [Metadata(categorical_limit=4)] * 3


def test_places_index_the_values_of_the_root():
    """Item 23."""
    schema = Struct(
        ("a", Scalar(np.int32, [0])),
        ("b", Struct(("m", Map(Scalar(np.int32, [2]), Scalar(np.int32, [3]), lengths_blob=[1])))),
        ("c", Scalar(np.int32, [4])),
    )
    blobs = schema.field_blobs()

    assert [blobs[leaf.id()].tolist() for leaf in schema.all_scalars()] == [[0], [1], [2], [3], [4]]
    assert blobs[schema.b.slice()] == schema.b.field_blobs()
    assert schema.b.m["values"].slice() == slice(2, 4)
    assert schema.b.m.values.id() == 3
    assert schema.slice() == slice(0, 5)


def test_a_subtree_counts_from_itself_once_it_is_cloned():
    schema = Struct(("a", np.int32), ("b", Struct(("x", np.int32), ("y", np.int32))))

    assert schema.b.y.id() == 2
    assert schema.b.clone().y.id() == 1
    assert schema.b.y.clone().id() == 0


def test_the_missing_value_is_named():
    schema = Struct(("a", Scalar(np.int32, [1])), ("b:c", np.int32))

    assert not schema.has_blobs()
    with pytest.raises(AssertionError, match="Value is not set for field 'b:c'"):
        schema.field_blobs()
    with pytest.raises(AssertionError, match="Value is not set"):
        schema.b.c()


def test_empty_structs_are_kept_and_have_no_leaves():
    schema = Struct(("a", Struct()), ("b", np.int32))

    assert schema.field_names() == ["b"]
    assert len(schema.clone().a) == 0
    assert Struct().has_blobs()


def test_clones_of_subclasses_are_of_the_subclass():
    class Record(Struct):
        pass

    class Evicting(ListWithEvicted):
        pass

    schema = Record(("a", Evicting(np.int32)))

    for made in (schema.clone(), schema.clone_schema(), Struct(("inner", schema)).inner):
        assert (type(made), type(made.a)) == (Record, Evicting)


@pytest.mark.parametrize("method", ["field_names", "field_types", "field_blobs", "clone", "clone_schema", "slice"])
def test_a_bare_field_is_abstract(method):
    with pytest.raises(NotImplementedError, match="use Scalar, Struct or List"):
        getattr(Field({}), method)()


def test_a_schema_prints_as_an_indented_tree(carts):
    assert repr(Struct(("in", carts), ("y", Scalar(np.int32, BlobReference("y"))))) == (
        "Struct(\n"
        "  in: Struct(\n"
        "    user: Scalar(int64),\n"
        "    carts: List(\n"
        "      lengths: Scalar(int32),\n"
        "      values: List(\n"
        "        lengths: Scalar(int32),\n"
        "        values: Scalar(float32),\n"
        "      ),\n"
        "    ),\n"
        "  ),\n"
        '  y: Scalar(int32, blob=BlobReference("y")),\n'
        ")"
    )


# Cost


def test_copying_and_merging_take_time_in_proportion_to_the_tree():
    """Item 24: the time limit is far above what it takes, and far below what it took."""
    start = time.perf_counter()
    deep = Struct(("leaf", np.int32))
    for _ in range(200):
        deep = Struct(("a", deep))
    cloned = deep.clone()
    wide = Struct(*((f"a:x{index}", np.int32) for index in range(5000)))
    elapsed_s = time.perf_counter() - start

    assert cloned.field_names() == [":".join(["a"] * 200 + ["leaf"])]
    assert len(wide.a) == 5000
    assert elapsed_s < 5


def test_changing_a_leaf_logs_a_warning_unless_it_is_called_unsafe(caplog):
    leaf = Scalar(np.int32)

    with caplog.at_level(logging.WARNING):
        leaf.set_value([1], unsafe=True)
        leaf.set(np.int32, [1], unsafe=True)
        quiet = len(caplog.records)
        leaf.set_value([2])
        leaf.set(np.int32, [3])

    assert quiet == 0
    assert [record.args for record in caplog.records] == [("set_value",), ("set",)]
