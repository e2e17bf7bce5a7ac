"""Records in a workspace: filled by nets, fed and fetched. `Item n` is the number on the checklist."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.schema import (
    ConstRecord,
    InitEmptyRecord,
    List,
    NewRecord,
    Scalar,
    Struct,
    from_blob_list,
)
from taskplan.errors import WorkspaceError
from taskplan.sessions.records import FeedRecord, FetchRecord
from taskplan.sessions.workspaces import RunNetOnce, Workspace, WorkspaceGuard

MAPPED = [
    np.float32,
    np.int32,
    np.bool_,
    np.uint8,
    np.int8,
    np.uint16,
    np.int16,
    np.int64,
    np.float16,
    np.float64,
]


@pytest.fixture(autouse=True)
def ws() -> Iterator[Workspace]:
    workspace = Workspace()
    with fresh_names(), WorkspaceGuard(workspace):
        yield workspace


# What nets make


@pytest.mark.parametrize("dtype", MAPPED)
def test_an_empty_record_has_types_and_inner_shapes_of_its_schema(dtype, ws):
    """Item 21."""
    net = Net("init")
    record = InitEmptyRecord(net, Struct(("a", dtype), ("b", Scalar((dtype, (2, 3))))), enforce_types=True)

    RunNetOnce(net)

    plain, shaped = [ws.fetch_blob(str(blob)) for blob in record.field_blobs()]
    assert (plain.dtype, plain.shape) == (dtype, (0,))
    assert (shaped.dtype, shaped.shape) == (dtype, (0, 2, 3))


def test_an_empty_record_of_strings_holds_no_strings(ws):
    net = Net("init")
    record = InitEmptyRecord(net, Struct(("a", str)), enforce_types=True)

    RunNetOnce(net)

    assert ws.fetch_blob("a").dtype == object
    assert FetchRecord(record).a().tolist() == []


@pytest.mark.parametrize("dtype", MAPPED)
@pytest.mark.parametrize("shape", [(3,), (0,), (), (2, 2)])
def test_constants_keep_element_type_shape_and_value(dtype, shape, ws):
    """Item 27."""
    values = (np.arange(np.prod(shape, dtype=int)) % 2).astype(dtype).reshape(shape)
    net = Net("init")
    record = ConstRecord(net, Struct(("a", Scalar(dtype, values))))

    RunNetOnce(net)

    fetched = ws.fetch_blob(str(record.a()))
    assert record.a.dtype == Scalar(dtype, values).dtype
    assert (fetched.dtype, fetched.shape) == (dtype, shape)
    np.testing.assert_array_equal(fetched, values)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.int64])
def test_constants_reach_the_ends_of_their_range(dtype, ws):
    ends = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)
    net = Net("init")
    record = ConstRecord(net, Struct(("a", Scalar(dtype, ends))))

    RunNetOnce(net)

    np.testing.assert_array_equal(FetchRecord(record).a(), ends)


def test_doubles_arrive_to_the_last_bit(ws):
    """Arguments of operators hold single floats, so that one fill alone would round them."""
    doubles = np.array([0.1, -1 / 3, np.pi, 1e30 / 7, 0.5, np.inf, -np.inf, np.nan])
    net = Net("init")
    record = ConstRecord(net, Struct(("a", Scalar(np.float64, doubles))))

    RunNetOnce(net)

    np.testing.assert_array_equal(FetchRecord(record).a(), doubles)


@pytest.mark.parametrize(
    "values", [np.array(["größe", ""]), np.array([b"a", b"b"]), np.array([["größe".encode(), "b"]], object)]
)
def test_constant_strings_keep_their_text(values, ws):
    """Item 27, strings."""
    net = Net("init")
    record = ConstRecord(net, Struct(("a", Scalar(str, values))))

    RunNetOnce(net)

    assert record.a.dtype == Scalar(str).dtype
    np.testing.assert_array_equal(FetchRecord(record).a(), Scalar(str, values).get())


def test_constants_of_untyped_leaves_have_the_type_of_their_array(ws):
    net = Net("init")
    record = ConstRecord(net, Struct(("a", Scalar(blob=np.array([1.5], np.float32)))))

    RunNetOnce(net)

    assert record.a.dtype == np.void
    assert ws.fetch_blob("a").dtype == np.float32


# Feeding and fetching


def test_what_is_fed_is_fetched(ws):
    schema = Struct(("user", np.int64), ("carts", List(np.float32)))
    record = NewRecord(Net("net"), schema)

    FeedRecord(record, [np.array([7, 8]), np.array([1, 0], np.int32), np.array([1.5], np.float32)])
    fetched = FetchRecord(record)

    assert fetched == schema
    assert [value.tolist() for value in fetched.field_blobs()] == [[7, 8], [1, 0], [1.5]]


def test_text_beyond_ascii_survives_feed_and_fetch(ws):
    """Item 28."""
    record = NewRecord(Net("net"), Struct(("a", str)))

    FeedRecord(record, [np.array(["größe", "価格"])])

    assert ws.fetch_blob("a").tolist() == ["größe".encode(), "価格".encode()]
    assert FetchRecord(record).a().tolist() == ["größe", "価格"]
    assert FetchRecord(record, throw_on_type_mismatch=True).a().tolist() == ["größe", "価格"]


def test_a_given_workspace_is_used_in_place_of_the_current_one(ws):
    other, record = Workspace(), NewRecord(Net("net"), Struct(("a", np.int32)))

    FeedRecord(record, [np.array([1], np.int32)], ws=other)

    assert FetchRecord(record, ws=other).a().tolist() == [1]
    with pytest.raises(RuntimeError, match="'a'"):
        FetchRecord(record)


def test_a_record_of_arrays_is_fed_if_its_names_agree(ws):
    record = NewRecord(Net("net"), Struct(("a", np.int32), ("b", np.int32)))
    arrays = from_blob_list(record, [[1], [2]])

    FeedRecord(record, arrays)

    assert FetchRecord(record).b().tolist() == [2]
    with pytest.raises(AssertionError, match="expected a record of fields"):
        FeedRecord(record, arrays["b", "a"])


@pytest.mark.parametrize("arrays", [[], [np.array([1])] * 2])
def test_there_is_one_array_for_each_blob(arrays, ws):
    record = NewRecord(Net("net"), Struct(("a", np.int32)))

    with pytest.raises(AssertionError, match="expected 1 values"):
        FeedRecord(record, arrays)


def test_nothing_is_fed_when_one_array_does_not_fit(ws):
    record = NewRecord(Net("net"), Struct(("a", np.int32), ("b", Scalar((np.float32, 3)))))

    with pytest.raises(ValueError, match="does not fit the declared inner shape") as caught:
        FeedRecord(record, [np.array([1], np.int32), np.ones((2, 4), np.float32)])

    assert caught.value.__notes__ == ["in field 'b'"]
    with pytest.raises(WorkspaceError):
        ws.fetch_blob("a")


def test_the_strict_modes_refuse_other_element_types(ws):
    record = NewRecord(Net("net"), Struct(("a", np.int32)))

    with pytest.raises(AssertionError, match="expected an array of int32, got one of float64"):
        FeedRecord(record, [np.array([1.5])], throw_on_type_mismatch=True)
    FeedRecord(record, [np.array([1.5])])

    assert FetchRecord(record).a().tolist() == [1]
    with pytest.raises(AssertionError, match="expected an array of int32, got one of float64"):
        FetchRecord(record, throw_on_type_mismatch=True)


def test_a_blob_of_another_inner_shape_is_not_fetched(ws):
    record = NewRecord(Net("net"), Struct(("a", Scalar((np.float32, 3)))))
    ws.feed_blob("a", np.ones((2, 4), np.float32))

    with pytest.raises(ValueError, match="does not fit the declared inner shape"):
        FetchRecord(record)


@pytest.mark.parametrize("record", [Struct(("a", Scalar(np.int32, [1]))), Struct(("a", np.int32))])
def test_leaves_are_bound_to_blobs(record, ws):
    with pytest.raises(AssertionError, match="field 'a'"):
        FetchRecord(record)
    with pytest.raises(AssertionError, match="field 'a'"):
        FeedRecord(record, [np.array([1])])


def test_only_records_are_fed_and_fetched(ws):
    with pytest.raises(AssertionError, match="expected a schema or record"):
        FetchRecord([BlobReference("a")])  # type: ignore[type-var]
