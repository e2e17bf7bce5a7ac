"""What is known beforehand of the values of blobs in a region, and which operators can therefore be expressions.

Blobs that hold scalars when the region begins are followed through it: through every branch, and around each loop
until nothing new turns up. An operator whose operands are all known to be scalars of fitting element types, and which
declares how it is written (`exact_native`), becomes an expression; any other is called as the interpreter calls it, and
of what it writes nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from taskplan.engine.bound import BoundStep
from taskplan.engine.cells import Cell
from taskplan.engine.compiler.expressions import Expression, constant, expression_of
from taskplan.engine.compiler.kinds import BOOL, MOST_BYTES, SCALAR_KINDS, Array, Kind, Known, Shape, element_of
from taskplan.engine.compiler.tree import (
    Branch,
    Foreign,
    Node,
    Operator,
    Region,
    Steps,
    While,
    looks_numeric,
    may_be_constant,
    may_look,
    nodes_of,
    reaches_anything,
    touched,
    written,
)
from taskplan.operators.inference import Size, TensorSpec


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
        before: what is known before each step that is performed by itself.
        shapes: the shapes of arrays by group, if arrays are to be known that operators are inferred to make. They are
            not where code is made that runs: nobody would check their shapes.
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
    before: dict[Foreign, Known] = field(default_factory=dict)
    shapes: list[Shape] | None = None

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
            strange = [called for called in self.called if not looks_numeric(called)]
            return f"it calls {_shown((strange or self.called)[0])}"
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
    shapes: list[Shape] | None = None,
) -> Typing:
    """Follow what is known of blobs through a region.

    Args:
        region: the region.
        exposed: blobs that somebody else may touch at any time.
        known: of the blobs when it begins.
        cells_of: the blobs that a step which the interpreter performs may touch; None for any.
        native: see `Typing`.
        shapes: see `Typing`.
    """
    found = Typing(region, exposed, native, shapes=shapes)
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
                    self._typing.before[node] = dict(known)
                    known = {}
        return known

    def _operator(self, node: Operator, known: Known) -> None:
        typing = self._typing
        expression = self._expression(node, known)
        if expression is None:
            typing.expressions.pop(node, None)
            inferred = self._inferred(node, known)
            for cell in written(node):
                known.pop(cell, None)
            if reaches_anything(node):
                known.clear()
            known.update(inferred)
            return
        typing.expressions[node] = expression
        [target] = node.targets
        if target not in typing.exposed:
            known[target] = expression.kind

    def _expression(self, node: Operator, known: Known) -> Expression | None:
        prepared = node.net.prepared.ops[node.index]
        kinds = [known[cell] for cell in node.sources if cell in known]
        if len(kinds) < len(node.sources) or len(node.targets) != 1:
            return None
        if not node.sources:
            return constant(prepared) if may_be_constant(node) else None
        replaced = known[node.targets[0]] if node.targets[0] in node.sources else None
        return expression_of(prepared, kinds, replaced, native=self._typing.native)

    def _inferred(self, node: Operator, known: Known) -> Known:
        """What is known of the results of an operator that is called."""
        prepared = node.net.prepared.ops[node.index]
        declared, shapes = prepared.declared, self._typing.shapes
        if declared.infer is None or not declared.is_builtin or len(node.targets) != len(prepared.op.outputs):
            return {}
        given = [_spec(known.get(cell), shapes) for cell in node.sources]
        arguments = {**declared.defaults, **prepared.arguments}
        found: Known = {}
        for cell, spec in zip(node.targets, declared.infer(given, arguments, len(node.targets)), strict=True):
            if spec is None or cell in self._typing.exposed or spec.dtype.type not in SCALAR_KINDS:
                continue
            if spec.shape == ():
                found[cell] = spec.dtype.type
            elif shapes is not None and spec.is_exact and 0 < _bytes_of(spec) <= MOST_BYTES:
                found[cell] = Array(spec.dtype.type, spec.rank, _group_of(spec.sizes, shapes))
        return found

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


def _kind_shown(kind: Kind) -> str:
    name = element_of(kind).__name__.removesuffix("_")
    return f"{name} of rank {kind.rank}" if isinstance(kind, Array) else name


def _spec(kind: Kind | None, shapes: list[Shape] | None) -> TensorSpec | None:
    if isinstance(kind, Array):
        return TensorSpec(np.dtype(kind.element), shapes[kind.group] if shapes else (None,) * kind.rank)
    return None if kind is None else TensorSpec(np.dtype(kind))


def _bytes_of(spec: TensorSpec) -> int:
    return math.prod(size or 0 for size in spec.sizes) * spec.dtype.itemsize


def _group_of(sizes: Sequence[Size], shapes: list[Shape]) -> int:
    shape = tuple([size or 0 for size in sizes])
    if shape not in shapes:
        shapes.append(shape)
    return shapes.index(shape)


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
                    everything = everything or may_look(node)
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
