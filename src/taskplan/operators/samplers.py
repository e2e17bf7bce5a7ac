"""Growing lists of tensors, windows and reservoirs of rows.

Reservoirs are Vitter's algorithm R ("Random sampling with a reservoir", 1985): the first n things fill the reservoir;
of the v-th after that a place from 0 to v - 1 is drawn, and if there is such a place, the thing replaces what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from taskplan.errors import ArityError, DtypeError, ShapeError
from taskplan.operators.both_sides import require_output_each
from taskplan.operators.cursors import TensorVector
from taskplan.operators.dictionaries import Map
from taskplan.operators.inference import Inferred, TensorSpec, always, no_tensors, total
from taskplan.operators.objects import Mutex
from taskplan.operators.operands import (
    I32,
    I64,
    Tensor,
    argument_error,
    is_tensor,
    refuse,
    require_dtype,
    require_rank,
    settled,
    sole_element,
)
from taskplan.operators.packed_records import grown, joined, require_fit
from taskplan.operators.registry import MAKES, RANDOM, UNLIMITED, operator
from taskplan.operators.run import UNSET, OpRun
from taskplan.operators.waiting import Changes, Reads

_I64_MAX = np.iinfo(np.int64).max


def _size_check(name: str) -> Callable[..., None]:
    def check(*, num_to_collect: int) -> None:
        if num_to_collect < 1:
            raise argument_error(name, "num_to_collect", f"must be at least 1, got {num_to_collect}")

    return check


# --- tensor vectors --------------------------------------------------------------------------------------------------


@operator("CreateTensorVector", outputs=("tensor vector",), effects=(MAKES,), infer=no_tensors)
def create_tensor_vector(*, run: OpRun) -> TensorVector:
    """A new, empty list of tensors; one that the blob held before is replaced.

    Outputs:
        tensor vector: a tensor vector.
    Example:
        CreateTensorVector() -> tv
    """
    return TensorVector(run.op.outputs[0])


@operator(
    "TensorVectorSize",
    inputs=("tensor vector",),
    outputs=("size",),
    effects=(Reads("tensor vector"),),
    infer=always(TensorSpec(I32)),
)
def tensor_vector_size(vector: TensorVector, *, run: OpRun) -> np.int32:
    """How many tensors there are.

    Inputs:
        tensor vector: a tensor vector.
    Outputs:
        size: int32 of rank 0.
    Example:
        CreateTensorVector() -> tv
        CollectTensor(tv, [[2 2]]; num_to_collect=5) -> tv
        TensorVectorSize(tv) -> 1 ():i32
    """
    return np.int32(run.wait(Reads(vector), vector.size))


@operator(
    "ConcatTensorVector",
    inputs=("vector of Tensor",),
    outputs=("tensor",),
    effects=(Reads("vector of Tensor"),),
    inexact="the type and shape of what was collected",
)
def concat_tensor_vector(vector: TensorVector, *, run: OpRun) -> Tensor:
    """All tensors of a vector, one behind the other along their first axis.

    Inputs:
        vector of Tensor: a tensor vector, not empty.
    Outputs:
        tensor: the tensors' dtype.
    Raises:
        DtypeError, ShapeError: the tensors differ in type or inner shape, or have rank 0.
        OperatorError: there are none.
    Example:
        CreateTensorVector() -> tv
        CollectTensor(tv, [[2 2]]; num_to_collect=5) -> tv
        ConcatTensorVector(tv) -> [[2 2]]
    """
    tensors = run.wait(Reads(vector), vector.snapshot)
    if not tensors:
        raise refuse("ConcatTensorVector", f"tensor vector {vector.name!r} is empty, so its type is not known")
    return joined("ConcatTensorVector", f"tensor vector {vector.name!r}", tensors)


def _prepare_collect_tensor(*, run: OpRun, **_: object) -> None:
    vectors = run.op.inputs[: len(run.op.inputs) // 2]
    require_output_each("CollectTensor", "vectors", vectors, run.op.outputs)


@operator(
    "CollectTensor",
    inputs=("vectors+", "tensors+"),
    outputs=("vectors+",),
    must_in_place=(("vectors", "vectors"),),
    input_counts=range(2, UNLIMITED, 2),
    effects=(Changes("vectors"), RANDOM),
    check=_size_check("CollectTensor"),
    prepare=_prepare_collect_tensor,
    infer=no_tensors,
)
def collect_tensor(*values: TensorVector | Tensor, num_to_collect: int, run: OpRun) -> tuple[TensorVector, ...]:
    """A sample of the tensors that come by, a reservoir of ``num_to_collect`` calls.

    The first calls append. A later one, number v, replaces what an earlier call brought, at the same position in all
    vectors, with probability num_to_collect / v. The calls are counted by the operator's instance, not by the vectors.

    Inputs:
        vectors: tensor vectors.
        tensors: a tensor for each vector.
    Outputs:
        vectors: the same blobs, in the same order.
    Raises:
        OperatorError: a vector has not the position that was drawn, since it is another one than at first.
    Example:
        CreateTensorVector() -> tv
        CollectTensor(tv, [[2 2]]; num_to_collect=5) -> tv
    """
    name, count = "CollectTensor", len(values) // 2
    vectors = [each for each in values[:count] if isinstance(each, TensorVector)]
    tensors = [each for each in values[count:] if is_tensor(each)]
    if len(vectors) + len(tensors) != 2 * count:
        raise refuse(name, f"expected {count} tensor vectors and then {count} tensors, got {_kinds(values)}")
    calls = run.state["calls"] = run.state.get("calls", 0) + 1
    position = calls - 1 if calls <= num_to_collect else int(run.rng.integers(calls))
    if position < num_to_collect:
        # Under the lock of the first: whoever collects into the same vectors brings one tensor to each of them, or
        # waits until the other has.
        run.wait(Changes(vectors[0]), partial(_put, vectors, tensors, position if calls > num_to_collect else None))
    return tuple(vectors)


def _kinds(values: Sequence[object]) -> str:
    return ", ".join(["nothing" if each is UNSET else type(each).__name__ for each in values])


def _put(vectors: Sequence[TensorVector], tensors: Sequence[Tensor], position: int | None) -> None:
    """Put a tensor into each vector, at a position, or behind all others."""
    for vector in vectors:
        if position is not None and position >= vector.size():
            text = f"{vector.describe()} has no position {position}, though so many calls appended"
            raise refuse("CollectTensor", f"{text}; was it made anew after the net was?")
    for vector, tensor in zip(vectors, tensors, strict=True):
        if position is None:
            vector.tensors.append(tensor)
        else:
            vector.tensors[position] = tensor


# --- windows and reservoirs of rows ----------------------------------------------------------------------------------


def _collected(data: TensorSpec) -> TensorSpec:
    """Rows of the data's kind: an empty store takes it on, another one has it already."""
    return TensorSpec(data.dtype, (None, *data.sizes[1:]))


def _windows(
    window: TensorSpec | None,
    _next: TensorSpec | None,
    data: TensorSpec | None,
    *mutex_and_visited: TensorSpec | None,
    num_to_collect: int,
) -> Inferred:
    collected = data and _collected(data)
    if data and window and not mutex_and_visited:
        rows = total((window.sizes[0], data.sizes[0]))
        collected = TensorSpec(data.dtype, (rows and min(rows, num_to_collect), *data.sizes[1:]))
    visited = mutex_and_visited[1] if len(mutex_and_visited) > 1 else None
    return collected, TensorSpec(I32), visited


def _prepare_window(*, run: OpRun, **_: object) -> None:
    if len(run.op.outputs) > 2 and len(run.op.inputs) < 5:
        msg = "LastNWindowCollector: the output NUM_VISITED needs the input NUM_VISITED"
        raise ArityError(msg, operator="LastNWindowCollector")


@operator(
    "LastNWindowCollector",
    inputs=("last-N buffer", "next cursor", "DATA", "MUTEX?", "NUM_VISITED?"),
    outputs=("last-N buffer", "next cursor", "NUM_VISITED?"),
    must_in_place=(
        ("last-N buffer", "last-N buffer"),
        ("next cursor", "next cursor"),
        ("NUM_VISITED", "NUM_VISITED"),
    ),
    effects=(Changes("MUTEX"),),
    updates=("last-N buffer",),
    check=_size_check("LastNWindowCollector"),
    prepare=_prepare_window,
    infer=_windows,
    inexact="under a mutex, what other steps collect meanwhile",
)
def last_n_window_collector(
    _window: Tensor,
    _next: Tensor,
    _data: Tensor,
    mutex: Mutex | None = None,
    _visited: Tensor | None = None,
    *,
    num_to_collect: int,
    run: OpRun,
) -> None:
    """The last ``num_to_collect`` rows that came by, in a ring.

    Rows are appended until the window has so many; then they overwrite the oldest ones, from the position *next* on. A
    window without rows takes on the type and inner shape of the data, and begins at position 0.

    Inputs:
        last-N buffer: the window, rank 1 or more.
        next cursor: int32 of rank 0, the position of the next row.
        DATA: the window's dtype and inner shape; of more than ``num_to_collect`` rows only the last are used.
        MUTEX: a mutex, if other steps use the window at once.
        NUM_VISITED: int64, one element, how many rows there were up to now.
    Outputs:
        last-N buffer, next cursor, NUM_VISITED: the same blobs.
    Raises:
        OperatorError: window and position do not go together, as where the window has more than ``num_to_collect``
            rows.
    Example:
        LastNWindowCollector([[1 1] [2 2]], 0 ():i32, [[3 3]]; num_to_collect=2) -> [[3 3] [2 2]], 1 ():i32
    """
    collect = partial(_collect_window, "LastNWindowCollector", num_to_collect, run)
    if mutex is None:
        collect()
    else:
        run.wait(Changes(mutex), partial(mutex.hold, collect))


def _collect_window(name: str, size: int, run: OpRun) -> None:
    window, position, data = run.input(0), run.input(1), run.input(2)
    require_fit(name, "last-N buffer", window, "DATA", data)
    require_dtype(name, "next cursor", position, {I32})
    require_rank(name, "next cursor", position, 0)
    held = len(window)
    begin = int(position) if held else 0
    if not (begin == held < size or (held == size and 0 <= begin < size)):
        text = f"last-N buffer has {held} rows and next cursor is {begin}, no ring of num_to_collect={size}"
        raise refuse(name, f"{text}; begin anew with an empty window")
    if len(run.op.outputs) > 2:
        visited = run.input(4)
        run.store(2, _filled(visited, _visited_before(name, visited, len(data)) + len(data)))
    rows = data[-size:]
    room = size - held
    window = grown(window, rows[:room])
    begin, rest = (begin + len(rows[:room])) % size, rows[room:]
    if len(rest):
        run.store(0, window)
        window = run.own(0)
        ahead = min(len(rest), size - begin)
        window[begin : begin + ahead] = rest[:ahead]
        window[: len(rest) - ahead] = rest[ahead:]
    run.store(0, window)
    run.store(1, np.int32((begin + len(rest)) % size))


def _visited_before(name: str, visited: Tensor, more: int) -> int:
    require_dtype(name, "NUM_VISITED", visited, {I64})
    before = int(sole_element(name, "NUM_VISITED", visited))
    if not 0 <= before <= _I64_MAX - more:
        raise refuse(name, f"NUM_VISITED is {before}, expected 0 or more, and less than {_I64_MAX}")
    return before


def _filled(x: Tensor, value: int) -> Tensor:
    return settled(np.full(x.shape, value, x.dtype))


def _reservoirs(
    _reservoir: TensorSpec | None, visited: TensorSpec | None, data: TensorSpec | None, *_: TensorSpec | None
) -> Inferred:
    return data and _collected(data), visited, None, TensorSpec(I64, (None,))


def _prepare_reservoir(*, run: OpRun, **_: object) -> None:
    if 2 * (len(run.op.inputs) - 4) != 3 * (len(run.op.outputs) - 2):
        counts = f"got {len(run.op.inputs)} inputs and {len(run.op.outputs)} outputs"
        msg = f"ReservoirSampling takes 4 inputs and gives 2 outputs, or 7 and 4 with ids; {counts}"
        raise ArityError(msg, operator="ReservoirSampling")


@operator(
    "ReservoirSampling",
    inputs=(
        *("RESERVOIR", "NUM_VISITED", "DATA", "MUTEX"),
        *("OBJECT_ID?", "OBJECT_TO_POS_MAP_IN?", "POS_TO_OBJECT_IN?"),
    ),
    outputs=("RESERVOIR", "NUM_VISITED", "OBJECT_TO_POS_MAP?", "POS_TO_OBJECT?"),
    must_in_place=(
        ("RESERVOIR", "RESERVOIR"),
        ("NUM_VISITED", "NUM_VISITED"),
        ("OBJECT_TO_POS_MAP_IN", "OBJECT_TO_POS_MAP"),
        ("POS_TO_OBJECT_IN", "POS_TO_OBJECT"),
    ),
    input_counts=(4, 7),
    output_counts=(2, 4),
    effects=(Changes("MUTEX"), Changes("OBJECT_TO_POS_MAP_IN"), RANDOM),
    updates=("RESERVOIR", "POS_TO_OBJECT_IN"),
    check=_size_check("ReservoirSampling"),
    prepare=_prepare_reservoir,
    infer=_reservoirs,
    inexact="what other steps collect meanwhile, and which ids are there already",
)
def reservoir_sampling(
    _reservoir: Tensor,
    _visited: Tensor,
    _data: Tensor,
    mutex: Mutex,
    _ids: Tensor | None = None,
    _places: Map | None = None,
    _ids_by_place: Tensor | None = None,
    *,
    num_to_collect: int,
    run: OpRun,
) -> None:
    """A sample of ``num_to_collect`` of the rows that come by, each with the same chance to be in it.

    With ids a row whose id is in the reservoir is skipped, and not counted. A reservoir without rows takes on the type
    and inner shape of the data, and counts from 0.

    Inputs:
        RESERVOIR: rank 1 or more.
        NUM_VISITED: int64, one element, how many rows were counted up to now.
        DATA: the reservoir's dtype and inner shape.
        MUTEX: a mutex.
        OBJECT_ID: int64 vector, an id for each row.
        OBJECT_TO_POS_MAP_IN: map of int64 to int32, the position in the reservoir of each id in it.
        POS_TO_OBJECT_IN: int64 vector, the id of each position.
    Outputs:
        RESERVOIR, NUM_VISITED, OBJECT_TO_POS_MAP, POS_TO_OBJECT: the same blobs; the last two if there are ids.
    Raises:
        OperatorError: the reservoir, its count and its ids do not go together, as where the reservoir has more than
            ``num_to_collect`` rows.
    Example:
        CreateMutex() -> m
        ReservoirSampling([[1]], 1 ():i64, [[2]], m; num_to_collect=3) -> [[1] [2]], 2 ():i64
    """
    name = "ReservoirSampling"
    collect = partial(_collect_reservoir, name, num_to_collect, run)
    run.wait(Changes(mutex), partial(mutex.hold, collect))


def _collect_reservoir(name: str, size: int, run: OpRun) -> None:
    reservoir, visited, data = run.input(0), run.input(1), run.input(2)
    require_fit(name, "RESERVOIR", reservoir, "DATA", data)
    before = _visited_before(name, visited, len(data)) if len(reservoir) else 0
    if len(reservoir) != min(before, size):
        text = f"RESERVOIR has {len(reservoir)} rows and NUM_VISITED is {before}"
        raise refuse(name, f"{text}, which do not fit num_to_collect={size}; begin anew with an empty reservoir")
    chances = run.rng.random(len(data))
    if len(run.op.inputs) == 4:
        room = size - len(reservoir)
        counts = np.arange(before + 1, before + 1 + len(data))
        places: Tensor = (chances * counts).astype(I64)[room:]
        kept = places < size
        _put_rows(run, 0, 0, data[:room], data[room:][kept], places[kept])
        run.store(1, _filled(visited, before + len(data)))
        return
    ids, held, ids_by_place = run.input(4), run.input(5), run.input(6)
    _require_ids(name, ids, held, ids_by_place, len(data), len(reservoir))
    chosen = run.wait(Changes(held), partial(_choose, name, held, ids_by_place, ids, chances, before, size))
    _put_rows(run, 0, 0, data[chosen.added], data[chosen.replacing], chosen.places)
    run.store(1, _filled(visited, chosen.visited))
    run.store(2, held)
    _put_rows(run, 6, 3, ids[chosen.added], ids[chosen.replacing], chosen.places)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which rows a reservoir takes.

    Attributes:
        visited: how many rows it has counted then.
        added: the rows that fill it up.
        replacing, places: rows that replace others, in their order, and the positions of these.
    """

    visited: int
    added: list[int]
    replacing: list[int]
    places: list[int]


def _choose(name: str, held: Map, ids_by_place: Tensor, ids: Tensor, chances: Tensor, count: int, size: int) -> _Chosen:
    """Choose among rows by their ids, and note in the map where these go."""
    known = held.values
    if len(known) != len(ids_by_place):
        text = f"OBJECT_TO_POS_MAP_IN has {len(known)} ids for a reservoir of {len(ids_by_place)} rows"
        raise refuse(name, f"{text}; begin anew with an empty map")
    added: list[int] = []
    replacing: list[int] = []
    places: list[int] = []
    fresh: dict[int, int] = {}  # the ids at the positions that change now
    for row, (key, chance) in enumerate(zip(ids.tolist(), chances.tolist(), strict=True)):
        if key in known:
            continue
        count += 1
        if count <= size:
            place = count - 1
            added.append(row)
        else:
            place = int(chance * count)
            if place >= size:
                continue
            replacing.append(row)
            places.append(place)
            old = fresh[place] if place in fresh else int(ids_by_place[place])
            if known.pop(old, None) != place:
                raise refuse(name, f"OBJECT_TO_POS_MAP_IN does not say that id {old} is at position {place}")
        known[key] = place
        fresh[place] = key
    return _Chosen(count, added, replacing, places)


def _put_rows(
    run: OpRun, index: int, output: int, more: Tensor, others: Tensor, places: Tensor | Sequence[int]
) -> None:
    """Put `more` rows behind those of an input, and then `others` at `places`; of a repeated place the last wins."""
    run.store(output, grown(run.input(index), more))
    if len(others):
        run.own(index)[places] = others


def _require_ids(name: str, ids: Tensor, held: Map, ids_by_place: Tensor, rows: int, size: int) -> None:
    for slot, x, count in (("OBJECT_ID", ids, rows), ("POS_TO_OBJECT_IN", ids_by_place, size)):
        require_dtype(name, slot, x, {I64})
        if x.shape != (count,):
            msg = f"{name}: {slot} has shape {x.shape}, expected ({count},), an id for each row"
            raise ShapeError(msg, operator=name)
    if (held.key_dtype, held.value_dtype) != (I64, I32):
        msg = f"{name}: OBJECT_TO_POS_MAP_IN is of {held.key_dtype} to {held.value_dtype}, expected int64 to int32"
        raise DtypeError(msg, operator=name)
