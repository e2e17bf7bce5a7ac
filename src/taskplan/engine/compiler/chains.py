"""Chains: element-wise operators on small arrays, one after the other in a net that runs again and again, as one loop.

Each operator of NumPy costs more to call than to compute when its arrays are small. A chain is called once: it finds
its arrays where they were the last time, and writes into those that their blobs own. Where something is not as it was
when the chain was made (another element type, shapes that differ, a large array), its operators are called one by
one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from taskplan.engine.cells import Cell
from taskplan.engine.compiler.expressions import Expression, expression_of
from taskplan.engine.compiler.kinds import Array, Known, Shape, is_small, known_of
from taskplan.engine.compiler.machine_code import KINDS, Callee, NotNativeError, Order, pointer_to
from taskplan.engine.tier import can_be_native

if TYPE_CHECKING:
    from taskplan.engine.interpret import BoundNet

MOST_OPERATORS = 200
"""In one chain: compiling takes longer than in proportion."""

LOOK_EVERY = 64
"""So many runs lie between two looks for native code that is being made."""

CALL_COSTS = 6
"""A chain costs about as much to call as so many operators, and each array of it a quarter of one."""


def chained(net: BoundNet, *, forced: bool) -> list[tuple[int, Callable[[], None]]]:
    """The calls of a net, each with the number of its first operator, where chains take the place of operators.

    Args:
        net: the net; what its blobs hold now says what is a chain.
        forced: native code is made at once.
    """
    found: list[tuple[int, Callable[[], None]]] = []
    index = 0
    while index < len(net.calls):
        chain = chain_from(net, index, forced=forced)
        if chain is None:
            found.append((index, net.calls[index]))
            index += 1
        else:
            found.append((index, chain))
            index += len(chain.calls)
    return found


def chain_from(net: BoundNet, first: int, *, forced: bool) -> Chain | None:
    """The longest chain that begins with an operator, if it is worth it. `forced`: its native code is made at once."""
    if not can_be_native():
        return None
    known: Known = {}
    expressions: list[Expression] = []
    group: int | None = None
    held: Known = {}
    shapes: dict[Shape, int] = {}
    read: set[Cell] = set()
    for index in range(first, min(first + MOST_OPERATORS, len(net.calls))):
        sources, targets = net.sources[index], net.targets[index]
        # Of blobs that the chain has not written, what they hold now is as good as any guess; the call looks again.
        held |= known_of([cell for cell in (*sources, *targets) if cell not in held], shapes)
        kinds = [known.get(cell) or held.get(cell) for cell in sources]
        expression = None
        if kinds and len(targets) == 1 and None not in kinds:
            replaced = kinds[sources.index(targets[0])] if targets[0] in sources else None
            operands = [kind for kind in kinds if kind is not None]
            expression = expression_of(net.prepared.ops[index], operands, replaced, native=True)
        if expression is None or not isinstance(expression.kind, Array) or group not in (None, expression.kind.group):
            break
        if held.get(targets[0], expression.kind) != expression.kind and targets[0] in read:
            break  # it is read as one kind and written as another
        read.update(sources)
        group = expression.kind.group
        known[targets[0]] = expression.kind
        expressions.append(expression)
    arrays = {cell for index in range(first, first + len(expressions)) for cell in net.sources[index]}
    if len(expressions) < CALL_COSTS + len(arrays) / 4:
        return None
    return Chain(net, first, expressions, forced=forced)


class Chain:
    """A chain of operators of a net, from number `first` on."""

    def __init__(self, net: BoundNet, first: int, expressions: Sequence[Expression], *, forced: bool) -> None:
        self.calls = net.calls[first : first + len(expressions)]
        self._net = net
        self._first = first
        self._runs = 0
        self._native: _NativeChain | None = None
        self._order: Order | None = None
        self._plan = _Plan(net, first, expressions)
        try:
            self._order = Order(self._plan.text())
            if forced:
                self._native = _NativeChain(self._plan, self._order.make())
        except NotNativeError:
            self._order = None

    def __call__(self) -> None:
        """Do what the operators do."""
        if self._native is not None and self._native():
            return
        for index, call in enumerate(self.calls, start=self._first):
            try:
                call()
            except Exception as error:
                failure = self._net.failed(index, error)
                failure.place.nets.clear()  # whoever runs the net adds it
                raise failure from None
        if self._native is None and self._order is not None:
            self._look(self._order)

    def _look(self, order: Order) -> None:
        self._runs += 1
        if (self._runs - 1) % LOOK_EVERY:
            return
        try:
            code = order.code()
            if code is None:
                order.place()
            else:
                self._native = _NativeChain(self._plan, code)
        except NotNativeError:
            self._order = None


class _Plan:
    """What a chain reads and writes: scalars first, then arrays, each blob once."""

    def __init__(self, net: BoundNet, first: int, expressions: Sequence[Expression]) -> None:
        self.expressions = expressions
        self.steps = [(net.sources[index], net.targets[index][0]) for index in range(first, first + len(expressions))]
        written = {target: expression.kind for (_, target), expression in zip(self.steps, expressions, strict=True)}
        seen = dict.fromkeys(cell for sources, target in self.steps for cell in (*sources, target))
        held = known_of(seen)
        kinds = {cell: held.get(cell) or written[cell] for cell in seen}
        self.written = {cell: np.dtype(kind.element) for cell, kind in written.items() if isinstance(kind, Array)}
        self.scalars = [cell for cell, kind in kinds.items() if not isinstance(kind, Array) and cell not in written]
        self.arrays = [cell for cell in seen if cell not in self.scalars]
        self.dtypes = {cell: self.written.get(cell) or cell.value.dtype for cell in seen}
        self.counts = dict.fromkeys(KINDS, 0)
        self.places = {cell: self._next(self.dtypes[cell].name) for cell in self.scalars}
        self.read_first = self._read_first()
        self.read = [cell for cell in self.arrays if cell not in self.written or cell in self.read_first]
        self.owned = {cell for cell in written if net.owns(cell)}

    def _next(self, kind: str) -> tuple[str, int]:
        """A place for a scalar: its kind, and its number among those of the kind."""
        self.counts[kind] += 1
        return kind, self.counts[kind] - 1

    def _read_first(self) -> set[Cell]:
        """The written arrays whose elements are read before they are written."""
        done: set[Cell] = set()
        found: set[Cell] = set()
        for sources, target in self.steps:
            found.update(cell for cell in sources if cell in self.written and cell not in done)
            done.add(target)
        return found

    def text(self) -> str:
        """The source of the native code."""
        arrays = {cell: f"a{number}" for number, cell in enumerate(self.arrays)}
        scalars = {cell: f"s{number}" for number, cell in enumerate(self.scalars)}
        lines = [f"ARRAYS = {tuple(self.dtypes[cell].name for cell in self.arrays)!r}", ""]
        lines.append(f"def region({', '.join(['size', *scalars.values(), *arrays.values()])}):")
        lines.append("    for k in range(size):")
        elements: dict[Cell, str] = {}
        for number, ((sources, target), each) in enumerate(zip(self.steps, self.expressions, strict=True)):
            operands = [elements.get(cell) or scalars.get(cell) or f"{arrays[cell]}[k]" for cell in sources]
            lines.append(f"        e{number} = {each.written.as_native(operands)}")
            elements[target] = f"e{number}"
        lines += [f"        {arrays[cell]}[k] = {element}" for cell, element in elements.items()]
        lines += ["", "", f"def entry({', '.join(['at_size', *(f'at_{kind}' for kind in KINDS), *arrays.values()])}):"]
        lines.append("    size = carray(at_size, 1)[0]")
        for cell, name in scalars.items():
            kind, place = self.places[cell]
            lines.append(f"    {name} = carray(at_{kind}, {place + 1})[{place}]")
        views = [f"carray({name}, size)" for name in arrays.values()]
        lines.append(f"    region({', '.join(['size', *scalars.values(), *views])})")
        return "\n".join(lines) + "\n"


class _NativeChain:
    """A chain's native code. Calling it says whether it has done the work."""

    def __init__(self, plan: _Plan, code: int) -> None:
        self._plan = plan
        self._shape: Shape = ()
        self._callee = Callee(code, 1, plan.counts, len(plan.arrays))
        self._scalars = [
            (cell, plan.dtypes[cell].type, self._callee.scalars[kind], number)
            for cell, (kind, number) in plan.places.items()
        ]
        self._arrays = [(cell, cell in plan.written) for cell in plan.arrays]
        self._pointers = [0] * len(plan.arrays)
        self._fresh: list[tuple[Cell, Any]] = []  # what others may see, once it is complete
        self._seen: list[Any] = [None] * len(plan.arrays)

    def __call__(self) -> bool:
        seen = self._seen
        for cell, kind, memory, number in self._scalars:
            value = cell.value
            if type(value) is not kind:
                return False
            memory[number] = value
        for place, (cell, is_written) in enumerate(self._arrays):
            value = cell.value
            is_known = value is seen[place] and (cell.owned is value or not is_written)
            if not (is_known or self._renew(place, cell, value, is_written) or self._find()):
                return False
        self._callee.call(*self._pointers)
        for cell, value in self._fresh:
            cell.value, cell.owned = value, None
        self._fresh.clear()
        return True

    def _renew(self, place: int, cell: Cell, value: Any, is_written: bool) -> bool:
        """Another array is in a blob. False if it has not the shape that the others had."""
        dtype, shape = self._plan.dtypes[cell], self._shape
        fits = type(value) is np.ndarray and value.dtype is dtype and value.shape == shape and value.flags.c_contiguous
        if is_written:
            if not shape or (not fits and cell in self._plan.read_first):
                return False
            value = np.array(value, order="C") if cell in self._plan.read_first else np.empty(shape, dtype)
            if cell in self._plan.owned:
                cell.value = cell.owned = value
            else:
                self._fresh.append((cell, value))
        elif not fits:
            return False
        self._seen[place] = value
        self._pointers[place] = pointer_to(value)
        return True

    def _find(self) -> bool:
        """Look at all arrays anew, since their shape is another. False if they do not fit each other."""
        self._fresh.clear()
        first = next(cell for cell, _ in self._arrays if cell in self._plan.read).value
        self._shape = first.shape if is_small(first) else ()
        self._callee.numbers[0] = first.size if self._shape else 0
        renewed = bool(self._shape) and all(
            self._renew(place, cell, cell.value, is_written) for place, (cell, is_written) in enumerate(self._arrays)
        )
        if not renewed:
            self._shape = ()  # nothing that was seen holds
            self._seen = [None] * len(self._seen)
        return renewed
