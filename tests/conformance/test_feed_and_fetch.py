"""Statements 42 to 46 of the checklist: what comes back of what is fed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import taskplan as tp
from taskplan.plan import taskplan_pb2 as pb

DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64"]
SHAPES = [(), (1,), (2, 3), (0,), (2, 0, 3)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_042_an_array_keeps_dtype_shape_and_values(ws, dtype, shape):
    value = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)

    assert tp.FeedBlob("x", value)
    found = tp.FetchBlob("x")

    assert (found.dtype, found.shape) == (value.dtype, shape)
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float16", "float64"])
def test_042a_extreme_values_survive(ws, dtype):
    limits: Any = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    value = np.array([limits.min, limits.max], dtype)

    tp.FeedBlob("x", value)

    np.testing.assert_array_equal(tp.FetchBlob("x"), value)


@pytest.mark.parametrize("view", [np.transpose, np.flipud, np.asfortranarray, lambda array: array[:, ::2]])
def test_042b_an_array_need_not_be_contiguous(ws, view):
    value = view(np.arange(12).reshape(3, 4))

    tp.FeedBlob("x", value)

    np.testing.assert_array_equal(tp.FetchBlob("x"), value)


def test_042c_foreign_byte_order_is_converted(ws):
    """W-41: Caffe2 fetches [16777216, 33554432]."""
    tp.FeedBlob("x", np.array([1, 2], ">i4"))

    assert tp.FetchBlob("x").tolist() == [1, 2]
    assert tp.FetchBlob("x").dtype == np.int32


def test_042d_feeding_may_change_type_and_shape(ws):
    tp.FeedBlob("x", np.array([1, 2], np.float32))
    tp.FeedBlob("x", np.array(True))

    assert tp.FetchBlob("x").dtype == np.bool_
    assert tp.FetchBlob("x").shape == ()


@pytest.mark.parametrize(("text", "fetched"), [("é", "é".encode()), (b"\x00\xff", b"\x00\xff"), ("", b"")], ids=repr)
def test_043_text_makes_a_string_blob_and_is_fetched_as_bytes(ws, text, fetched):
    tp.FeedBlob("x", text)

    assert tp.FetchBlob("x") == fetched
    assert type(tp.FetchBlob("x")) is bytes
    assert not ws.create_blob("x").is_tensor()


@pytest.mark.parametrize(
    "strings",
    [
        np.array([["a", "é"]]),
        np.array([[b"a", "é".encode()]]),
        np.array([["a", "é".encode()]], object),
    ],
    ids=lambda strings: strings.dtype.kind,
)
def test_043a_an_array_of_strings_is_fetched_as_an_object_array_of_bytes(ws, strings):
    tp.FeedBlob("x", strings)
    found = tp.FetchBlob("x")

    assert (found.dtype, found.shape) == (np.dtype(object), (1, 2))
    assert found.tolist() == [[b"a", "é".encode()]]
    assert ws.create_blob("x").is_tensor()


@pytest.mark.parametrize("shape", [(), (0,)], ids=str)
def test_043b_an_array_of_strings_keeps_any_shape(ws, shape):
    tp.FeedBlob("x", np.full(shape, "text"))

    assert tp.FetchBlob("x").shape == shape
    assert tp.FetchBlob("x").dtype == np.dtype(object)
    assert tp.FetchBlob("x").ravel().tolist() == [b"text"] * int(np.prod(shape))


def test_043c_an_element_that_is_no_string_is_refused(ws):
    with pytest.raises(RuntimeError, match=r"'x'.*str or bytes"):
        tp.FeedBlob("x", np.array(["a", 1], object))


def test_044_feeding_copies(ws):
    value = np.array([1, 2], np.float32)
    tp.FeedBlob("x", value)

    value[0] = 9

    assert tp.FetchBlob("x").tolist() == [1, 2]


def test_044a_fetching_copies(ws):
    tp.FeedBlob("x", np.array([1, 2], np.float32))

    tp.FetchBlob("x")[0] = 9
    ws.blobs["x"].fetch()[0] = 9

    assert tp.FetchBlob("x").tolist() == [1, 2]


def test_044b_what_was_fetched_stays_when_a_net_writes_the_blob(ws):
    tp.FeedBlob("x", np.array([1, 2], np.float32))
    before = tp.FetchBlob("x")
    net = tp.Net("net")
    net.Add(["x", "x"], "x")

    tp.RunNetOnce(net)

    assert before.tolist() == [1, 2]
    assert tp.FetchBlob("x").tolist() == [2, 4]


def test_044c_the_mapping_of_blobs_feeds_and_fetches(ws):
    tp.blobs["x"] = np.int64(1)

    assert tp.blobs["x"] == 1
    assert "x" in tp.blobs
    assert "y" not in tp.blobs
    assert list(tp.blobs) == tp.Blobs() == ["x"]
    assert len(tp.blobs) == 1


def test_044d_the_mapping_of_blobs_tells_a_missing_one_as_mappings_and_fetching_do(ws):
    with pytest.raises(KeyError, match="no blob 'x'"):
        tp.blobs["x"]
    with pytest.raises(RuntimeError, match="no blob 'x'"):
        tp.blobs["x"]
    assert tp.blobs.get("x") is None


@pytest.mark.parametrize(
    "array", [np.array([1, 2], np.float16), np.array([[True]]), np.array([b"a", b"b"], object)], ids=repr
)
def test_044e_a_tensor_message_is_fed_as_the_tensor_that_it_holds(ws, array):
    ws.feed_blob("x", array)
    message = pb.BlobProto.FromString(tp.SerializeBlob("x")).tensor

    assert tp.FeedBlob("y", message) is True

    assert tp.FetchBlob("y").dtype == array.dtype
    assert tp.FetchBlob("y").tolist() == array.tolist()


def test_045_fetching_a_missing_blob_raises(ws):
    ws.feed_blob("grads", np.int64(1))

    with pytest.raises(RuntimeError, match=r"no blob 'grad'.*did you mean 'grads'"):
        tp.FetchBlob("grad")
    with pytest.raises(RuntimeError, match="'grad'"):
        tp.FetchBlobs(["grads", "grad"])
    with pytest.raises(RuntimeError, match="'grad'"):
        tp.ResetBlob("grad")


@pytest.mark.parametrize("maker", ["CreateCounter", "CreateMutex", "CreateBlobsQueue", "CreateAtomicBool"])
def test_045a_fetching_an_opaque_blob_returns_a_description(ws, maker):
    tp.RunOperatorOnce(tp.CreateOperator(maker, [], "handle"))

    described = tp.FetchBlob("handle")

    assert type(described) is bytes
    assert described.startswith(b"handle")
    with pytest.raises(RuntimeError, match="'handle'"):
        ws.blobs["handle"].fetch()


def test_045b_fetching_an_uninitialised_blob_returns_a_description(ws):
    blob = tp.CreateBlob("x")

    assert tp.FetchBlob("x").startswith(b"x")
    with pytest.raises(RuntimeError, match="'x'"):
        blob.fetch()


def test_045c_a_reset_blob_is_uninitialised(ws):
    tp.FeedBlob("x", np.int64(1))

    tp.ResetBlob("x")

    assert tp.HasBlob("x")
    assert type(tp.FetchBlob("x")) is bytes


def test_045d_blobs_are_named_by_strings_or_references(ws):
    tp.FeedBlob(tp.BlobReference("x"), np.int64(1))
    wrong: Any = 3

    assert tp.HasBlob(tp.BlobReference("x"))
    assert tp.FetchBlob(tp.BlobReference("x")) == 1
    with pytest.raises(AssertionError, match="3"):
        tp.FetchBlob(wrong)
    with pytest.raises(AssertionError, match="3"):
        tp.FeedBlob(wrong, np.int64(1))


@pytest.mark.parametrize("dtype", ["uint32", "uint64", "complex64", "complex128", "datetime64[s]"])
def test_046_arrays_of_types_that_no_tensor_has_are_rejected(ws, dtype):
    with pytest.raises(RuntimeError, match=rf"'x' cannot hold {re.escape(dtype)}"):
        tp.FeedBlob("x", np.zeros(2, dtype))


@pytest.mark.parametrize("wrong", [None, 1j, bytearray(b"x")], ids=repr)
def test_046a_plain_objects_that_are_no_tensor_are_rejected(ws, wrong):
    with pytest.raises(RuntimeError, match="'x'"):
        tp.FeedBlob("x", wrong)


def test_046b_a_rejected_value_leaves_no_blob_behind(ws):
    with pytest.raises(RuntimeError):
        tp.FeedBlob("x", np.zeros(2, np.uint32))

    assert not tp.HasBlob("x")
