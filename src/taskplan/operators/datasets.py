"""Datasets of nested fields: cursors over them, batches in order and at random, consistency.

`taskplan.operators.cursors` says what fields and domains are. Batches are views of the fields: values never change, so
nothing need be copied.

A reader looks at the fields anew once it holds the cursor, in their order; and `AtomicAppend` stores them from the last
to the first. So a reader beside a writer never finds lengths whose entries are not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from taskplan.errors import ArityError, DtypeError, ShapeError
from taskplan.operators.cursors import TreeCursor, field_check, field_tree, some_rows
from taskplan.operators.inference import Inferred, TensorSpec, always, no_tensors
from taskplan.operators.operands import (
    I32,
    I64,
    Tensor,
    argument_error,
    dtype_name,
    refuse,
    require_dtype,
    require_rank,
)
from taskplan.operators.registry import MAKES, RANDOM, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import Changes, Reads
from taskplan.plan.types import STRING_DTYPE, DType

_READS = (Reads("cursor"),)
_CHANGES = (Changes("cursor"),)
_I32_MAX = np.iinfo(np.int32).max


# --- cursors ---------------------------------------------------------------------------------------------------------


@operator(
    "CreateTreeCursor",
    outputs=("cursor",),
    effects=(MAKES,),
    check=field_check("CreateTreeCursor"),
    infer=no_tensors,
)
def create_tree_cursor(*, fields: Sequence[str] = (), run: OpRun) -> TreeCursor:
    """A new cursor at the start of a dataset with these ``fields``; one that the blob held before is replaced.

    Outputs:
        cursor: a cursor. It holds no data.
    Example:
        CreateTreeCursor(; fields=["a", "b:lengths", "b:values"]) -> cur
    """
    return TreeCursor(fields, name=run.op.outputs[0])


@operator("ResetCursor", inputs=("cursor",), effects=_CHANGES, infer=no_tensors)
def reset_cursor(cursor: TreeCursor, *, run: OpRun) -> None:
    """Let the cursor begin again at the start.

    Inputs:
        cursor: a cursor.
    Example:
        CreateTreeCursor(; fields=["a"]) -> cur
        ResetCursor(cur)
    """
    run.wait(Changes(cursor), cursor.reset)


@operator(
    "GetCursorOffset",
    inputs=("cursor",),
    outputs=("offsets",),
    effects=_READS,
    infer=always(TensorSpec(I32, (None,))),
    inexact="how many domains there are, and whether there was a read",
)
def get_cursor_offset(cursor: TreeCursor, *, run: OpRun) -> Tensor:
    """Where the cursor stands.

    Inputs:
        cursor: a cursor.
    Outputs:
        offsets: int32 vector, the next entry of each domain, the top level first; empty before the first read.
    Raises:
        OperatorError: an offset is no int32.
    Example:
        CreateTreeCursor(; fields=["a"]) -> cur
        ReadNextBatch(cur, [1 2 3]; batch_size=2) -> [1 2]
        GetCursorOffset(cur) -> [2]:i32
    """
    offsets = run.wait(Reads(cursor), cursor.read)
    if max(offsets, default=0) > _I32_MAX:
        raise refuse("GetCursorOffset", f"the offsets are {list(offsets)}, more than the int32 of the output can hold")
    return np.array(offsets, I32)


# --- batches in order ------------------------------------------------------------------------------------------------


def _batch_check(name: str) -> Callable[..., None]:
    def check(*, batch_size: int, **_: object) -> None:
        if batch_size < 0:
            raise argument_error(name, "batch_size", f"must be 0 or more records, got {batch_size}")

    return check


def _some_of_each(_cursor: None, *fields: TensorSpec | None) -> Inferred:
    return [some_rows(each) for each in fields]


def _some_picked(_cursor: None, _idx: TensorSpec, _offsetsmat: TensorSpec, *fields: TensorSpec | None) -> Inferred:
    return [some_rows(each) for each in fields]


def _columns(name: str, cursor: TreeCursor, run: OpRun, first: int) -> list[Tensor]:
    """The present fields, from input number `first` on."""
    columns: list[Tensor] = [run.input(place) for place in range(first, len(run.op.inputs))]
    cursor.tree.require_columns(name, columns)
    return columns


def _require_output_each(name: str, cursor: TreeCursor, run: OpRun) -> None:
    if len(run.op.outputs) != len(cursor.fields):
        counts = f"got {len(run.op.outputs)} outputs for {len(cursor.fields)} fields"
        raise refuse(name, f"{counts} of cursor {cursor.name!r}; give one for each")


@operator(
    "ReadNextBatch",
    inputs=("cursor", "dataset_fields*"),
    outputs=("fields+",),
    effects=_CHANGES,
    check=_batch_check("ReadNextBatch"),
    infer=_some_of_each,
    inexact="how many records are left, and how many entries they have",
)
def read_next_batch(
    cursor: TreeCursor,
    *_fields: Tensor,
    batch_size: int = 1,
    enforce_batch_size: bool = False,
    run: OpRun,
) -> tuple[Tensor, ...]:
    """The next ``batch_size`` records, or what is left; at the end empty fields, again and again.

    With ``enforce_batch_size`` an incomplete last batch is skipped: it is the end already. Where top-level fields
    differ in length the shortest counts. Records that are appended after the end was met can be read then.

    Inputs:
        cursor: a cursor.
        dataset_fields: the dataset, a tensor for each of the cursor's fields; lengths are int32.
    Outputs:
        fields: of each field the entries that belong to the records.
    Raises:
        OperatorError: lengths ask for more entries than there are, or are negative; the dataset has fewer records than
            were read already; there are not as many fields as the cursor has. The cursor stays where it was.
    Example:
        CreateTreeCursor(; fields=["a", "b:lengths", "b:values"]) -> cur
        ReadNextBatch(cur, [1 2 3], [2 0 1]:i32, [5 6 7]; batch_size=2) -> [1 2], [2 0]:i32, [5 6]
    """
    name = "ReadNextBatch"
    _require_output_each(name, cursor, run)
    columns, begins, ends = run.wait(Changes(cursor), partial(_advance, name, cursor, run, batch_size))
    if enforce_batch_size and ends[0] - begins[0] < batch_size:
        begins = ends
    domains = cursor.tree.domain_of
    return tuple([column[begins[at] : ends[at]] for column, at in zip(columns, domains, strict=True)])


def _advance(
    name: str, cursor: TreeCursor, run: OpRun, count: int
) -> tuple[list[Tensor], tuple[int, ...], tuple[int, ...]]:
    """The fields, and the offsets before and after the next records."""
    columns = _columns(name, cursor, run, 1)
    begins = cursor.begins(name)
    ends = cursor.offsets = tuple(cursor.tree.after(name, columns, begins, count))
    return columns, begins, ends


# --- batches at random -----------------------------------------------------------------------------------------------


@operator(
    "ComputeOffset",
    inputs=("cursor", "dataset_fields*"),
    outputs=("offsetsmat",),
    effects=_CHANGES,
    infer=always(TensorSpec(I64, (None, None))),
    inexact="which fields are at the top level, and how many domains there are",
)
def compute_offset(cursor: TreeCursor, *_fields: Tensor, run: OpRun) -> Tensor:
    """Where each record begins in each domain, for `ReadRandomBatch`. The cursor then stands at zeros.

    It walks from the cursor's position on, so take a fresh cursor: on another one the last rows repeat the end.

    Inputs:
        cursor: a cursor.
        dataset_fields: the dataset, as for `ReadNextBatch`.
    Outputs:
        offsetsmat: int64 of shape (records + 1, domains); the last row is the end.
    Raises:
        OperatorError: as of `ReadNextBatch`.
    Example:
        CreateTreeCursor(; fields=["a", "b:lengths", "b:values"]) -> cur
        ComputeOffset(cur, [1 2 3], [2 0 1]:i32, [5 6 7]) -> [[0 0] [1 2] [2 2] [3 3]]:i64
    """
    offsets: Tensor = run.wait(Changes(cursor), partial(_compute_offsets, "ComputeOffset", cursor, run))
    return offsets


def _compute_offsets(name: str, cursor: TreeCursor, run: OpRun) -> Tensor:
    columns, tree = _columns(name, cursor, run, 1), cursor.tree
    made = tree.boundaries(name, columns, cursor.begins(name))
    cursor.offsets = (0,) * tree.domains
    missing = tree.records(columns) + 1 - len(made)
    return np.concatenate([made, np.repeat(made[-1:], missing, axis=0)]) if missing else made


def _check_shuffle(*, sort_by_field_idx: int, batch_size: int, shuffle_size: int, seed: int) -> None:
    for argument, value in (("batch_size", batch_size), ("shuffle_size", shuffle_size)):
        if value < 1:
            raise argument_error("SortAndShuffle", argument, f"must be at least 1, got {value}")
    if sort_by_field_idx < -1:
        text = f"must be the number of a field, or -1 for no order, got {sort_by_field_idx}"
        raise argument_error("SortAndShuffle", "sort_by_field_idx", text)
    if seed < -1:
        raise argument_error("SortAndShuffle", "seed", f"must be 0 or more, or -1 for none, got {seed}")


@operator(
    "SortAndShuffle",
    inputs=("cursor", "dataset_fields*"),
    outputs=("indices",),
    effects=(RANDOM, Changes("cursor")),
    check=_check_shuffle,
    infer=always(TensorSpec(I64, (None,))),
    inexact="which fields are at the top level",
)
def sort_and_shuffle(
    cursor: TreeCursor,
    *fields: Tensor,
    sort_by_field_idx: int = 1,
    batch_size: int = 1,
    shuffle_size: int = 1,
    seed: int = -1,
    run: OpRun,
) -> Tensor:
    """An order of the records for `ReadRandomBatch`: batches of records that are much alike, in random order.

    First the records are sorted by a field, then shuffled within stretches of ``shuffle_size`` batches, then the
    batches change places. What makes no whole batch stays last.

    With a ``seed`` of 0 or more, the first, second, third order that is drawn for a cursor is each time another one,
    and always the same one; the cursor counts them. It stays where it is.

    Inputs:
        cursor: a cursor; it says which fields there are.
        dataset_fields: the dataset, as for `ReadNextBatch`.
    Outputs:
        indices: int64 vector, the number of each record once.
    Raises:
        OperatorError: the field ``sort_by_field_idx`` (-1: leave the order) is not there, is not at the top level, or
            is no int32 vector.
    Example:
        CreateTreeCursor(; fields=["a"]) -> cur
        SortAndShuffle(cur, [30 10 20]:i32; sort_by_field_idx=0, batch_size=2) -> order
    """
    name, tree = "SortAndShuffle", cursor.tree
    tree.require_columns(name, fields)
    records = tree.records(fields)
    if sort_by_field_idx < 0:
        order = np.arange(records, dtype=I64)
    else:
        keys = _sort_keys(name, cursor, fields, sort_by_field_idx)
        order = np.argsort(keys[:records], kind="stable").astype(I64, copy=False)
    rng = run.rng if seed < 0 else np.random.default_rng([seed, run.wait(Changes(cursor), cursor.next_shuffle)])
    _shuffle(order, batch_size, min(batch_size * shuffle_size, max(records, 1)), rng)
    return order


def _shuffle(order: Tensor, batch_size: int, stretch: int, rng: np.random.Generator) -> None:
    """Shuffle stretches of records within themselves, then whole batches among each other."""
    records = len(order)
    whole = order[: records - records % stretch].reshape(-1, stretch)
    if stretch > 1:
        rng.permuted(whole, axis=1, out=whole)
    rng.shuffle(order[whole.size :])
    if batch_size < records:
        batches = order[: records - records % batch_size].reshape(-1, batch_size)
        batches[:] = batches[rng.permutation(len(batches))]


def _sort_keys(name: str, cursor: TreeCursor, fields: Sequence[Tensor], place: int) -> Tensor:
    if place >= len(fields):
        raise refuse(name, f"sort_by_field_idx={place} is none of the {len(fields)} fields; give -1 for no order")
    field, keys = cursor.fields[place], fields[place]
    if cursor.tree.domain_of[place]:
        raise refuse(name, f"sort_by_field_idx={place}: field {field!r} is not at the top level")
    if keys.dtype != I32:
        msg = f"{name}: sort_by_field_idx={place}: field {field!r} has dtype {dtype_name(keys.dtype)}, expected int32"
        raise DtypeError(msg, operator=name)
    if keys.ndim != 1:
        msg = f"{name}: sort_by_field_idx={place}: field {field!r} has shape {keys.shape}, expected a vector"
        raise ShapeError(msg, operator=name)
    return keys


@operator(
    "ReadRandomBatch",
    inputs=("cursor", "idx?", "offsetsmat?", "dataset_fields*"),
    outputs=("fields+",),
    effects=_CHANGES,
    check=_batch_check("ReadRandomBatch"),
    infer=_some_picked,
    inexact="how many indices are left, and how many entries the records have",
)
def read_random_batch(
    cursor: TreeCursor,
    idx: Tensor | None = None,
    offsetsmat: Tensor | None = None,
    *fields: Tensor,
    batch_size: int = 1,
    enforce_batch_size: bool = False,
    loop_over: bool = False,
    run: OpRun,
) -> tuple[Tensor, ...]:
    """The next ``batch_size`` records in the order of indices, or what is left; at the end empty fields.

    With ``loop_over`` there is no end: behind the last index comes the first, though never in one batch. With
    ``enforce_batch_size`` an incomplete last batch counts as the end. The cursor holds a single position, among the
    indices; it advances by ``batch_size`` with each call.

    Inputs:
        cursor: a cursor.
        idx: int64 vector, numbers of records, as of `SortAndShuffle`; they may repeat.
        offsetsmat: the int64 matrix of `ComputeOffset`.
        dataset_fields: the dataset, as for `ReadNextBatch`.
    Outputs:
        fields: of each field the entries that belong to the records.
    Raises:
        OperatorError: an index is none of the matrix's records; a field has not the entries that the matrix says; a
            complete batch is asked for, for ever, of fewer indices.
    Example:
        CreateTreeCursor(; fields=["a", "b:lengths", "b:values"]) -> cur
        ReadRandomBatch(cur, [1]:i64, [[0 0] [1 2] [2 3]]:i64, [1 2], [2 1]:i32, [5 6 7]) -> [2], [1]:i32, [7]
    """
    name = "ReadRandomBatch"
    if idx is None or offsetsmat is None:
        msg = f"{name} takes a cursor, idx, offsetsmat and the fields, got {len(run.op.inputs)} inputs"
        raise ArityError(msg, operator=name)
    _require_output_each(name, cursor, run)
    cursor.tree.require_columns(name, fields)
    _require_order(name, cursor, idx, offsetsmat)
    if enforce_batch_size and loop_over and len(idx) < batch_size:
        text = f"asked for whole batches of {batch_size} for ever, but there are only {len(idx)} indices"
        raise refuse(name, f"{text}; give a smaller batch_size")
    advance = partial(_advance_among, cursor, len(idx), batch_size, enforce_batch_size, loop_over)
    first = run.wait(Changes(cursor), advance)
    begins, sizes = _stretches(name, idx[first : first + batch_size], offsetsmat)
    pickers = [_picker(begins[:, domain], sizes[:, domain]) for domain in range(cursor.tree.domains)]
    columns = zip(cursor.tree.domain_of, cursor.fields, fields, strict=True)
    return tuple([pickers[domain](name, field, column) for domain, field, column in columns])


def _require_order(name: str, cursor: TreeCursor, idx: Tensor, offsetsmat: Tensor) -> None:
    require_dtype(name, "idx", idx, {I64})
    require_rank(name, "idx", idx, 1)
    require_dtype(name, "offsetsmat", offsetsmat, {I64})
    domains = cursor.tree.domains
    if offsetsmat.ndim != 2 or offsetsmat.shape[1] != domains or not len(offsetsmat):
        msg = f"{name}: offsetsmat has shape {offsetsmat.shape}, expected (records + 1, {domains})"
        raise ShapeError(msg, operator=name)


def _advance_among(cursor: TreeCursor, size: int, count: int, enforce: bool, loop_over: bool) -> int:
    """The position among `size` indices from which on the next `count` are."""
    position = cursor.offsets[0] if cursor.offsets else 0
    if enforce and position + count > size:
        position = max(position, size)
    if loop_over and position >= size:
        position = 0
    cursor.offsets = (position + count,)
    return position


def _stretches(name: str, chosen: Tensor, offsetsmat: Tensor) -> tuple[Tensor, Tensor]:
    """Where records begin in each domain, and how many entries they have there, a row a record."""
    records = len(offsetsmat) - 1
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < records:
        wrong = chosen[(chosen < 0) | (chosen >= records)][0]
        raise refuse(name, f"index {wrong} is out of range for {records} records")
    begins = offsetsmat.take(chosen, 0)
    sizes: Tensor = offsetsmat.take(chosen + 1, 0) - begins
    if chosen.size and (begins.min() < 0 or sizes.min() < 0):
        raise refuse(name, "offsetsmat has negative or falling offsets; take that of ComputeOffset")
    return begins, sizes


Picker = Callable[[str, str, Tensor], Tensor]


def _picker(begins: Tensor, sizes: Tensor) -> Picker:
    """What takes the stretches of so many entries out of a field of their domain."""
    if len(begins) == 1:
        places: Any = slice(int(begins[0]), int(begins[0] + sizes[0]))
        needed = places.stop
    else:
        behind = sizes.cumsum()
        count = int(behind[-1]) if len(behind) else 0
        is_single = count == len(sizes) and (sizes == 1).all()
        places = begins if is_single else np.repeat(begins - (behind - sizes), sizes) + np.arange(count)
        needed = int(places.max()) + 1 if count else 0

    def pick(name: str, field: str, column: Tensor) -> Tensor:
        if needed > len(column):
            raise refuse(name, f"offsetsmat asks for {needed} entries of field {field!r}, which has only {len(column)}")
        return column[places] if isinstance(places, slice) else column.take(places, 0)

    return pick


# --- consistency -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _dtypes(names: tuple[str, ...]) -> tuple[DType | None, ...]:
    """The dtypes that NumPy gives these names; None for an empty one. Kept, since the operator asks on every call."""
    known = [np.dtype(name) if name else None for name in names]
    return tuple([STRING_DTYPE if dtype is not None and dtype.kind in "SU" else dtype for dtype in known])


_check_consistency_fields = field_check("CheckDatasetConsistency")


def _check_consistency(*, fields: Sequence[str], dtypes: Sequence[str]) -> None:
    _check_consistency_fields(fields=fields)
    if not dtypes:
        return
    name = "CheckDatasetConsistency"
    if len(dtypes) != len(fields):
        text = f"must have one for each of the {len(fields)} fields, got {list(dtypes)}"
        raise argument_error(name, "dtypes", text)
    try:
        _dtypes(tuple(dtypes))
    except (TypeError, ValueError):
        text = f"must be names as NumPy has them, as 'int64' or '(2,)float32', or empty, got {list(dtypes)}"
        raise argument_error(name, "dtypes", text) from None


@operator("CheckDatasetConsistency", inputs=("fields+",), check=_check_consistency, infer=no_tensors)
def check_dataset_consistency(*columns: Tensor, fields: Sequence[str] = (), dtypes: Sequence[str] = ()) -> None:
    """Succeed if the data make a dataset: fields of one domain are equally long, and lengths make up their domains.

    With ``dtypes``, a name for each field as NumPy writes it, they have these dtypes too: ``"int64"``, ``"str"`` for
    strings, ``"(2,)float32"`` with an inner shape, an empty one for any.

    Inputs:
        fields: a tensor for each of the argument ``fields``.
    Raises:
        DtypeError, ShapeError, OperatorError: they make none; the message names the field.
    Example:
        CheckDatasetConsistency([1 2], [2 1]:i32, [5 6 7]; fields=["a", "b:lengths", "b:values"])
    """
    name, tree = "CheckDatasetConsistency", field_tree(tuple(fields))
    tree.require_columns(name, columns)
    if dtypes:
        tree.require_types(name, columns, _dtypes(tuple(dtypes)))
    tree.require_consistent(name, columns)
