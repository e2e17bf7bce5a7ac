"""Leaves of a schema: dtypes, values, metadata. `Item n` is the number on the checklist."""

from __future__ import annotations

import numpy as np
import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.schema import (
    FeatureSpec,
    Metadata,
    Scalar,
    Struct,
    data_type_for_dtype,
    dtype_for_core_type,
)
from taskplan.plan.types import DataType

NUMBERS = [
    (np.float32, DataType.FLOAT),
    (np.int32, DataType.INT32),
    (str, DataType.STRING),
    (np.bool_, DataType.BOOL),
    (np.uint8, DataType.UINT8),
    (np.int8, DataType.INT8),
    (np.uint16, DataType.UINT16),
    (np.int16, DataType.INT16),
    (np.int64, DataType.INT64),
    (np.float16, DataType.FLOAT16),
    (np.float64, DataType.DOUBLE),
]


def test_an_inner_shape_of_one_stays():
    """Item 13."""
    assert Scalar((np.int32, 1)).field_type().shape == (1,)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (None, np.dtype(np.void)),
        (np.float32, np.dtype(np.float32)),
        ((np.float32, 3), np.dtype((np.float32, (3,)))),
        ((np.float32, (2, 3)), np.dtype((np.float32, (2, 3)))),
        ((None, (2,)), np.dtype((np.float64, (2,)))),
    ],
)
def test_the_dtype_is_an_element_type_and_an_inner_shape(dtype, expected):
    assert Scalar(dtype).dtype == expected


def test_what_cannot_be_a_leaf_is_refused():
    """Item 14."""
    with pytest.raises(ValueError, match="the blob 'x' is ambiguous"):
        Scalar(blob="x")
    with pytest.raises(TypeError, match="an untyped leaf has no inner shape"):
        Scalar((np.void, (2,)))
    with pytest.raises(AssertionError, match=r"structured dtype.*from_dtype"):
        Scalar(np.dtype([("a", np.int32)]))


@pytest.mark.parametrize(
    ("dtype", "error"), [((np.float32, -1), ValueError), ((str, (10, 20)), ValueError), ("nothing", TypeError)]
)
def test_a_dtype_that_numpy_does_not_know_is_refused(dtype, error):
    with pytest.raises(error, match="expected a dtype or"):
        Scalar(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.bool_, None, str])
def test_a_categorical_limit_needs_integers(dtype):
    """Item 15."""
    with pytest.raises(AssertionError, match="categorical_limit=3 needs a leaf of integers"):
        Scalar(dtype, metadata=Metadata(categorical_limit=3))


def test_a_leaf_with_a_categorical_limit_stays_one_of_integers():
    leaf = Scalar(np.int64, metadata=Metadata(categorical_limit=3))

    with pytest.raises(AssertionError, match="needs a leaf of integers"):
        leaf.set_type(np.float32)

    assert leaf.dtype == np.int64


def test_metadata_is_a_metadata():
    for wrong in (None, {"categorical_limit": 3}):
        with pytest.raises(AssertionError, match="expected a Metadata"):
            Scalar(np.int32).set_metadata(wrong)  # type: ignore[arg-type]
    assert Metadata() == (None, None, None)
    assert FeatureSpec(feature_type="id").feature_names is None


@pytest.mark.parametrize(
    ("dtype", "blob", "expected"),
    [
        (np.int32, 7, np.array([7], np.int32)),
        (np.int32, np.array(7), np.array(7, np.int32)),
        (np.int32, [1.9, -1.9], np.array([1, -1], np.int32)),
        ((np.float32, 3), [], np.zeros((0, 3), np.float32)),
        ((np.float32, 3), np.zeros(0), np.zeros(0, np.float32)),
        (np.int32, ["5"], np.array([5], np.int32)),
        (str, ["a", "bc"], np.array(["a", "bc"])),
    ],
)
def test_values_are_converted_to_the_declared_elements(dtype, blob, expected):
    value = Scalar(dtype, blob).get()

    np.testing.assert_array_equal(value, expected)
    assert value.shape == expected.shape
    assert value.dtype == expected.dtype


def test_a_blob_reference_is_kept_and_an_array_is_copied_unless_the_leaf_is_untyped():
    array, blob = np.arange(3), BlobReference("b")

    assert Scalar(np.int32, blob).get() is blob
    assert Scalar(blob=array).get() is array
    assert Scalar(array.dtype, array).get() is not array


def test_an_untyped_leaf_does_not_guess_its_type():
    assert Scalar(blob=np.arange(3)).dtype == np.void
    with pytest.raises(AssertionError, match="Invalid blob type"):
        Scalar(blob=[1, 2])
    with pytest.raises(AssertionError, match=r"Invalid blob type 'tuple'.*write a type with a shape as Scalar"):
        Struct(("a", (np.float32, 3)))


def test_text_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="cannot convert to int32"):
        Scalar(np.int32, ["five"])


def test_an_array_gives_its_inner_shape_to_a_leaf_that_declares_none():
    leaf = Scalar(np.float32, np.ones((4, 3)))

    assert leaf.dtype == np.dtype((np.float32, (3,)))
    assert leaf.clone_schema().dtype == leaf.dtype

    leaf.set_value(np.ones((2, 5)), unsafe=True)

    assert leaf.dtype == np.dtype((np.float32, (5,)))


def test_an_array_of_another_inner_shape_is_refused():
    leaf = Scalar((np.float32, 7), np.zeros((2, 7)))

    with pytest.raises(ValueError, match=r"an array of shape \(4, 3\) does not fit the declared inner shape \(7,\)"):
        leaf.set_value(np.ones((4, 3)), unsafe=True)

    assert leaf.dtype == np.dtype((np.float32, (7,)))
    assert leaf.get().shape == (2, 7)


@pytest.mark.parametrize("value", [[1, 2], np.array([1.0]), BlobReference("b")])
def test_the_strict_mode_takes_arrays_of_exactly_the_declared_elements(value):
    leaf = Scalar(np.int32)

    with pytest.raises(AssertionError, match=r"expected an array of int32"):
        leaf.set_value(value, throw_on_type_mismatch=True, unsafe=True)

    leaf.set_value(np.array([1], np.int32), throw_on_type_mismatch=True, unsafe=True)
    assert leaf.get().tolist() == [1]


def test_the_strict_mode_takes_any_text_for_a_leaf_of_strings():
    leaf = Scalar(str)

    for text in (np.array(["ä", "bc"]), np.array([b"x"]), np.array([b"y", "z"], object)):
        leaf.set_value(text, throw_on_type_mismatch=True, unsafe=True)
    with pytest.raises(AssertionError, match="expected an array of str, got one of int64"):
        leaf.set_value(np.array([1]), throw_on_type_mismatch=True, unsafe=True)


@pytest.mark.parametrize("source", [np.array(["größe".encode()]), np.array([["größe".encode(), "x"]], object)])
def test_bytes_become_text_as_utf_8(source):
    """Item 28, the conversion."""
    value = np.asarray(Scalar(str, source).get())

    assert value.dtype.kind == "U"
    assert value.shape == source.shape
    assert value.flat[0] == "größe"


def test_text_becomes_bytes_as_utf_8():
    assert Scalar(bytes, ["größe"]).get().tolist() == ["größe".encode()]


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ValueError, match="cannot convert to str: 'utf-8' codec can't decode"):
        Scalar(str, np.array([b"\xff"], object))


@pytest.mark.parametrize(("dtype", "number"), NUMBERS)
def test_a_tensor_type_has_a_number(dtype, number):
    """Item 22, what maps."""
    assert data_type_for_dtype(dtype) == number
    assert data_type_for_dtype((dtype, (2,)) if dtype is not str else dtype) == number
    assert dtype_for_core_type(number) == np.dtype(dtype)


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64, bytes, object, np.void, "U5", "S5", np.complex64])
def test_other_types_have_no_number(dtype):
    """Item 22, what does not."""
    with pytest.raises(TypeError, match="no tensor has elements of"):
        data_type_for_dtype(dtype)


@pytest.mark.parametrize("number", [DataType.UNDEFINED, DataType.BYTE, 11, 99])
def test_an_unknown_number_has_no_type(number):
    with pytest.raises(TypeError, match=f"no dtype has the type number {number}"):
        dtype_for_core_type(number)
