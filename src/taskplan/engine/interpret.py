"""The interpreter: nets bound to a workspace and run operator by operator. It is the definition of what a net means.

Binding makes one closure an operator, over the cells of its blobs, specialised by the number of inputs and outputs;
running a net calls them in order and looks at the cancel token before each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from taskplan.engine.cells import Cell, CellSpace
from taskplan.engine.explain import explained
from taskplan.engine.failures import Failed, Place
from taskplan.engine.instance import Instance
from taskplan.engine.prepare import PreparedNet, PreparedOp, with_arguments
from taskplan.engine.values import describe, from_body
from taskplan.errors import Cancelled, ShapeError, WorkspaceError
from taskplan.operators.operands import is_tensor
from taskplan.operators.registry import MAKES, Declaration, slot_names
from taskplan.operators.waiting import Shared

if TYPE_CHECKING:
    from taskplan.engine.compiler.hot import Compiler
    from taskplan.engine.run import Run

Call = Callable[[], None]

_VALUE = attrgetter("value")

HOT_RUNS = 200
"""A net that has run so often has chains made of its operators, if there is a compiler."""

BUFFER_BYTES = 1 << 15
"""From this size on, an element-wise operator writes into the array that its output already owns."""


class BoundNet:
    """A net in one workspace: it owns the state of its operators' instances."""

    __slots__ = ("calls", "numbers", "prepared", "run", "runs", "sequence", "sources", "space", "subnets", "targets")

    def __init__(self, prepared: PreparedNet, space: CellSpace, run: Run) -> None:
        """Make every operator's instance, in order.

        Raises:
            Failed: an input blob does not exist, or an instance cannot be made.
        """
        self.prepared = prepared
        self.space = space
        self.run = run
        self.calls: list[Call] = []
        self.runs = 0
        self.sequence: list[Call] = self.calls
        self.numbers: list[int] = []
        """What is called, and the first operator of each call; without chains each operator has its own call."""
        self.sources: list[tuple[Cell, ...]] = []
        self.targets: list[tuple[Cell, ...]] = []
        self.subnets: dict[int, Mapping[str, BoundNet]] = {}
        """The nets that an operator runs, by its index."""
        for index, each in enumerate(prepared.ops):
            try:
                self._bind(each, index)
            except Exception as error:
                raise Failed(error, self.place(index)) from None

    def _bind(self, prepared: PreparedOp, index: int) -> None:
        space, op = self.space, prepared.op
        sources = []
        for name in op.inputs:
            cell = space.find(name)
            if cell is None:
                error = space.missing(name)
                msg = f"{op.type} reads {name!r}, which nothing before it writes: {error}"
                raise WorkspaceError(msg, blob=name)
            sources.append(cell)
        targets = [space.cell(name) for name in op.outputs] if op.type != "Alias" else []
        if op.type == "Alias":
            targets = [sources[0]]
            space.bind(op.outputs[0], sources[0])
        self.sources.append(tuple(sources))
        self.targets.append(tuple(targets))
        body = prepared.body
        if prepared.declared.wants_run:
            instance = Instance(self, prepared, index, sources, targets)
            if instance.subnets:
                self.subnets[index] = instance.subnets
            arguments = {**prepared.arguments, "run": instance}
            if prepared.declared.prepare is not None:
                prepared.declared.prepare(**arguments)
            body = with_arguments(body, arguments)
        if not prepared.declared.is_builtin:
            body = _normalising(body, op.type)
        if not sources and not prepared.declared.effects and not prepared.declared.wants_run:
            body = _computed_once(body)
        elif MAKES in prepared.declared.effects:
            body = _marking(body, self.run)
        may_own = prepared.declared.ufunc is not None and self.run.confined
        owners = [cell for cell in targets if self.owns(cell)] if may_own else []
        call = _closure(prepared, body, sources, targets, owners=owners)
        turns = self.run.driver.turns
        self.calls.append(call if turns is None else turns.around(call, self, prepared, index, sources, targets))

    def perform(self) -> None:
        """Run all operators, in order.

        Raises:
            Cancelled: the run is ending.
            Failed: an operator failed; carries its place.
        """
        token = self.run.token
        if token.cancelled:
            raise Cancelled
        self.runs += 1
        if self.runs == HOT_RUNS and self.run.shared.compiler is not None:
            self._make_chains(self.run.shared.compiler)
        call = None
        try:
            for call in self.sequence:
                if token.cancelled:
                    raise Cancelled
                call()
        except (Cancelled, Failed) as signal:
            if isinstance(signal, Failed):
                signal.place.nets.append(f"net {self.prepared.net.name!r}")
            raise
        except BaseException as error:
            # Not `except Exception`: a KeyboardInterrupt or SystemExit inside a user function ends the run like any
            # failure.
            raise self.failed(self._number(call) if call else 0, error) from None

    def _make_chains(self, compiler: Compiler) -> None:
        found = compiler.chained(self)
        if len(found) < len(self.calls):
            self.sequence, self.numbers = [call for _, call in found], [number for number, _ in found]

    def _number(self, call: Call) -> int:
        place = self.sequence.index(call)
        return place if self.sequence is self.calls else self.numbers[place]

    def owns(self, cell: Cell) -> bool:
        """Whether only one strand of the run touches a blob, so that it may own an array."""
        return bool(self.run.confined) and self.run.confines(cell, self.space)

    def failed(self, index: int, error: BaseException) -> Failed:
        """The failure of operator `index`, with its place."""
        prepared, values = self.prepared.ops[index], [cell.value for cell in self.sources[index]]
        return Failed(explained(error, prepared, values), self.place(index, values))

    def place(self, index: int, values: list[Any] | None = None) -> Place:
        """Where operator `index` stands, with what it read."""
        op = self.prepared.ops[index].op
        shown = "; ".join(f"{name!r} {describe(value)}" for name, value in zip(op.inputs, values or (), strict=False))
        called = getattr(op.function, "__name__", "")
        place = Place(
            operator=f"op {index + 1} {op.type}{f' ({called})' if called else ''}", site=op.site, inputs=shown
        )
        if self.prepared.net.name:
            place.nets.append(f"net {self.prepared.net.name!r}")
        return place


def _normalising(body: Callable[..., Any], operator: str) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        return from_body(body(*values), operator)

    return call


def _computed_once(body: Callable[..., Any]) -> Callable[..., Any]:
    """A pure function of nothing gives the same value each time, and values are immutable."""
    values: list[Any] = []

    def call() -> Any:
        if not values:
            values.append(body())
        return values[0]

    return call


def _marking(body: Callable[..., Any], run: Run) -> Callable[..., Any]:
    """As `body`, which makes an object; the object says in which run it was made."""

    def call(*values: Any) -> Any:
        made = body(*values)
        if isinstance(made, Shared):
            made.made_in = run.shared.identity
        return made

    return call


def _closure(
    prepared: PreparedOp, body: Callable[..., Any], sources: list[Cell], targets: list[Cell], *, owners: list[Cell]
) -> Call:
    """The quickest call for this number of inputs and outputs. All mean: read, compute, store.

    `owners` are those targets that no other thread of the run sees, so that they may own an array.
    """
    declared = prepared.declared
    single = len(declared.outputs) == 1 and declared.outputs[0].most == 1
    if declared.updates and not declared.stores:
        return _updating(prepared, body, sources, targets)
    if declared.ufunc is not None and len(sources) == 2 and len(targets) == 1:
        over = prepared.op.type if targets[0] in sources else ""
        if owners and not prepared.arguments:
            return _buffered(declared, body, sources[0], sources[1], targets[0], over)
        return _from_two(body, sources[0], sources[1], targets[0], over)
    if not targets or declared.stores:
        slots = slot_names(declared.inputs, len(sources))
        read = [cell for cell, slot in zip(sources, slots, strict=True) if slot not in declared.updates]
        return _discarding(body, sources, read)
    if single and len(sources) == 0:
        return _from_none(body, targets[0])
    pure = _keeps_nothing(declared)
    if single and pure and len(sources) == 1:
        return _from_one(body, sources[0], targets[0])
    if single and pure and len(sources) == 2:
        return _from_two(body, sources[0], sources[1], targets[0])
    return _general(prepared, body, sources, targets, single=single)


def _keeps_nothing(declared: Declaration) -> bool:
    """Whether a body surely keeps no value beyond its results; of users' bodies that is not known."""
    return declared.is_builtin and not declared.effects and not declared.wants_run


def _grown(operator: str, target: Cell, result: Any) -> ShapeError:
    """What is wrong where an operator that broadcasts would write a larger array over one of its operands."""
    msg = (
        f"{operator}: the result has shape {result.shape} and would overwrite {target.name!r}, which has shape "
        f"{target.value.shape}; give the output another name"
    )
    return ShapeError(msg, operator=operator)


def _from_none(body: Callable[..., Any], target: Cell) -> Call:
    def call() -> None:
        target.value = body()

    return call


def _from_one(body: Callable[..., Any], source: Cell, target: Cell) -> Call:
    def call() -> None:
        result = body(source.value)
        if source.owned is not None:
            _give_up(source, result)
        target.value = result

    return call


def _from_one_object(body: Callable[..., Any], source: Cell, target: Cell) -> Call:
    """As `_from_one`, for a body that may keep what it is given."""

    def call() -> None:
        result = body(source.value)
        if source.owned is not None:
            _give_up(source, None)
        target.value = result

    return call


def _from_two(body: Callable[..., Any], first: Cell, second: Cell, target: Cell, over: str = "") -> Call:
    """`over`: the operator, if it writes over one of its operands, which must not grow by that."""
    ndarray = np.ndarray

    def call() -> None:
        result = body(first.value, second.value)
        if over and type(result) is ndarray and result.size != target.value.size:
            raise _grown(over, target, result)
        if first.owned is not None:
            _give_up(first, result)
        if second.owned is not None:
            _give_up(second, result)
        target.value = result

    return call


def _give_up(source: Cell, result: Any) -> None:
    """After a pure function of a value: it is the cell's own no longer, if the result may be or hold a part of it."""
    if type(result) is tuple:
        for each in result:
            _give_up(source, each)
    elif not isinstance(result, np.generic) and not _stands_alone(result, source.value):
        source.owned = None


def _stands_alone(result: Any, value: Any) -> bool:
    return type(result) is np.ndarray and result.base is None and result is not value and not result.dtype.hasobject


def _discarding(body: Callable[..., Any], sources: list[Cell], read: list[Cell]) -> Call:
    """For a body that returns nothing. The blobs of its `updates` slots go on to own what they do (`OpRun.own`)."""

    def call() -> None:
        for cell in read:
            cell.owned = None
        body(*[cell.value for cell in sources])

    return call


def _general(
    prepared: PreparedOp, body: Callable[..., Any], sources: list[Cell], targets: list[Cell], *, single: bool
) -> Call:
    name = prepared.op.type
    pure = _keeps_nothing(prepared.declared)
    if single and len(sources) == 1:
        return _from_one_object(body, sources[0], targets[0])
    if len(targets) == 2 and not single and not pure and len(sources) in (1, 2):
        return _to_two(name, body, targets, *sources)

    def call() -> None:
        values = body(*map(_VALUE, sources))
        for cell in sources:
            if cell.owned is not None:
                _give_up(cell, values) if pure else _give_up(cell, None)
        if single:
            targets[0].value = values
            return
        _store(name, values, targets)

    return call


def _to_two(name: str, body: Callable[..., Any], targets: list[Cell], source: Cell, more: Cell | None = None) -> Call:
    """As `_general`, for two outputs of one or two inputs: a column that goes through a queue, and a status."""
    first, second = targets

    def call() -> None:
        if more is None:
            values = body(source.value)
        else:
            values = body(source.value, more.value)
            more.owned = None
        source.owned = None
        if len(values) == 2:
            first.value, second.value = values
        else:
            _store(name, values, targets)

    return call


def _store(name: str, values: Sequence[Any], targets: list[Cell]) -> None:
    if len(values) < len(targets):
        msg = f"{name} gave {len(values)} values for {len(targets)} outputs"
        raise WorkspaceError(msg)
    for cell, value in zip(targets, values, strict=False):
        cell.value = value


def _updating(prepared: PreparedOp, body: Callable[..., Any], sources: list[Cell], targets: list[Cell]) -> Call:
    """For a body that writes into what it is given: into the array that its blob owns, else into a copy.

    Threads that update one blob at once write into the same array, as in Caffe2: rows of all of them arrive. Whoever
    takes the array at that very moment may see a part of an update; later ones it never sees, since its own reading
    gives up what the blob owns, and only a new array is owned again.
    """
    declared = prepared.declared
    updated = [pair for pair in (*declared.must_in_place, *declared.in_place) if pair[0] in declared.updates]
    places = dict(declared.places(updated, len(sources), len(targets)))
    in_place = {
        place: sources[place]
        for place, result in places.items()
        if sources[place] is targets[result] and sources.count(sources[place]) == 1
    }
    apart = [place for place in places if place not in in_place]
    others = [cell for place, cell in enumerate(sources) if place not in places]
    ndarray = np.ndarray

    def call() -> None:
        values = [cell.value for cell in sources]
        for place, cell in in_place.items():
            values[place] = cell.own()
        for place in apart:
            if is_tensor(values[place]):
                values[place] = np.array(values[place], order="C")
        results = body(*values)
        results = results if type(results) is tuple else (results,)
        for cell in others:
            if cell.owned is not None:
                _give_up(cell, results if declared.is_builtin else None)
        for cell, value in zip(targets, results, strict=False):
            cell.value = value[()] if type(value) is ndarray and not value.ndim else value

    return call


def _buffered(
    declared: Declaration, body: Callable[..., Any], first: Cell, second: Cell, target: Cell, over: str
) -> Call:
    """As `_from_two`, but a big result goes into the array that the target owns, which nobody else has seen.

    A page fault costs more than the addition of a page, so this halves the time of operators on large arrays. Only for
    blobs that no other thread of the run touches: one that took the array while it is written would hold a value that
    changes.
    """
    ndarray, dtypes, ufunc = np.ndarray, declared.ufunc_dtypes, declared.ufunc
    assert ufunc is not None

    def call() -> None:
        a, b = first.value, second.value
        if type(a) is not ndarray or type(b) is not ndarray or a.dtype is not b.dtype or a.shape != b.shape:
            result = body(a, b)
            if over and type(result) is ndarray and result.size != target.value.size:
                raise _grown(over, target, result)
            target.value = result
        elif a.dtype not in dtypes:
            target.value = body(a, b)
        elif a.nbytes < BUFFER_BYTES:
            target.value = ufunc(a, b)
        else:
            buffer = target.value
            if buffer is target.owned and buffer.shape == a.shape and buffer.dtype == a.dtype:
                ufunc(a, b, out=buffer)
            else:
                target.value = target.owned = ufunc(a, b)

    return call
