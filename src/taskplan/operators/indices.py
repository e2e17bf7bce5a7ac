"""Dictionaries from keys to the numbers 1, 2, 3, ... in order of first sight."""

from __future__ import annotations

from functools import partial

import numpy as np

from taskplan.errors import ArgumentError
from taskplan.operators.dictionaries import Index
from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.operands import I32, I64, Tensor, refuse, require_dtype, settled
from taskplan.operators.registry import MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import Changes, Reads
from taskplan.plan.types import STRING_DTYPE

_MOST_ELEMENTS = np.iinfo(np.int32).max
_READS = (Reads("handle"),)
_CHANGES = (Changes("handle"),)


def _check_max_elements(*, max_elements: int) -> None:
    if max_elements < 1:
        msg = f"an index cannot hold max_elements={max_elements}; the number 0 for unknown keys counts as one"
        raise ArgumentError(msg, argument="max_elements")


@operator("IntIndexCreate", outputs=("handler",), effects=(MAKES,), check=_check_max_elements, infer=no_tensors)
def int_index_create(*, max_elements: int = _MOST_ELEMENTS, run: OpRun) -> Index:
    """A new index of int32 keys. ``max_elements`` is how many numbers there may be, the 0 for unknown ones included.

    Outputs:
        handler: an index.
    Example:
        IntIndexCreate(; max_elements=4) -> ix
    """
    return Index(I32, max_elements, run.op.outputs[0])


@operator("LongIndexCreate", outputs=("handler",), effects=(MAKES,), check=_check_max_elements, infer=no_tensors)
def long_index_create(*, max_elements: int = _MOST_ELEMENTS, run: OpRun) -> Index:
    """A new index of int64 keys. ``max_elements`` is how many numbers there may be, the 0 for unknown ones included.

    Outputs:
        handler: an index.
    Example:
        LongIndexCreate(; max_elements=4) -> ix
    """
    return Index(I64, max_elements, run.op.outputs[0])


@operator("StringIndexCreate", outputs=("handle",), effects=(MAKES,), check=_check_max_elements, infer=no_tensors)
def string_index_create(*, max_elements: int = _MOST_ELEMENTS, run: OpRun) -> Index:
    """A new index of strings. ``max_elements`` is how many numbers there may be, the 0 for unknown ones included.

    Outputs:
        handle: an index.
    Example:
        StringIndexCreate(; max_elements=4) -> ix
    """
    return Index(STRING_DTYPE, max_elements, run.op.outputs[0])


def _numbers(_handle: None, keys: TensorSpec) -> TensorSpec:
    return TensorSpec(I64, keys.shape)


@operator("IndexGet", inputs=("handle", "keys"), outputs=("indices",), effects=_CHANGES, infer=_numbers)
def index_get(index: Index, keys: Tensor, *, run: OpRun) -> Tensor:
    """The number of each key. Keys that are not known get the next ones; in a frozen index they have 0.

    Inputs:
        handle: an index.
        keys: the index's dtype, any shape.
    Outputs:
        indices: int64, the shape of keys.
    Raises:
        OperatorError: all ``max_elements`` numbers are taken, and a key would need another.
    Example:
        IntIndexCreate() -> ix
        IndexGet(ix, [7 8 7]:i32) -> [1 2 1]:i64
    """
    require_dtype("IndexGet", "keys", keys, {index.dtype})
    numbers: Tensor = run.wait(Changes(index), partial(index.numbers_of, keys))
    return settled(numbers)


@operator(
    "IndexLoad",
    inputs=("handle", "items"),
    outputs=("handle",),
    must_in_place=(("handle", "handle"),),
    effects=_CHANGES,
    infer=no_tensors,
)
def index_load(index: Index, items: Tensor, *, skip_first_entry: bool = False, run: OpRun) -> Index:
    """Replace the contents: the first key gets the number 1, the next one 2, and so on, in a frozen index too.

    Inputs:
        handle: an index.
        items: the index's dtype, any shape; with ``skip_first_entry`` the first is left out.
    Outputs:
        handle: the same index.
    Raises:
        OperatorError: a key is repeated, or there are more than ``max_elements``; the index is as before.
    Example:
        IntIndexCreate() -> ix
        IndexLoad(ix, [7 8]:i32) -> ix
        IndexGet(ix, [8]:i32) -> [2]:i64
    """
    require_dtype("IndexLoad", "items", items, {index.dtype})
    if skip_first_entry and not items.size:
        raise refuse("IndexLoad", f"items has shape {items.shape}, there is no first entry to skip")
    run.wait(Changes(index), partial(index.load, np.ravel(items)[int(skip_first_entry) :]))
    return index


@operator(
    "IndexFreeze",
    inputs=("handle",),
    outputs=("handle",),
    must_in_place=(("handle", "handle"),),
    effects=_CHANGES,
    infer=no_tensors,
)
def index_freeze(index: Index, *, run: OpRun) -> Index:
    """Add no keys any more when they are looked up. An index is frozen for good.

    Inputs:
        handle: an index.
    Outputs:
        handle: the same index.
    Example:
        IntIndexCreate() -> ix
        IndexFreeze(ix) -> ix
        IndexGet(ix, [8]:i32) -> [0]:i64
    """
    run.wait(Changes(index), index.freeze)
    return index


@operator(
    "IndexStore",
    inputs=("handle",),
    outputs=("items",),
    effects=_READS,
    inexact="the type and the number of the keys",
)
def index_store(index: Index, *, run: OpRun) -> Tensor:
    """The keys, in the order of their numbers.

    Inputs:
        handle: an index.
    Outputs:
        items: vector of the index's dtype; the key with number 1 comes first.
    Example:
        IntIndexCreate() -> ix
        IndexLoad(ix, [7 8]:i32) -> ix
        IndexStore(ix) -> [7 8]:i32
    """
    keys: Tensor = run.wait(Reads(index), index.keys)
    return keys


@operator("IndexSize", inputs=("handle",), outputs=("items",), effects=_READS, infer=always(TensorSpec(I64)))
def index_size(index: Index, *, run: OpRun) -> np.int64:
    """How many numbers are in use, the 0 for unknown keys included: 1 if there are no keys.

    Inputs:
        handle: an index.
    Outputs:
        items: int64 of rank 0.
    Example:
        IntIndexCreate() -> ix
        IndexLoad(ix, [7 8]:i32) -> ix
        IndexSize(ix) -> 3 ():i64
    """
    return np.int64(run.wait(Reads(index), index.size))
