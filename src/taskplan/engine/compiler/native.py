"""Native functions bound to the blobs of a region, and the memory through which they get them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from taskplan.engine.cells import Cell
from taskplan.engine.compiler.follow import Typing
from taskplan.engine.compiler.kinds import Kind, element_of, holds_still, is_small
from taskplan.engine.compiler.machine_code import KINDS, Callee, pointer_to
from taskplan.engine.compiler.source import Source
from taskplan.plan.types import DType


class Slots:
    """Where native code finds the variables of a region: each scalar has a kind and a number among those of its kind.

    Attributes:
        scalars: the places of the scalars, in their order.
        marks: the places of the marks among the bools, by variable.
        counts: how many there are of each kind.
    """

    def __init__(self, typing: Typing, source: Source) -> None:
        self.source = source
        self.counts = dict.fromkeys(KINDS, 0)
        self.kinds = {cell: _name_of(typing.kind(cell)) for cell in source.variables}
        self.scalars = [(self.kinds[cell], self._next(self.kinds[cell])) for cell in source.scalars]
        self.marks = {cell: self._next("bool") for cell in source.marked}
        self.numbers = 2 + len(source.counters) + len(source.sizes)

    def _next(self, kind: str) -> int:
        self.counts[kind] += 1
        return self.counts[kind] - 1

    def entry(self) -> str:
        """The text of the function that is called from outside: it takes variables from memory and puts them back."""
        source = self.source
        arrays = [source.variables[cell] for cell in source.arrays]
        parameters = ["at_numbers", *(f"at_{kind}" for kind in KINDS), *(f"at_{name}" for name in arrays)]
        sizes = [f"numbers[{2 + len(source.counters) + number}]" for number in range(len(source.sizes))]
        size_of = dict(zip(source.sizes, sizes, strict=True))
        lines = [f"def entry({', '.join(parameters)}):", f"    numbers = carray(at_numbers, {self.numbers})"]
        lines += [f"    of_{kind} = carray(at_{kind}, {self.counts[kind]})" for kind in KINDS if self.counts[kind]]
        lines += [
            f"    {source.variables[cell]} = carray(at_{source.variables[cell]}, {size_of[source.groups[cell]]})"
            for cell in source.arrays
        ]
        places = [f"numbers[{number}]" for number in range(2 + len(source.counters))]
        places += [f"of_{kind}[{number}]" for kind, number in self.scalars]
        places += [f"of_bool[{number}]" for number in self.marks.values()]
        results = [f"new_{number}" for number in range(len(places))]
        lines.append(f"    {', '.join(results)} = region({', '.join([*places, *arrays, *sizes])})")
        lines += [f"    {place} = {name}" for place, name in zip(places, results, strict=True)]
        return "\n".join(lines) + "\n"

    def kinds_of_arrays(self) -> str:
        """The kinds of the arrays, as a line of the text, for whoever compiles it."""
        return f"ARRAYS = {tuple(self.kinds[cell] for cell in self.source.arrays)!r}\n"


def _name_of(kind: Kind | None) -> str:
    assert kind is not None, "nothing is known of a blob that is read, and was found to be a scalar or an array"
    return element_of(kind).__name__.removesuffix("_")


class NativeFunction:
    """The native code of a region, bound to the region's blobs, with the memory through which it gets them."""

    def __init__(self, typing: Typing, source: Source, slots: Slots, code: int) -> None:
        self.source = source
        self._typing = typing
        self._groups = {source.groups[cell]: cell for cell in typing.at_first if cell in source.groups}
        self._callee = Callee(code, slots.numbers, slots.counts, len(source.arrays))
        memory = self._callee.scalars
        self._scalars = [
            (cell, memory[kind], number, memory[kind].dtype.type)
            for cell, (kind, number) in zip(source.scalars, slots.scalars, strict=True)
        ]
        self._marks = {cell: (memory["bool"], number) for cell, number in slots.marks.items()}
        self._arrays = [(cell, np.dtype(slots.kinds[cell]), cell in typing.kinds) for cell in source.arrays]

    def fits(self, at: int) -> bool:
        """Whether blobs hold now what it takes for granted when it is entered there."""
        return holds_still(self._typing.known[at])

    def slice(self, at: int, fuel: int, counters: list[int]) -> tuple[int, int, list[int]]:
        """Enter the function at a place; see `taskplan.engine.compiler.source`.

        Where somebody has fed a blob since `fits` was asked, so that it does not fit, nothing is done.
        """
        numbers = self._callee.numbers
        shapes = {group: np.shape(cell.value) for group, cell in self._groups.items()}
        end = 2 + len(counters)
        numbers[0], numbers[1], numbers[2:end] = at, fuel, counters
        numbers[end:] = [math.prod(shapes[group]) for group in self.source.sizes]
        before = [self._load(*place) for place in self._scalars]
        arrays = [self._array(*array, shapes) for array in self._arrays]
        if any(value is None for value in (*before, *arrays)):
            return at, fuel, counters
        self._callee.call(*map(pointer_to, arrays))
        for value, (cell, memory, number, kind) in zip(before, self._scalars, strict=True):
            new = memory[number]
            if self._is_set(cell) and (type(value) is not kind or new.tobytes() != value.tobytes()):
                cell.value, cell.owned = new, None
        for array, (cell, _, is_written) in zip(arrays, self._arrays, strict=True):
            if is_written and self._is_set(cell):
                cell.value, cell.owned = array, None
        return int(numbers[0]), int(numbers[1]), numbers[2:end].tolist()

    def _load(self, cell: Cell, memory: Any, number: int, kind: type[np.generic]) -> Any:
        value = cell.value
        held = type(value) is kind
        if held:
            memory[number] = value
        self._set_mark(cell, held)
        return value if held or cell in self._marks else None

    def _array(self, cell: Cell, dtype: DType, is_written: bool, shapes: Mapping[int, tuple[int, ...]]) -> Any:
        """The array that native code reads, or an array of its own that it writes into; None if it does not fit."""
        value = cell.value
        shape = shapes[self.source.groups[cell]]
        held = is_small(value) and value.dtype == dtype and value.shape == shape
        self._set_mark(cell, held)
        if held:
            return np.array(value, order="C") if is_written else value
        return np.empty(shape, dtype) if cell in self._marks else None

    def _set_mark(self, cell: Cell, held: bool) -> None:
        mark = self._marks.get(cell)
        if mark is not None:
            mark[0][mark[1]] = held

    def _is_set(self, cell: Cell) -> bool:
        mark = self._marks.get(cell)
        return mark is None or bool(mark[0][mark[1]])
