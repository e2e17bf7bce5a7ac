"""Maps from integers to integers."""

from __future__ import annotations

from functools import partial

from taskplan.errors import ShapeError
from taskplan.operators.dictionaries import Map
from taskplan.operators.inference import no_tensors
from taskplan.operators.operands import INDICES, Tensor, argument_error, require_dtype
from taskplan.operators.registry import MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import Changes, Reads
from taskplan.plan.types import NUMPY_DTYPES, DataType

_KINDS = {DataType.INT32, DataType.INT64}


def _check_kinds(**dtypes: int) -> None:
    for argument, number in dtypes.items():
        if number not in _KINDS:
            raise argument_error("CreateMap", argument, f"must be INT32 (2) or INT64 (10), got {number}")


@operator("CreateMap", outputs=("map blob",), effects=(MAKES,), check=_check_kinds, infer=no_tensors)
def create_map(*, key_dtype: int = DataType.INT32, value_dtype: int = DataType.INT32, run: OpRun) -> Map:
    """A new map without entries; one that the blob held before is replaced.

    Outputs:
        map blob: a map; ``key_dtype`` and ``value_dtype`` are INT32 (2) or INT64 (10).
    Example:
        CreateMap(; key_dtype=10, value_dtype=10) -> m
    """
    return Map(NUMPY_DTYPES[key_dtype], NUMPY_DTYPES[value_dtype], run.op.outputs[0])


@operator("KeyValueToMap", inputs=("key blob", "value blob"), outputs=("map blob",), effects=(MAKES,), infer=no_tensors)
def key_value_to_map(keys: Tensor, values: Tensor, *, run: OpRun) -> Map:
    """Put values into a map by their keys. A key keeps the first value that it got, in this call or an earlier one.

    Inputs:
        key blob: int32 or int64, any shape.
        value blob: int32 or int64, as many elements as there are keys.
    Outputs:
        map blob: the map that the blob held before, if its keys and values are of these dtypes; else a new one.
    Example:
        KeyValueToMap([1 2 1]:i64, [10 20 30]:i64) -> m
    """
    name = "KeyValueToMap"
    require_dtype(name, "key blob", keys, INDICES)
    require_dtype(name, "value blob", values, INDICES)
    if keys.size != values.size:
        msg = f"{name}: key blob has shape {keys.shape}, value blob has shape {values.shape}; expected one value a key"
        raise ShapeError(msg, operator=name)
    held = run.previous(0)
    if not isinstance(held, Map) or (held.key_dtype, held.value_dtype) != (keys.dtype, values.dtype):
        held = Map(keys.dtype, values.dtype, run.op.outputs[0])
    run.wait(Changes(held), partial(held.insert, keys, values))
    return held


@operator(
    "MapToKeyValue",
    inputs=("map blob",),
    outputs=("key blob", "value blob"),
    effects=(Reads("map blob"),),
    inexact="the types and the number of the entries",
)
def map_to_key_value(held: Map, *, run: OpRun) -> tuple[Tensor, Tensor]:
    """All entries of a map, in no order that could be relied upon.

    Inputs:
        map blob: a map.
    Outputs:
        key blob: vector of the dtype of the map's keys.
        value blob: vector of the dtype of its values; the value of each key stands where the key does.
    Example:
        KeyValueToMap([1 2 1]:i64, [10 20 30]:i64) -> m
        MapToKeyValue(m) -> [1 2]:i64, [10 20]:i64
    """
    entries: tuple[Tensor, Tensor] = run.wait(Reads(held), held.entries)
    return entries
