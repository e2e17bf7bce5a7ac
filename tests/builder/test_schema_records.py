"""Records of blobs in nets, before anything runs. `Item n` is the number on the checklist."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import numpy as np
import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.schema import (
    ConstRecord,
    Field,
    InitEmptyRecord,
    List,
    NewRecord,
    Scalar,
    Struct,
)
from taskplan.builder.scope import NameScope
from taskplan.plan.types import DataType


@pytest.fixture(autouse=True)
def _unused_names() -> Iterator[None]:
    with fresh_names():
        yield


def names_of(record: Field) -> list[str]:
    return [str(blob) for blob in record.field_blobs()]


def test_a_new_record_has_blobs_named_like_its_leaves_and_adds_no_operator():
    """Item 20."""
    net, schema = Net("net"), Struct(("user", np.int64), ("carts", List(np.float32)))

    with NameScope("train"):
        record = NewRecord(net, schema)

    assert record == schema
    assert names_of(record) == ["train/user", "train/carts:lengths", "train/carts:values"]
    assert not schema.has_blobs()
    assert len(net.Proto().op) == 0


def test_two_records_of_one_net_have_different_blobs():
    """Item 20."""
    net, schema = Net("net"), Struct(("a", np.int32))

    assert [names_of(NewRecord(net, schema)) for _ in range(3)] == [["a"], ["a_auto_0"], ["a_auto_1"]]


def test_a_lone_scalar_is_bound_to_an_unnamed_blob():
    assert names_of(NewRecord(Net("net"), Scalar(np.int32))) == ["unnamed_scalar"]


def test_records_of_two_nets_have_different_blobs():
    """They may run in one workspace, where equal names would be one blob."""
    schema = Struct(("a", np.int32), ("a_1", np.int32))
    nets = [Net("net") for _ in range(3)]

    blobs = [blob for net in nets for blob in names_of(NewRecord(net, schema))]

    assert blobs[:2] == ["a", "a_1"]
    assert len(set(blobs)) == 6


def test_the_names_of_a_net_that_is_gone_are_free_again():
    net = Net("net")
    NewRecord(net, Scalar(np.int32))

    del net
    gc.collect()

    assert names_of(NewRecord(Net("other"), Scalar(np.int32))) == ["unnamed_scalar"]


def test_a_record_keeps_its_names_when_its_net_is_gone():
    net = Net("net")
    record = NewRecord(net, Scalar(np.int32))

    del net
    gc.collect()

    assert names_of(NewRecord(Net("other"), Scalar(np.int32))) != names_of(record)


@pytest.mark.parametrize("make", [NewRecord, ConstRecord, InitEmptyRecord])
def test_a_record_is_made_of_a_schema(make):
    with pytest.raises(AssertionError, match="expected a schema or record, got 'a'"):
        make(Net("net"), "a")


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64, bytes, object, None])
def test_an_unmapped_dtype_is_refused_before_anything_is_added(dtype):
    """Item 21, `enforce_types`."""
    net, schema = Net("net"), Struct(("a", np.int32), ("b", Scalar(dtype)))

    with pytest.raises(TypeError, match="no tensor has elements of") as caught:
        InitEmptyRecord(net, schema, enforce_types=True)

    assert caught.value.__notes__ == ["in field 'b'"]
    assert len(net.Proto().op) == 0


def test_an_unmapped_dtype_becomes_float_with_a_warning(caplog):
    net = Net("net")

    with caplog.at_level(logging.WARNING):
        InitEmptyRecord(net, Struct(("b", np.uint32)))

    [fill] = net.Proto().op
    assert [argument.i for argument in fill.arg if argument.name == "dtype"] == [DataType.FLOAT]
    assert "field 'b' of dtype uint32 starts as an empty tensor of floats" in caplog.text


def test_a_record_that_has_blobs_keeps_them():
    net = Net("net")
    record = Struct(("a", Scalar(np.int32, BlobReference("mine"))))

    assert InitEmptyRecord(net, record) is record
    assert list(net.Proto().op[0].output) == ["mine"]


def test_an_empty_record_cannot_be_made_of_arrays():
    with pytest.raises(AssertionError, match="expected a blob in field 'a', got a ndarray"):
        InitEmptyRecord(Net("net"), Struct(("a", Scalar(np.int32, [1]))))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (BlobReference("b"), "expected an array in field 'a'"),
        (np.array([1], np.uint32), "no tensor has elements of"),
        (np.array([1, "a"], object), "no tensor has elements of"),
        (np.array([1e300]), "field 'a' has doubles beyond the range of single floats"),
        (np.array([1e-300]), "field 'a' has doubles beyond the range of single floats"),
    ],
)
def test_constants_that_no_plan_can_hold_are_refused_before_anything_is_added(value, message):
    net = Net("net")

    with pytest.raises(AssertionError, match=message):
        ConstRecord(net, Struct(("ok", Scalar(np.int32, [1])), ("a", Scalar(blob=value))))

    assert len(net.Proto().op) == 0
