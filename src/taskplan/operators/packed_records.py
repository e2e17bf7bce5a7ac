"""Datasets that grow and shrink, and records packed into one tensor.

`taskplan.operators.cursors` says what fields and domains are.

A packed record is a tuple of tensors, one a field, and a tensor of packed records is an object array of them, as a
string tensor is one of bytes. So whatever moves elements about moves records too: `Gather`, `Slice`, `Concat`, queues.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from taskplan.errors import DtypeError, ShapeError
from taskplan.operators.both_sides import require_once, require_output_each
from taskplan.operators.cursors import field_check, field_tree, some_rows
from taskplan.operators.inference import Inferred, Size, TensorSpec, total
from taskplan.operators.objects import Mutex
from taskplan.operators.operands import Tensor, argument_error, dtype_name, refuse, require_dtype, require_least_rank
from taskplan.operators.registry import UNLIMITED, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import Changes
from taskplan.plan.types import STRING_DTYPE

# --- growth ----------------------------------------------------------------------------------------------------------


class _Room(np.ndarray[Any, np.dtype[Any]]):
    """A buffer, of whose first rows stores are views; the rows behind the longest of them nobody has seen.

    Attributes:
        end: the length of that longest store, as the one element of a set. Whoever takes the element out may write the
            rows behind, and puts the new end in. Taking out is one indivisible step, so of several that append to one
            store at once, one does; to the others the store is as good as any array.
    """

    end: set[int]

    @classmethod
    def around(cls, store: Tensor, least: int) -> _Room:
        """A buffer that begins with the rows of `store`, with room for `least` rows and two fifths more."""
        room = np.ndarray.__new__(cls, (least + least * 2 // 5 + 8, *store.shape[1:]), store.dtype)
        room[: len(store)] = store
        room.end = set()
        return room

    @staticmethod
    def of(store: Tensor) -> _Room | None:
        """The buffer whose first rows `store` is; None if it is another array, or a view of other rows."""
        # A view of a view has the first array as its base, but only if all are of one class. So the base of a store is
        # the part of the room that it was taken of, and the base of a view of the store is the store.
        part = store.base
        return part.base if type(part) is _Room else None  # type: ignore[return-value]

    def claim(self, size: int) -> bool:
        """Whether the caller, and nobody else, may write the rows from `size` on."""
        try:
            self.end.remove(size)
        except KeyError:
            return False
        return True


def grown(store: Tensor, addition: Tensor) -> Tensor:
    """The rows of `store` and behind them those of `addition`, which must fit; in amortised constant time a row.

    `store` itself stays as it is, though the result may share its memory. A store without rows takes on the type and
    inner shape of the addition.
    """
    if not len(store):
        return addition
    if not len(addition):
        return store
    size, end = len(store), len(store) + len(addition)
    room = _Room.of(store)
    if room is None or end > len(room) or not room.claim(size):
        room = _Room.around(store, end)
    room[size:end] = addition
    room.end.add(end)
    return room[:end].view(np.ndarray)


def require_fit(name: str, store_slot: str, store: Tensor, slot: str, addition: Tensor) -> None:
    """Raise DtypeError or ShapeError if the rows of `addition` cannot be put behind those of `store`."""
    require_least_rank(name, slot, addition, 1)
    require_least_rank(name, store_slot, store, 1)
    if not len(store):
        return
    if addition.dtype != store.dtype:
        types = f"{slot} has dtype {dtype_name(addition.dtype)}, {store_slot} has dtype {dtype_name(store.dtype)}"
        msg = f"{name}: {types}; cast one of them"
        raise DtypeError(msg, operator=name)
    if addition.shape[1:] != store.shape[1:]:
        shapes = f"{slot} has shape {addition.shape}, {store_slot} has shape {store.shape}"
        msg = f"{name}: {shapes}; they may differ along the first axis only"
        raise ShapeError(msg, operator=name)


def _appended(store: TensorSpec | None, addition: TensorSpec) -> Inferred:
    """An empty store takes on all of the addition's kind, another one has it already."""
    sizes = None if store is None or store.shape is None else store.shape
    rows: Size = total((sizes[0], addition.sizes[0])) if sizes else None
    return TensorSpec(addition.dtype, (rows, *addition.sizes[1:]))


@operator("Append", inputs=("A", "B"), outputs=("A",), must_in_place=(("A", "A"),), infer=_appended)
def append(store: Tensor, addition: Tensor) -> Tensor:
    """The rows of B behind those of A, in amortised constant time a row. An A without rows becomes as B.

    Inputs:
        A: any dtype, rank 1 or more.
        B: A's dtype, rank and inner shape, unless A has no rows.
    Outputs:
        A: the same blob.
    Example:
        Append([[1 2]], [[3 4]]) -> [[1 2] [3 4]]
    """
    require_fit("Append", "A", store, "B", addition)
    return grown(store, addition)


def _appended_each(_mutex: None, *tensors: TensorSpec | None) -> Inferred:
    return [some_rows(each) for each in tensors[len(tensors) // 2 :]]


def _prepare_atomic_append(*, run: OpRun, **_: object) -> None:
    stores = run.op.inputs[1 : 1 + len(run.op.inputs) // 2]
    require_output_each("AtomicAppend", "stores", stores, run.op.outputs)
    require_once("AtomicAppend", "stores", stores, "append to it twice instead")


@operator(
    "AtomicAppend",
    inputs=("mutex", "stores+", "additions+"),
    outputs=("stores+",),
    must_in_place=(("stores", "stores"),),
    input_counts=range(3, UNLIMITED, 2),
    effects=(Changes("mutex"),),
    prepare=_prepare_atomic_append,
    infer=_appended_each,
    inexact="what other steps append meanwhile",
)
def atomic_append(mutex: Mutex, *_tensors: Tensor, run: OpRun) -> None:
    """`Append` to several stores while no other operator does anything under the same mutex: to all, or to none.

    Inputs:
        mutex: a mutex.
        stores: as A of `Append`, no blob twice.
        additions: as many as stores, each as B of `Append`.
    Outputs:
        stores: the same blobs, in the same order.
    Raises:
        DtypeError, ShapeError: an addition does not fit its store; all stores stay as they are.
    Example:
        CreateMutex() -> m
        AtomicAppend(m, [1]:i32, [2]:i32) -> [1 2]:i32
    """
    count = len(run.op.inputs) // 2
    run.wait(Changes(mutex), partial(mutex.hold, partial(_append_all, "AtomicAppend", count, run)))


def _append_all(name: str, count: int, run: OpRun) -> None:
    stores = [run.input(1 + place) for place in range(count)]
    additions = [run.input(1 + count + place) for place in range(count)]
    for place, (store, addition) in enumerate(zip(stores, additions, strict=True)):
        require_fit(name, f"stores[{place}]", store, f"additions[{place}]", addition)
    results = [grown(store, addition) for store, addition in zip(stores, additions, strict=True)]
    # From the last to the first, since lengths come before their entries: a reader of the dataset, which does not hold
    # the mutex, must not find lengths whose entries are not there yet.
    for place in reversed(range(count)):
        run.store(place, results[place])


# --- the end cut off -------------------------------------------------------------------------------------------------

_check_trim_fields = field_check("TrimDataset")


def _check_trim(*, fields: Sequence[str], multiple_of: int) -> None:
    _check_trim_fields(fields=fields)
    if multiple_of < 1:
        raise argument_error("TrimDataset", "multiple_of", f"must be at least 1 record, got {multiple_of}")


def _records(columns: Sequence[TensorSpec], fields: Sequence[str]) -> Size:
    """How many records columns make, `None` if one of the top-level sizes is not known."""
    domains = field_tree(tuple(fields)).domain_of
    sizes = [column.sizes[0] for column, domain in zip(columns, domains, strict=True) if domain == 0]
    known = [size for size in sizes if size is not None]
    return min(known) if len(known) == len(sizes) else None


def _trimmed(*columns: TensorSpec, fields: Sequence[str], multiple_of: int) -> Inferred:
    records = _records(columns, fields)
    rows = None if records is None else records - records % multiple_of
    return [
        some_rows(column) if domain else TensorSpec(column.dtype, (rows, *column.sizes[1:]))
        for column, domain in zip(columns, field_tree(tuple(fields)).domain_of, strict=True)
    ]


@operator(
    "TrimDataset",
    inputs=("fields+",),
    outputs=("fields+",),
    must_in_place=(("fields", "fields"),),
    check=_check_trim,
    infer=_trimmed,
    inexact="how many entries nested fields keep",
)
def trim_dataset(*columns: Tensor, fields: Sequence[str] = (), multiple_of: int = 1, run: OpRun) -> tuple[Tensor, ...]:
    """A dataset without its last records, so that their number is a multiple of ``multiple_of``.

    Inputs:
        fields: a tensor for each of the argument ``fields``.
    Outputs:
        fields: the same blobs; of nested fields the entries of the records that are left.
    Raises:
        OperatorError: lengths are negative, or ask for more entries than there are.
    Example:
        TrimDataset([2 0 1]:i32, [5 6 7]; fields=["b:lengths", "b:values"], multiple_of=2) -> [2 0]:i32, [5 6]
    """
    name, tree = "TrimDataset", field_tree(tuple(fields))
    tree.require_columns(name, columns)
    _require_outputs(name, run, len(fields))
    records = tree.records(columns)
    ends = tree.after(name, columns, [0] * tree.domains, records - records % multiple_of)
    return tuple([column[: ends[domain]] for column, domain in zip(columns, tree.domain_of, strict=True)])


def _require_outputs(name: str, run: OpRun, count: int) -> None:
    if len(run.op.outputs) != count:
        raise refuse(name, f"got {len(run.op.outputs)} outputs for {count} fields; give one for each")


# --- packing ---------------------------------------------------------------------------------------------------------


def _packed(*columns: TensorSpec, fields: Sequence[str], pack_to_single_shared_ptr: bool) -> Inferred:
    return TensorSpec(STRING_DTYPE, (1 if pack_to_single_shared_ptr else _records(columns, fields),))


@operator("PackRecords", inputs=("fields+",), outputs=("tensor",), check=field_check("PackRecords"), infer=_packed)
def pack_records(*columns: Tensor, fields: Sequence[str] = (), pack_to_single_shared_ptr: bool = False) -> Tensor:
    """A dataset as a vector with one element a record, or with ``pack_to_single_shared_ptr`` with one for all of it.

    Where top-level fields differ in length the shortest counts.

    Inputs:
        fields: a tensor for each of the argument ``fields``; lengths are int32.
    Outputs:
        tensor: vector of packed records.
    Raises:
        OperatorError: lengths are negative, or ask for more entries than there are.
    Example:
        PackRecords([1 2], [2 1]:i32, [5 6 7]; fields=["a", "b:lengths", "b:values"]) -> packed
        UnPackRecords(packed; fields=["a", "b:lengths", "b:values"]) -> [1 2], [2 1]:i32, [5 6 7]
    """
    tree = field_tree(tuple(fields))
    tree.require_columns("PackRecords", columns)
    offsets = tree.boundaries("PackRecords", columns, [0] * tree.domains)
    if pack_to_single_shared_ptr:
        offsets = offsets[[0, -1]]
    bounds = [offsets[:, domain].tolist() for domain in range(tree.domains)]
    slices = [
        [column[begin:end] for begin, end in zip(bounds[domain], bounds[domain][1:], strict=False)]
        for column, domain in zip(columns, tree.domain_of, strict=True)
    ]
    return np.fromiter(zip(*slices, strict=True), STRING_DTYPE, len(offsets) - 1)


@operator(
    "UnPackRecords",
    inputs=("packed_tensor", "prototypes*"),
    outputs=("fields+",),
    check=field_check("UnPackRecords"),
    inexact="the type and shape of what was packed",
)
def unpack_records(packed: Tensor, *prototypes: Tensor, fields: Sequence[str] = (), run: OpRun) -> tuple[Tensor, ...]:
    """The dataset that packed records make, one behind the other: the inverse of `PackRecords`.

    Inputs:
        packed_tensor: packed records, any shape.
        prototypes: a tensor for each of the argument ``fields``. Where there are no records, the fields get their
            types and inner shapes; else they do not matter.
    Outputs:
        fields: a tensor for each of the argument ``fields``.
    Raises:
        DtypeError, ShapeError: the records differ in the type or inner shape of a field.
        OperatorError: an element is no packed record of as many fields, or there are neither records nor prototypes.
    Example:
        PackRecords([1 2], [2 1]:i32, [5 6 7]; fields=["a", "b:lengths", "b:values"]) -> packed
        UnPackRecords(packed; fields=["a", "b:lengths", "b:values"]) -> [1 2], [2 1]:i32, [5 6 7]
    """
    name = "UnPackRecords"
    _require_outputs(name, run, len(fields))
    if len(prototypes) not in (0, len(fields)):
        raise refuse(name, f"got {len(prototypes)} prototypes for {len(fields)} fields; give one for each, or none")
    for place, prototype in enumerate(prototypes):
        require_least_rank(name, f"prototypes[{place}]", prototype, 1)
    require_dtype(name, "packed_tensor", packed, {STRING_DTYPE})
    records = packed.ravel().tolist()
    for place, record in enumerate(records):
        if type(record) is not tuple or len(record) != len(fields):
            got = f"a record of {len(record)} fields" if type(record) is tuple else repr(record)
            raise refuse(name, f"element {place} is {got}, expected a packed record of {len(fields)} fields")
    if records:
        columns = zip(fields, zip(*records, strict=True), strict=True)
        return tuple([joined(name, f"field {field!r}", column) for field, column in columns])
    if not prototypes:
        raise refuse(name, "there are no records, and no prototypes to take types and inner shapes from; give them")
    return tuple([prototype[:0] for prototype in prototypes])


def joined(name: str, what: str, tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one behind the other.

    Args:
        name: the operator.
        what: what they are, for messages.
        tensors: at least one.

    Raises:
        DtypeError, ShapeError: they differ in type or inner shape, or have rank 0.
    """
    first = tensors[0]
    require_least_rank(name, f"{what}, number 0,", first, 1)
    if len(tensors) == 1:
        return first
    try:
        return np.concatenate(tensors, dtype=first.dtype, casting="no")
    except (TypeError, ValueError):
        for place, each in enumerate(tensors):
            if each.dtype != first.dtype:
                types = (
                    f"has dtype {dtype_name(first.dtype)} in number 0 and {dtype_name(each.dtype)} in number {place}"
                )
                msg = f"{name}: {what} {types}"
                raise DtypeError(msg, operator=name) from None
            if not each.ndim or each.shape[1:] != first.shape[1:]:
                shapes = f"{first.shape} in number 0 and {each.shape} in number {place}"
                msg = f"{name}: {what} has shape {shapes}; they may differ along the first axis only"
                raise ShapeError(msg, operator=name) from None
        raise
