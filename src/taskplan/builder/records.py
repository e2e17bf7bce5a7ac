"""Schemas bound to the blobs of a net: new blobs, blobs filled with constants, empty blobs."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np

from taskplan.builder.blobs import BlobReference
from taskplan.builder.column_types import data_type_for_dtype
from taskplan.builder.columns import from_blob_list
from taskplan.builder.fields import Field, Scalar, require_field
from taskplan.builder.naming import NamingContext, current_names
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.plan.types import STRING_DTYPE, Array, DataType, DType

logger = logging.getLogger(__name__)

_Record = TypeVar("_Record", bound=Field)

_FILLS = {
    DataType.FLOAT: "GivenTensorFill",
    DataType.DOUBLE: "GivenTensorDoubleFill",
    DataType.INT16: "GivenTensorInt16Fill",
    DataType.INT32: "GivenTensorIntFill",
    DataType.INT64: "GivenTensorInt64Fill",
    DataType.BOOL: "GivenTensorBoolFill",
    DataType.STRING: "GivenTensorStringFill",
}
"""The operator that makes a tensor of given values, for the types that have one."""

_WIDER = {
    DataType.FLOAT16: DataType.FLOAT,
    DataType.INT8: DataType.INT32,
    DataType.UINT8: DataType.INT32,
    DataType.UINT16: DataType.INT32,
}
"""The type that the other ones are filled as before they are cast; it holds all their values."""

_OWNERS: WeakKeyDictionary[NamingContext, WeakValueDictionary[str, RecordNet]] = WeakKeyDictionary()
"""By naming context: the net for which a record took the name of a blob."""

_BLOBS: WeakKeyDictionary[NamingContext, WeakValueDictionary[str, BlobReference]] = WeakKeyDictionary()
"""By naming context: the blob that has the name. The name is free once both net and blob are gone."""


class RecordNet(Protocol):
    """What a record needs of a net: fresh names, and operators by name."""

    def NextScopedBlob(self, prefix: str = "unnamed") -> BlobReference:
        """A blob of a name that the net has not given away, in the current name scope."""

    def __getattr__(self, op_type: str) -> Callable[..., Any]: ...


def NewRecord(net: RecordNet, schema: _Record) -> _Record:
    """A copy of `schema` bound to new blobs, which are named like its leaves in the current name scope.

    No operator is added. A lone `Scalar` is called `unnamed_scalar`. Names that the net has given away get the suffix
    `_auto_0`, `_auto_1`, ...; names of records of other nets, which may well run in the same workspace, `_1`, `_2`, ...

    Example::

        with NameScope("train"):
            batch = NewRecord(net, Struct(("x", np.float32), ("y", np.int64)))     # blobs train/x and train/y
    """
    require_field(schema)
    names = ["unnamed_scalar"] if isinstance(schema, Scalar) else schema.field_names()
    return from_blob_list(schema, [_new_blob(net, name) for name in names])


def ConstRecord(net: RecordNet, array_record: _Record) -> _Record:
    """A record of new blobs that `net` fills with the arrays of `array_record`.

    Tensors have the element types of the arrays, leaves the dtypes of the given ones.

    Raises:
        BuildTypeError: an array has elements that no tensor has.
        BuildValueError: a double is too large or too small to be a sum of single floats, which is what plans hold.
        BuildError: a leaf has no array.
    """
    require_field(array_record)
    named_values = zip(array_record.field_names(), array_record.field_blobs(), strict=True)
    constants = [_constant(name, value) for name, value in named_values]
    record = NewRecord(net, array_record)
    for constant, blob in zip(constants, blobs_of(record), strict=True):
        constant.fill(net, blob)
    return record


def InitEmptyRecord(net: RecordNet, schema_or_record: _Record, enforce_types: bool = False) -> _Record:
    """Blobs that `net` makes empty, with the types and inner shapes of a schema; a record keeps the blobs it has.

    Args:
        net: gets one `ConstantFill` a leaf, and a conversion for half precision, which that does not know.
        schema_or_record: a schema, or a record of blobs, which is then what is returned.
        enforce_types: refuse dtypes that no tensor has; otherwise they become float, and a warning is logged.

    Raises:
        BuildTypeError: `enforce_types` meets such a dtype.
        BuildError: a leaf of the record has another value than a blob.
    """
    require_field(schema_or_record)
    numbers = [
        _type_number(name, dtype, enforce_types)
        for name, dtype in zip(schema_or_record.field_names(), schema_or_record.field_types(), strict=True)
    ]
    record = schema_or_record if schema_or_record.has_blobs() else NewRecord(net, schema_or_record)
    for number, dtype, blob in zip(numbers, record.field_types(), blobs_of(record), strict=True):
        shape = [0, *dtype.shape]
        if number == DataType.FLOAT16:
            _convert(net, net.ConstantFill([], 1, shape=shape, dtype=DataType.FLOAT), number, blob)
        else:
            net.ConstantFill([], blob, shape=shape, dtype=number)
    return record


def _new_blob(net: RecordNet, name: str) -> BlobReference:
    """A blob called `name` in the current scope, or nearly: one that no record has."""
    names = current_names()
    owners = _OWNERS.setdefault(names, WeakValueDictionary())
    blobs = _BLOBS.setdefault(names, WeakValueDictionary())
    blob = net.NextScopedBlob(name)
    while str(blob) in blobs or owners.setdefault(str(blob), net) is not net:
        blob = net.NextScopedBlob(names.numbered(name, f"record:{name}"))
    blobs[str(blob)] = blob
    return blob


def blobs_of(record: Field) -> list[BlobReference]:
    """The blobs that the leaves of a record are bound to.

    Raises:
        BuildError: this is no record, or a leaf has no value or one that is no blob.
    """
    require_field(record)
    blobs = []
    for name, value in zip(record.field_names(), record.field_blobs(), strict=True):
        if not isinstance(value, BlobReference):
            msg = f"expected a blob in field {name!r}, got a {type(value).__name__}; see NewRecord"
            raise BuildError(msg)
        blobs.append(value)
    return blobs


def _type_number(name: str, dtype: DType, enforce: bool) -> int:
    try:
        return data_type_for_dtype(dtype)
    except BuildTypeError as error:
        if enforce:
            error.add_note(f"in field {name!r}")
            raise
        logger.warning("field %r of dtype %s starts as an empty tensor of floats: %s", name, dtype, error)
        return DataType.FLOAT


def _convert(net: RecordNet, filled: object, number: int, blob: BlobReference) -> None:
    """Add the operator that turns `filled`, of the wider type, into `blob` of type `number`."""
    if number == DataType.FLOAT16:
        net.FloatToHalf(filled, blob)  # Cast knows no half precision
    else:
        net.Cast(filled, blob, to=number)


class _Constant(NamedTuple):
    """What fills one blob: a tensor of type `number`, the sum of `parts`, which holds from the last one on."""

    number: int
    parts: list[Array]

    def fill(self, net: RecordNet, blob: BlobReference) -> None:
        """Add the operators that do it."""
        filled_as = _WIDER.get(self.number, self.number)
        operator = getattr(net, _FILLS[filled_as])
        *larger, smallest = [
            functools.partial(operator, [], shape=list(part.shape), values=part.ravel().tolist()) for part in self.parts
        ]
        if filled_as != self.number:
            _convert(net, smallest(1), self.number, blob)
            return
        smallest(blob)
        for fill in reversed(larger):
            net.Add([fill(1), blob], blob)


def _constant(name: str, value: object) -> _Constant:
    """What fills a blob with `value`, the array of field `name`."""
    if not isinstance(value, np.ndarray):
        msg = f"expected an array in field {name!r}, got {value!r}"
        raise BuildError(msg)
    if value.dtype.kind in "US" or _holds_text(value):
        return _Constant(DataType.STRING, [value])
    number = _type_number(name, value.dtype, enforce=True)
    return _Constant(number, _single_parts(name, value) if number == DataType.DOUBLE else [value])


def _holds_text(array: Array) -> bool:
    return array.dtype == STRING_DTYPE and all(isinstance(item, str | bytes) for item in array.flat)


def _single_parts(name: str, doubles: Array) -> list[Array]:
    """Single floats, the largest first, that add up to these doubles exactly: arguments of operators hold no others."""
    finite = np.isfinite(doubles)
    parts: list[Array] = []
    rest = np.where(finite, doubles, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        while not parts or rest.any():
            if len(parts) == 3:  # times 24 bits, of which a double needs 53: the exponents do not fit
                msg = f"field {name!r} has doubles beyond the range of single floats, {doubles!r}; feed them instead"
                raise BuildValueError(msg)
            part = rest.astype(np.float32)
            rest = rest - part
            parts.append(part)
    parts[0] = np.where(finite, parts[0], doubles)
    return parts
