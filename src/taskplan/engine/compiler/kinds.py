"""What is known beforehand of the values of blobs in a region, and which operators can therefore be expressions.

Blobs that hold scalars when the region begins are followed through it: through every branch, and around each loop
until nothing new turns up. An operator whose operands are all known to be scalars of fitting element types, and which
declares how it is written (`exact_native`), becomes an expression; any other is called as the interpreter calls it, and
of what it writes nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from taskplan.engine.bound import BoundStep
from taskplan.engine.cells import Cell
from taskplan.engine.compiler.tree import (
    Branch,
    Foreign,
    Node,
    Operator,
    Region,
    Steps,
    While,
    may_be_constant,
    nodes_of,
    reaches_anything,
    touched,
    written,
)
from taskplan.engine.prepare import PreparedOp
from taskplan.operators.exact import SCALARS, Written

Scalar = type[np.generic]
"""The class of a NumPy scalar."""

SCALAR_KINDS: frozenset[Scalar] = frozenset(dtype.type for dtype in SCALARS)

BOOL: Scalar = np.bool_

MOST_BYTES = 1 << 15
"""Larger arrays are left to NumPy, which writes into arrays that their blobs own."""


@dataclass(frozen=True, slots=True)
class Array:
    """A small array. Those of one `group` have one shape."""

    element: Scalar
    rank: int
    group: int


Kind = Scalar | Array

Known = dict[Cell, Kind]
"""Blobs that hold a scalar or a small array, with its kind; of others nothing is known."""

_NAN = {np.float32: np.float32(np.nan).tobytes(), np.float64: np.float64(np.nan).tobytes()}


def scalars_of(cells: Iterable[Cell]) -> Known:
    """What is known of blobs by what they hold, if only scalars count."""
    held = {cell: type(cell.value) for cell in cells}
    return {cell: kind for cell, kind in held.items() if kind in SCALAR_KINDS}


def known_of(cells: Iterable[Cell]) -> Known:
    """What is known of blobs by what they hold."""
    found: Known = {}
    groups: dict[tuple[int, ...], int] = {}
    for cell in cells:
        value = cell.value
        kind = type(value)
        if kind in SCALAR_KINDS:
            found[cell] = kind
        elif is_small(value):
            found[cell] = Array(value.dtype.type, value.ndim, groups.setdefault(value.shape, len(groups)))
    return found


def is_small(value: Any) -> bool:
    """Whether a value is an array that native code works on."""
    return (
        type(value) is np.ndarray
        and value.dtype.type in SCALAR_KINDS
        and 0 < value.nbytes <= MOST_BYTES
        and value.ndim > 0
        and value.flags.c_contiguous
    )


def holds_still(known: Known) -> bool:
    """Whether blobs hold now what is known of them; arrays may have another shape, if all of a group have the same."""
    shapes: dict[int, tuple[int, ...]] = {}
    for cell, kind in known.items():
        value = cell.value
        if type(kind) is not Array:
            if type(value) is not kind:
                return False
        elif (
            not is_small(value)
            or value.dtype.type is not kind.element
            or value.ndim != kind.rank
            or value.shape != shapes.setdefault(kind.group, value.shape)
        ):
            return False
    return True


def element_of(kind: Kind) -> Scalar:
    """The kind of a scalar itself, or of the elements of an array."""
    return kind.element if isinstance(kind, Array) else kind


@dataclass(frozen=True, slots=True)
class Expression:
    """An operator as an expression, and the kind of its result."""

    written: Written
    kind: Kind


@dataclass(slots=True)
class Typing:
    """What a region does with blobs whose kinds are known at its beginning.

    Attributes:
        native: it is for native code, which knows arrays, and operators that may fail.
        expressions: the operators that are expressions or constants; the others are called.
        conditions: nodes whose condition, and (step, part) whose stop blob, is surely a bool.
        known: what is known at each place at which the function can be entered.
        variables: blobs that only expressions and conditions of this region touch, in the order in which they appear.
        kinds: the kinds that expressions give to each blob.
        called: the operators that are called, and the steps that are performed.
        unknown_conditions: conditions and stop blobs that may be no bool.
    """

    region: Region
    exposed: frozenset[Cell]
    native: bool
    expressions: dict[Operator, Expression] = field(default_factory=dict)
    conditions: set[object] = field(default_factory=set)
    known: dict[int, Known] = field(default_factory=dict)
    variables: tuple[Cell, ...] = ()
    kinds: dict[Cell, set[Kind]] = field(default_factory=dict)
    called: list[Operator | Foreign] = field(default_factory=list)
    unknown_conditions: list[Cell] = field(default_factory=list)

    @property
    def at_first(self) -> Known:
        """What is known when the region begins."""
        return self.known[self.region.root.label]

    def kind(self, variable: Cell) -> Kind | None:
        """The one kind of a variable of a numeric region; None if nothing reads or writes it."""
        kinds = self.kinds.get(variable)
        return next(iter(kinds)) if kinds else self.at_first.get(variable)

    def group(self, node: Operator) -> int | None:
        """The group of the arrays that an expression makes; None if it makes no array."""
        expression = self.expressions.get(node)
        return expression.kind.group if expression and isinstance(expression.kind, Array) else None

    def why_not_numeric(self) -> str:
        """Why it is not just expressions over variables, which alone can be native code; nothing if it is."""
        if self.called:
            return f"it calls {_shown(self.called[0])}"
        if self.unknown_conditions:
            return f"of condition {self.unknown_conditions[0].name!r} it is not known that it is a bool"
        held = set(self.variables)
        for cell, kinds in self.kinds.items():
            if cell not in held:
                return f"something else may touch blob {cell.name!r} while it runs"
            if len(kinds) > 1:
                both = " and ".join(sorted(map(_kind_shown, kinds)))
                return f"blob {cell.name!r} is both {both}"
        return ""


def typing_of(
    region: Region,
    exposed: frozenset[Cell],
    known: Known,
    cells_of: Callable[[BoundStep], set[Cell] | None],
    *,
    native: bool = False,
) -> Typing:
    """Follow what is known of blobs through a region.

    Args:
        region: the region.
        exposed: blobs that somebody else may touch at any time.
        known: of the blobs when it begins.
        cells_of: the blobs that a step which the interpreter performs may touch; None for any.
        native: see `Typing`.
    """
    found = Typing(region, exposed, native)
    _Follower(found).follow({cell: kind for cell, kind in known.items() if cell not in exposed})
    _settle_variables(found, cells_of)
    return found


class _Follower:
    def __init__(self, typing: Typing) -> None:
        self._typing = typing

    def follow(self, known: Known) -> None:
        self._steps(self._typing.region.root, known)

    def _nodes(self, nodes: list[Node], known: Known) -> Known:
        for node in nodes:
            match node:
                case Operator():
                    self._operator(node, known)
                case Branch():
                    known = self._branch(node, known)
                case While():
                    known = self._while(node, known)
                case Steps():
                    known = self._steps(node, known)
                case Foreign():
                    known = {}
        return known

    def _operator(self, node: Operator, known: Known) -> None:
        typing = self._typing
        expression = _expression(node, known, native=typing.native)
        if expression is None:
            typing.expressions.pop(node, None)
            for cell in written(node):
                known.pop(cell, None)
            if reaches_anything(node):
                known.clear()
            return
        typing.expressions[node] = expression
        [target] = node.targets
        if target not in typing.exposed:
            known[target] = expression.kind

    def _branch(self, node: Branch, known: Known) -> Known:
        self._condition(node, node.operator.sources[0], known)
        then = self._nodes(node.then, dict(known))
        return _both(then, self._nodes(node.otherwise, known))

    def _condition(self, which: object, cell: Cell, known: Known) -> None:
        if known.get(cell) is BOOL:
            self._typing.conditions.add(which)
        else:
            self._typing.conditions.discard(which)

    def _while(self, node: While, head: Known) -> Known:
        while True:
            self._typing.known[node.label] = dict(head)
            at_condition = self._nodes(node.before, dict(head))
            self._condition(node, node.operator.sources[0], at_condition)
            again = _both(head, self._nodes(node.body, dict(at_condition)))
            if again == head:
                return at_condition
            head = again

    def _steps(self, node: Steps, head: Known) -> Known:
        while True:
            if node.label:
                self._typing.known[node.label] = dict(head)
            after, stopped = self._round(node, dict(head))
            again = _both(head, after) if node.loops else head
            if again == head:
                ends = [after, *stopped]
                if node.limit != 1:
                    ends.append(head)
                for end in ends:
                    after = _both(after, end)
                return after
            head = again

    def _round(self, node: Steps, known: Known) -> tuple[Known, list[Known]]:
        stopped: list[Known] = []
        for index, part in enumerate(node.parts):
            known = self._nodes(part, known)
            if node.step.stop is not None:
                self._condition((node, index), node.step.stop, known)
                stopped.append(dict(known))
        return known, stopped


def _both(one: Known, other: Known) -> Known:
    return {cell: kind for cell, kind in one.items() if other.get(cell) == kind}


def _expression(node: Operator, known: Known, *, native: bool) -> Expression | None:
    prepared = node.net.prepared.ops[node.index]
    declared = prepared.declared
    if len(node.targets) != 1 or not declared.is_builtin:
        return None
    if not node.sources:
        return _constant(prepared) if may_be_constant(node) else None
    kinds = [known[cell] for cell in node.sources if cell in known]
    if len(kinds) < len(node.sources):
        return None
    arrays = [kind for kind in kinds if isinstance(kind, Array)]
    write = declared.exact_native
    if len(kinds) == 2 and arrays == kinds[:1] and arrays[0].rank == 1 and declared.exact_lookup is not None:
        write, arrays = declared.exact_lookup, []
        native = native and node.targets[0] is not node.sources[0]
    if write is None or (arrays and not _is_element_wise(prepared, kinds, arrays)):
        return None
    written = write(prepared.arguments, [np.dtype(element_of(kind)) for kind in kinds])
    if written is None or (not native and (written.fails or len(arrays) > 0)):
        return None
    if not arrays:
        return Expression(written, written.result.type) if native or not isinstance(kinds[0], Array) else None
    if node.targets[0] in node.sources and known[node.targets[0]] != arrays[0]:
        return None  # it would grow, which its body refuses, or change its type
    return Expression(written, Array(written.result.type, arrays[0].rank, arrays[0].group))


def _is_element_wise(prepared: PreparedOp, kinds: Sequence[Kind], arrays: Sequence[Array]) -> bool:
    """Whether a call does the same with each element: its arrays have one shape, or it lays scalars along them."""
    if any(array.group != arrays[0].group for array in arrays) or "broadcast" in prepared.arguments:
        return False
    return len(arrays) == len(kinds) or "broadcast" in prepared.declared.arguments


def _constant(prepared: PreparedOp) -> Expression | None:
    """What an operator without inputs gives each time, if that is a scalar."""
    try:
        value = prepared.declared.body(**prepared.arguments)
    except Exception:
        return None  # it is called, and says so in its place
    kind = type(value)
    if kind not in SCALAR_KINDS or (value != value and value.tobytes() != _NAN[kind]):
        return None
    text = repr(value.item()).upper() if kind is BOOL else f"{value.dtype}({value.item()!r})"
    return Expression(Written(text, text, value.dtype), kind)


def _kind_shown(kind: Kind) -> str:
    name = element_of(kind).__name__.removesuffix("_")
    return f"{name} of rank {kind.rank}" if isinstance(kind, Array) else name


def _shown(called: Operator | Foreign) -> str:
    if isinstance(called, Foreign):
        return f"step {called.step.definition.name!r}"
    op = called.net.prepared.ops[called.index].op
    return f"operator {op.type} ({op.site})"


def _settle_variables(typing: Typing, cells_of: Callable[[BoundStep], set[Cell] | None]) -> None:
    """Variables are what nothing but expressions and known conditions touches."""
    seen: dict[Cell, None] = {}
    shared: set[Cell] = set(typing.exposed)
    everything = False
    for node in nodes_of(typing.region.root):
        match node:
            case Operator():
                seen.update(dict.fromkeys((*node.sources, *node.targets)))
                if node not in typing.expressions:
                    typing.called.append(node)
                    shared |= touched(node)
                    everything = everything or reaches_anything(node)
            case Branch() | While():
                condition = node.operator.sources[0]
                seen[condition] = None
                if node not in typing.conditions:
                    typing.unknown_conditions.append(condition)
                    shared.add(condition)
            case Foreign():
                typing.called.append(node)
                cells = cells_of(node.step)
                everything = everything or cells is None
                shared |= cells or set()
            case Steps():
                stop = node.step.stop
                if stop is not None:
                    seen[stop] = None
                    if not all((node, index) in typing.conditions for index in range(len(node.parts))):
                        typing.unknown_conditions.append(stop)
                        shared.add(stop)
    typing.variables = () if everything else tuple(cell for cell in seen if cell not in shared)
    for node, expression in typing.expressions.items():
        typing.kinds.setdefault(node.targets[0], set()).add(expression.kind)
