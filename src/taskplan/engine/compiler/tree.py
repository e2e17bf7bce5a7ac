"""A region: a bound step in which nothing runs beside anything else, as a tree of what its function does.

Loops and branches of steps, and the operators `If` and `While`, become nodes; every other operator is a leaf. What has
a life of its own (a workspace, closing blocks, a time limit, reporters, concurrent children) is a leaf too: the
interpreter performs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from taskplan.engine.bound import BoundStep, limit_of
from taskplan.engine.cells import Cell
from taskplan.engine.interpret import BoundNet
from taskplan.engine.run import Run
from taskplan.operators.registry import SUBNETS, USER_CODE, WORKSPACE
from taskplan.plan.model import StepDef

MAX_OPERATORS = 4_000
"""In one function; of more, the loops inside are regions of their own."""

MAX_LOOPS = 12
"""One in another: Python allows 20 blocks."""

MAX_DEPTH = 40
"""Of branches and loops in each other: Python allows 100 levels of indentation."""

SMALL_ROUNDS = 256
"""A counted loop with no more operators to run than this is done in one go, and never left in the middle."""


class NotCompiledError(Exception):
    """Why a step stays interpreted."""


@dataclass(eq=False, slots=True)
class Operator:
    """One operator of a bound net. `nets`: the nets around its own, which run it by `If` or `While`, inside out."""

    net: BoundNet
    index: int
    nets: tuple[BoundNet, ...]

    @property
    def sources(self) -> tuple[Cell, ...]:
        """The cells that it reads."""
        return self.net.sources[self.index]

    @property
    def targets(self) -> tuple[Cell, ...]:
        """The cells that it writes."""
        return self.net.targets[self.index]


@dataclass(eq=False, slots=True)
class Branch:
    """The operator `If`."""

    operator: Operator
    then: list[Node]
    otherwise: list[Node]


@dataclass(eq=False, slots=True)
class While:
    """The operator `While`: `before` runs, then the condition decides on `body`, and so on."""

    operator: Operator
    before: list[Node]
    body: list[Node]
    label: int = 0


@dataclass(eq=False, slots=True)
class Steps:
    """A step: its parts one after the other, again and again, until `limit` rounds are done or its blob says stop.

    Attributes:
        parts: what its nets, or its children, do; after each the stop blob is looked at.
        label: the number of the place at which its loop can be left and entered again; 0 if it cannot.
        number: its place among the steps of the region.
    """

    step: BoundStep
    parts: list[list[Node]]
    limit: float
    label: int = 0
    number: int = 0

    @property
    def loops(self) -> bool:
        """Whether it may have more than one round."""
        return self.limit > 1


@dataclass(eq=False, slots=True)
class Foreign:
    """A step that is performed by itself, interpreted or as a region of its own."""

    step: BoundStep


Node = Operator | Branch | While | Steps | Foreign


@dataclass(slots=True)
class Region:
    """A step and all below it that runs as one function. It `stands_alone` if its root is no step of the plan."""

    root: Steps
    stands_alone: bool = False
    steps: list[Steps] = field(default_factory=list)
    operators: int = 0

    def check_size(self) -> None:
        """Raise `NotCompiledError` if it has too many operators for one function."""
        if self.operators > MAX_OPERATORS:
            msg = f"it has more than {MAX_OPERATORS:,} operators"
            raise NotCompiledError(msg)


def region_of(step: BoundStep, run: Run, limit: float) -> Region:
    """The tree of a bound step, whose own life the caller minds.

    Raises:
        NotCompiledError: it is too large for one function.
    """
    return _Grower(run).grow(step, limit)


def region_of_while(net: BoundNet, index: int) -> Region:
    """The tree of an operator `While` by itself, in a step that nobody sees.

    Raises:
        NotCompiledError: it is too large for one function.
    """
    return _Grower(net.run).grow_while(net, index)


class _Grower:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._region: Region

    def grow_while(self, net: BoundNet, index: int) -> Region:
        op = net.prepared.ops[index].op
        root = Steps(BoundStep(StepDef(f"operator {op.type}", site=op.site), net.space), [], 1)
        self._region = Region(root, stands_alone=True)
        root.parts = [[self._node(net, index, (), 1, 1)]]
        return self._numbered()

    def grow(self, step: BoundStep, limit: float) -> Region:
        root = Steps(step, [], limit)
        self._region = Region(root)
        self._fill(root, 1, 1)
        if not looks_numeric(root):
            _set_apart(root)
        return self._numbered()

    def _numbered(self) -> Region:
        self._region.steps = [node for node in nodes_of(self._region.root) if isinstance(node, Steps)]
        for number, node in enumerate(self._region.steps):
            node.number = number
        _give_labels(self._region)
        return self._region

    def _fill(self, node: Steps, loops: int, depth: int) -> None:
        _check_depth(loops, depth)
        step = node.step
        if step.nets:
            node.parts = [self._net(net, (), loops, depth) for net in step.nets]
        else:
            node.parts = [[self._child(child, loops, depth)] for child in step.steps]

    def _child(self, child: BoundStep, loops: int, depth: int) -> Node:
        definition = child.definition
        alone = self._run.plan.facts(definition).sequential
        if (
            not alone
            or definition.create_workspace
            or definition.closing
            or definition.task is not None
            or definition.timeout_s is not None
        ):
            self._region.operators += 1
            return Foreign(child)
        node = Steps(child, [], limit_of(definition))
        self._fill(node, loops + node.loops, depth + 1)
        return node

    def _net(self, net: BoundNet, nets: tuple[BoundNet, ...], loops: int, depth: int) -> list[Node]:
        self._region.operators += len(net.prepared.ops)
        self._region.check_size()
        _check_depth(loops, depth)
        return [self._node(net, index, nets, loops, depth) for index in range(len(net.prepared.ops))]

    def _node(self, net: BoundNet, index: int, nets: tuple[BoundNet, ...], loops: int, depth: int) -> Node:
        kind, operator = net.prepared.ops[index].op.type, Operator(net, index, nets)
        subnets, inner = net.subnets.get(index, {}), (net, *nets)
        if kind == "If":
            then, otherwise = subnets["then_net"], subnets.get("else_net")
            return Branch(
                operator,
                self._net(then, inner, loops, depth + 1),
                self._net(otherwise, inner, loops, depth + 1) if otherwise is not None else [],
            )
        if kind == "While":
            before, body = subnets.get("cond_net"), subnets["loop_net"]
            return While(
                operator,
                self._net(before, inner, loops + 1, depth + 1) if before is not None else [],
                self._net(body, inner, loops + 1, depth + 1),
            )
        return operator


def _check_depth(loops: int, depth: int) -> None:
    if loops > MAX_LOOPS or depth > MAX_DEPTH:
        msg = f"more than {MAX_LOOPS} loops or {MAX_DEPTH} steps and branches stand in each other"
        raise NotCompiledError(msg)


# --- walking ----------------------------------------------------------------------------------------------------------


def parts_of(node: Node) -> Sequence[list[Node]]:
    """What stands in a node, in order."""
    match node:
        case Steps():
            return node.parts
        case Branch():
            return (node.then, node.otherwise)
        case While():
            return (node.before, node.body)
        case _:
            return ()


def nodes_of(node: Node) -> Iterator[Node]:
    """A node and all in it, in order."""
    yield node
    for part in parts_of(node):
        for child in part:
            yield from nodes_of(child)


def labels_of(node: Node) -> list[int]:
    """The places in a node at which its function can be entered."""
    return [each.label for each in nodes_of(node) if isinstance(each, Steps | While) and each.label]


def _rounds(node: Node) -> float:
    """How many operators a node runs at the most."""
    match node:
        case Steps(limit=0):
            return 0
        case Steps():
            return node.limit * max(1, sum(_rounds(child) for part in node.parts for child in part))
        case Branch():
            return 1 + max(sum(map(_rounds, node.then)), sum(map(_rounds, node.otherwise)))
        case While():
            return math.inf
        case _:
            return 1


def looks_numeric(node: Node) -> bool:
    """Whether it may be native code: all its operators are expressions of the right operands."""
    match node:
        case Operator():
            declared = node.net.prepared.ops[node.index].declared
            return declared.exact_native is not None or declared.exact_lookup is not None or may_be_constant(node)
        case Foreign():
            return False
        case _:
            return all(looks_numeric(child) for part in parts_of(node) for child in part)


def _set_apart(node: Steps) -> None:
    """Long numeric loops in a step that is none become regions of their own: they may be native code."""
    for part in node.parts:
        for place, child in enumerate(part):
            if not isinstance(child, Steps):
                continue
            if child.loops and _rounds(child) > SMALL_ROUNDS and looks_numeric(child):
                part[place] = Foreign(child.step)
            else:
                _set_apart(child)


def _give_labels(region: Region) -> None:
    """The root has place 1; other loops have one unless they are small."""
    number = 0
    for node in nodes_of(region.root):
        is_loop = node is region.root or isinstance(node, While) or (isinstance(node, Steps) and node.loops)
        if isinstance(node, Steps | While) and is_loop and (node is region.root or _rounds(node) > SMALL_ROUNDS):
            number += 1
            node.label = number


def may_be_constant(operator: Operator) -> bool:
    """Whether an operator may give the same scalar each time: it has no inputs, and makes no array of a given shape."""
    prepared = operator.net.prepared.ops[operator.index]
    declared = prepared.declared
    return not (operator.sources or declared.effects or declared.wants_run or prepared.arguments.get("shape"))


def touched(operator: Operator) -> set[Cell]:
    """The cells that an operator may read or write, those of the nets in it included."""
    cells = {*operator.sources, *operator.targets}
    for subnet in operator.net.subnets.get(operator.index, {}).values():
        for index in range(len(subnet.prepared.ops)):
            cells |= touched(Operator(subnet, index, ()))
    return cells


def written(operator: Operator) -> set[Cell]:
    """The cells that an operator may write."""
    if SUBNETS in operator.net.prepared.ops[operator.index].declared.effects:
        return touched(operator)
    return set(operator.targets)


def may_look(operator: Operator) -> bool:
    """Whether an operator may look at any blob, as functions of users do that fetch from a workspace they know."""
    prepared = operator.net.prepared.ops[operator.index]
    return prepared.hands_out or not prepared.declared.effects.isdisjoint((USER_CODE, WORKSPACE))


def reaches_anything(operator: Operator) -> bool:
    """Whether an operator may write any blob of its workspace."""
    return operator.net.prepared.ops[operator.index].hands_out
