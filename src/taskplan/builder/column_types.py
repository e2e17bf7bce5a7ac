"""What one column may hold: the dtype a leaf declares, the values converted to it, and Caffe2's numbers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.plan.types import STRING_DTYPE, TYPE_NUMBERS, Array, DataType, DType

if TYPE_CHECKING:
    import numpy.typing as npt

UNTYPED: DType = np.dtype(np.void)
"""The dtype of a leaf that declares none."""

TEXT: DType = np.dtype(str)
"""The dtype of a leaf of strings of any length. Its tensors hold UTF-8 bytes; its arrays are unicode."""

_NUMBERS: dict[DType, int] = {
    TEXT: DataType.STRING,
    **{dtype: number for dtype, number in TYPE_NUMBERS.items() if dtype != STRING_DTYPE},
}
_DTYPES: dict[int, DType] = {number: dtype for dtype, number in _NUMBERS.items()}


def leaf_dtype(dtype: npt.DTypeLike | None) -> DType:
    """The NumPy dtype that a leaf declares with `dtype`, a dtype or a pair of an element type and an inner shape.

    `None` is `UNTYPED`; `(t, 1)` keeps the inner shape `(1,)`, which some versions of NumPy drop.

    Raises:
        BuildTypeError: this is no dtype, or void elements are given an inner shape.
        BuildValueError: the inner shape is none.
        BuildError: the dtype is structured.
    """
    if dtype is None:
        return UNTYPED
    try:
        if isinstance(dtype, tuple) and len(dtype) == 2:
            element, shape = dtype
            if np.dtype(element) == UNTYPED:
                msg = f"an untyped leaf has no inner shape, got {dtype!r}; name the element type"
                raise BuildTypeError(msg)
            if isinstance(shape, int | np.integer) and shape == 1:
                dtype = (element, (1,))
        made: DType = np.dtype(dtype)
    except BuildError:
        raise
    except TypeError as error:
        msg = f"expected a dtype or (dtype, inner shape), got {dtype!r}: {error}"
        raise BuildTypeError(msg) from error
    except ValueError as error:
        msg = f"expected a dtype or (dtype, inner shape), got {dtype!r}: {error}"
        raise BuildValueError(msg) from error
    if made.base.fields is not None:
        msg = f"a leaf cannot have the structured dtype {made!r}; make a Struct of it with from_dtype"
        raise BuildError(msg)
    return made


def leaf_array(value: object, dtype: DType) -> Array:
    """`value` as the array that a leaf of `dtype` keeps: a copy with the element type, or `value` itself if untyped.

    A value that is no array becomes at least a vector; an empty one gets the inner shape of `dtype`. Text is UTF-8
    wherever bytes meet strings.

    Raises:
        BuildError: the leaf is untyped and `value` is no array.
        BuildValueError: an element cannot be converted.
    """
    if dtype.base == UNTYPED:
        if not isinstance(value, np.ndarray):
            msg = (
                f"Invalid blob type {type(value).__name__!r}: an untyped leaf takes a BlobReference or an array, "
                f"got {value!r}; give the leaf a dtype, or write a type with a shape as Scalar(type)"
            )
            raise BuildError(msg)
        return value
    array = _converted(value, dtype.base)
    if isinstance(value, np.ndarray):
        return array
    if array.size == 0:
        return array.reshape((0, *dtype.shape))
    return array.reshape((1,)) if array.ndim == 0 else array


def _converted(value: object, base: DType) -> Array:
    try:
        return _text_array(value, base) if base.kind in "US" else np.array(value, dtype=base)
    except TypeError as error:
        msg = f"cannot convert to {base.name}: {error}"
        raise BuildTypeError(msg) from error
    except ValueError as error:
        msg = f"cannot convert to {base.name}: {error}"
        raise BuildValueError(msg) from error


def _text_array(value: object, base: DType) -> Array:
    # Not NumPy's own conversion between bytes and strings, which knows ASCII only.
    elements = np.asarray(value, dtype=object)
    texts: list[object]
    if base.kind == "U":
        texts = [item.decode("utf-8") if isinstance(item, bytes) else item for item in elements.flat]
    else:
        texts = [item.encode("utf-8") if isinstance(item, str) else item for item in elements.flat]
    return np.array(texts, dtype=base).reshape(elements.shape)


def check_exact(value: object, dtype: DType) -> None:
    """Refuse what strict modes refuse: a value that is no array with the element type of `dtype`.

    Strings and bytes count as the element type of a leaf that was declared with `str`.

    Raises:
        BuildError: the value is no array, or one of another element type.
    """
    if dtype.base == UNTYPED:
        return
    if not isinstance(value, np.ndarray):
        msg = f"expected an array of {dtype.base.name}, got {value!r}"
        raise BuildError(msg)
    if dtype.base == TEXT and (value.dtype.kind in "US" or value.dtype == STRING_DTYPE):
        return
    if value.dtype != dtype.base:
        msg = f"expected an array of {dtype.base.name}, got one of {value.dtype.name}; convert it first"
        raise BuildError(msg)


def refined_dtype(dtype: DType, array: Array) -> DType:
    """`dtype`, with the inner shape of `array` if it declares none.

    Raises:
        BuildValueError: `dtype` declares another inner shape than `array` has.
    """
    inner = array.shape[1:]
    if array.ndim < 2 or inner == dtype.shape or dtype.base.itemsize == 0:
        return dtype
    if dtype.shape:
        msg = f"an array of shape {array.shape} does not fit the declared inner shape {dtype.shape}"
        raise BuildValueError(msg)
    refined: DType = np.dtype((dtype.base, inner))
    return refined


def data_type_for_dtype(dtype: npt.DTypeLike) -> int:
    """The `DataType` number of the elements of `dtype`.

    Raises:
        BuildTypeError: no tensor has such elements (unsigned 32 and 64 bit, sized strings, bytes, object, void, ...).
    """
    base = np.dtype(dtype).base
    if base not in _NUMBERS:
        known = ", ".join(sorted(known.name for known in _NUMBERS))
        msg = f"no tensor has elements of {base!r}; expected one of {known}"
        raise BuildTypeError(msg)
    return _NUMBERS[base]


def dtype_for_core_type(core_type: int) -> DType:
    """The dtype whose `DataType` number is `core_type`; strings are `str`.

    Raises:
        BuildTypeError: no dtype has that number.
    """
    if core_type not in _DTYPES:
        msg = f"no dtype has the type number {core_type!r}; expected one of {sorted(_DTYPES)}"
        raise BuildTypeError(msg)
    return _DTYPES[core_type]
