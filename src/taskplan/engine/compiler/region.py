"""Running a region compiled: its functions, what they are given, and what is said when one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from itertools import count
from types import CodeType
from typing import Any, NoReturn

import numpy as np

from taskplan.engine.bound import BoundStep, is_true
from taskplan.engine.cells import Cell
from taskplan.engine.compiler.chains import Chain, chain_from
from taskplan.engine.compiler.exposure import cells_in, cells_of, exposed_cells
from taskplan.engine.compiler.follow import Typing, typing_of
from taskplan.engine.compiler.kinds import Known, holds_still, known_of, scalars_of
from taskplan.engine.compiler.promotion import Promotion
from taskplan.engine.compiler.source import DONE, Call, Source, needs_place
from taskplan.engine.compiler.tree import (
    Branch,
    Foreign,
    Operator,
    Region,
    Steps,
    While,
)
from taskplan.engine.compiler.writer import python_source
from taskplan.engine.failures import Failed
from taskplan.engine.interpret import BoundNet
from taskplan.engine.run import Run
from taskplan.engine.strand import CURRENT, Loop, Strand
from taskplan.engine.tier import Tier
from taskplan.errors import Cancelled, InternalError
from taskplan.operators.control import holds

FIRST_FUEL = 1
"""Rounds until a function first returns to the driver: rounds that wait may take long."""

SLICE_S = 0.005
"""So long a function is to run before it returns: a quarter of what it may, since rounds differ."""

MOST_FUEL = 1 << 40

MAX_FUNCTIONS = 8
"""For one region: beyond that many kinds of values at its beginning it runs without knowing any."""

Perform = Callable[[BoundStep, Run], None]

NAMES = {
    "Cancelled": Cancelled,
    "TRUE": np.True_,
    "FALSE": np.False_,
    "nan": np.nan,
    "inf": np.inf,
    "float32": np.float32,
    "float64": np.float64,
    "int32": np.int32,
    "int64": np.int64,
    "bool": np.bool_,
    "sqrt": np.sqrt,
    "fmod": np.fmod,
}

_numbers = count(1)


class Function:
    """A region's function in Python, bound to the region's blobs; and how far it is on its way to native code."""

    def __init__(self, typing: Typing, source: Source, code: CodeType, namespace: dict[str, Any]) -> None:
        self.typing = typing
        self.promotion: Promotion | None = None
        self.source = source
        self.cells = tuple(source.variables)
        exec(code, namespace)  # of our own text
        self.run: Callable[..., tuple[Any, ...]] = namespace.pop("region")  # which would hold itself

        self._kinds = {
            at: [(place, known[cell]) for place, cell in enumerate(self.cells) if cell in known]
            for at, known in typing.known.items()
        }

    def fits(self, at: int) -> bool:
        """Whether blobs hold now what it takes for granted when it is entered there."""
        return holds_still(self.typing.known[at])

    def takes(self, at: int, values: list[Any]) -> bool:
        """Whether these values of its variables are what it takes for granted."""
        return all(type(values[place]) is kind for place, kind in self._kinds[at])


class Compiled:
    """A region that runs compiled, in its workspace.

    Args:
        region: what runs.
        run: the run that it is part of.
        perform: performs a step by the interpreter.
        tier: how far to go, and when.
    """

    def __init__(self, region: Region, run: Run, perform: Perform, tier: Tier) -> None:
        self._step = step = region.root.step
        self._run = run
        self._perform_step = perform
        self._tier = tier
        self._region = region
        self._exposed = exposed_cells(region, run)
        self._cells = cells_in(region)
        self._functions: list[Function] = []
        self._loops = {self._region.root: Loop(step, None)}
        self._strand: Strand

    def perform(self, iteration: int) -> None:
        """Do the rounds of the step from `iteration` on.

        Raises:
            Cancelled: the run is ending for another reason.
            Failed: an operator failed; carries its place, up to and with this step.
        """
        strand = self._strand = CURRENT.get() or Strand(self._run.shared, self._step.definition.name)
        before = strand.step, strand.loop
        loop = self._loops[self._region.root]
        loop.outer = strand.loop
        strand.step, strand.loop = self._step, loop
        try:
            self._go_on(self._region.root.label, iteration, loop)
        finally:
            strand.step, strand.loop = before

    def finish(self) -> None:
        """Of a region that stands alone, do the rounds that are left of the one operator in it.

        Raises:
            Cancelled: the run is ending for another reason.
            Failed: an operator in one of its nets failed; carries its place, up to that net.
            DtypeError, ShapeError: its condition is none.
        """
        strand = self._strand = CURRENT.get() or Strand(self._run.shared, self._step.definition.name)
        before = strand.step, strand.loop
        try:
            self._go_on(self._region.root.label + 1, 0, self._loops[self._region.root])
        finally:
            strand.step, strand.loop = before

    def _go_on(self, at: int, iteration: int, loop: Loop) -> None:
        token, fuel = self._run.token, FIRST_FUEL
        function = self._fitting(at)
        counters: list[Any] = [iteration, *[0] * (len(function.source.counters) - 1)]
        while at != DONE:
            if token.cancelled:
                raise Cancelled
            loop.iteration = counters[0]
            if not function.fits(at):
                function = self._fitting(at)
            native = function.promotion and function.promotion.native
            began = time.perf_counter()
            if native and native.fits(at):
                at, left, counters = native.slice(at, fuel, counters)
                if at < DONE:
                    self._fail_as(native.source.failures[-at - 1], native.source, counters)
            else:
                native = None
                at, left, counters = self._slice(function, at, fuel, counters)
            elapsed_s = time.perf_counter() - began
            fuel = _next_fuel(fuel, fuel - left, elapsed_s)
            if not native and function.promotion:
                function.promotion.ran(elapsed_s)

    def _slice(self, function: Function, at: int, fuel: int, counters: list[Any]) -> tuple[int, int, list[Any]]:
        values = [cell.value for cell in function.cells]
        if not function.takes(at, values):
            return at, fuel, counters  # somebody has fed one since it was looked at
        try:
            at, left, *rest = function.run(at, fuel, *counters, *values)
        except BaseException as error:
            self._fail(function, error, values)
        new = rest[len(counters) :]
        _store(function.cells, values, new)
        return at, left, rest[: len(counters)]

    def close(self) -> None:
        """Let go of its functions, which know it, so that no cycle is left for the garbage collector."""
        self._functions.clear()

    # --- functions ----------------------------------------------------------------------------------------------------

    def _fitting(self, at: int) -> Function:
        """A function that can be entered at a place now."""
        for function in self._functions:
            if function.fits(at):
                return function
        known: Known = {}
        begins = at == self._region.root.label or self._region.stands_alone
        at_first = begins and len(self._functions) < MAX_FUNCTIONS
        if at_first:
            known = scalars_of(self._cells)
        typing = typing_of(self._region, self._exposed, known, partial(cells_of, run=self._run))
        chains = self._chains(typing)
        source = python_source(typing, {node: len(chain.calls) for node, chain in chains.items()})
        function = Function(typing, source, _code(source.text), self._namespace(source, chains))
        self._functions.append(function)
        way = self._run.plan.way(self._step.definition)
        way.python = source.text
        if at_first and self._tier is not Tier.PYTHON:
            function.promotion = Promotion(way, self._native_typing, forced=self._tier is Tier.NATIVE)
        return function

    def _native_typing(self) -> Typing:
        known = known_of(self._cells)
        return typing_of(self._region, self._exposed, known, partial(cells_of, run=self._run), native=True)

    def _chains(self, typing: Typing) -> dict[Operator, Chain]:
        """The chains among operators that are called, by the first of each."""
        found: dict[Operator, Chain] = {}
        if self._tier is Tier.PYTHON:
            return found
        called = {(each.net, each.index): each for each in typing.called if isinstance(each, Operator)}
        inside: set[tuple[BoundNet, int]] = set()
        for (net, index), node in called.items():
            chain = chain_from(net, index, forced=self._tier is Tier.NATIVE) if (net, index) not in inside else None
            if chain is not None:
                places = [(net, place) for place in range(index, index + len(chain.calls))]
                if all(place in called for place in places):
                    found[node] = chain
                    inside.update(places)
        return found

    def _namespace(self, source: Source, chains: Mapping[Operator, Chain]) -> dict[str, Any]:
        names: dict[str, Any] = {**NAMES, "token": self._run.token}
        names.update({name: cell for cell, name in source.cells.items()})
        for name, call in source.calls.items():
            action = chains[call.node] if call.chain and isinstance(call.node, Operator) else self._action(call)
            names[name] = self._placed(action, call) if needs_place(call) else action
        return names

    def _action(self, call: Call) -> Callable[[], Any]:
        match call.node:
            case Operator() as node:
                return node.net.calls[node.index]
            case Branch() | While() as node:
                operator = node.operator
                condition = operator.sources[0]
                name = operator.net.prepared.ops[operator.index].op.type
                return lambda: holds(name, condition.value)
            case Foreign() as node:
                return partial(self._perform_step, node.step, self._run)
            case Steps() as node:
                stop = node.step.stop
                assert stop is not None
                return partial(is_true, stop)

    def _placed(self, action: Callable[[], Any], call: Call) -> Callable[..., Any]:
        """As `action`, which may wait: whoever asks meanwhile is told in which steps and rounds it stands.

        That is said until the next call says another, or the region ends: nobody asks between calls.
        """
        if self._region.stands_alone:
            return lambda *_: action()  # its strand stands in the step that runs the operator
        root, counted = self._region.root, [self._loops[self._region.root]]
        for node in call.steps:
            if node.loops and node is not root:
                counted.append(self._loops.setdefault(node, Loop(node.step, counted[-1])))
        step, loop = call.steps[-1].step, counted[-1]
        outer = [(place, each) for place, each in enumerate(counted[:-1]) if place or root.loops]

        def placed(*iterations: int) -> Any:
            strand = self._strand
            strand.step, strand.loop = step, loop
            loop.iteration = iterations[-1]
            for place, each in outer:
                each.iteration = iterations[place]
            return action()

        return placed

    def _fail_as(self, call: Call, source: Source, counters: list[int]) -> NoReturn:
        """Native code has found that an operator fails: its body says how."""
        assert isinstance(call.node, Operator)
        try:
            call.node.net.calls[call.node.index]()
        except Exception as error:
            self._raise(call, error, dict(zip(source.counters, counters, strict=True)))
        msg = f"native code found that operator {call.node.net.prepared.ops[call.node.index].op.type} fails"
        raise InternalError(msg)

    # --- failures -----------------------------------------------------------------------------------------------------

    def _fail(self, function: Function, error: BaseException, values: list[Any]) -> NoReturn:
        """Store what the function had come to, and raise the failure with its place."""
        trace = error.__traceback__
        code = function.run.__code__
        while trace is not None and trace.tb_frame.f_code is not code:
            trace = trace.tb_next
        if trace is None:
            raise error
        found = trace.tb_frame.f_locals
        _store(function.cells, values, [found[name] for name in function.source.variables.values()])
        call = function.source.lines.get(trace.tb_lineno)
        if isinstance(error, Cancelled) or call is None:
            raise error
        counters = {number: found.get(name, 0) for number, name in function.source.counters.items()}
        self._raise(call, error, counters)

    def _raise(self, call: Call, error: BaseException, counters: Mapping[int, int]) -> NoReturn:
        if self._region.stands_alone:
            _raise_in_operator(call, error)
        failure = _failure(call, error)
        if failure is None:
            raise error
        for node in reversed(call.steps):
            failure.passed_step(node.step.definition, int(counters.get(node.number, 0)), node.step.label)
        raise failure from None


def _raise_in_operator(call: Call, error: BaseException) -> NoReturn:
    """Raise what the body of the operator that is the region would: what is around that is added further up."""
    node = call.node
    operator = node.operator if isinstance(node, Branch | While) else node
    if not isinstance(operator, Operator) or not operator.nets:
        raise error
    failure = _failure(call, error)
    assert failure is not None
    failure.place.nets.pop()
    raise failure from None


def _failure(call: Call, error: BaseException) -> Failed | None:
    """What the interpreter would say of an error in a call; None for what it would not say anything of."""
    node = call.node
    if isinstance(node, Foreign | Steps):
        return error if isinstance(error, Failed) else None
    operator = node if isinstance(node, Operator) else node.operator
    if isinstance(error, Failed):
        failure = error
        failure.place.nets.append(f"net {operator.net.prepared.net.name!r}")
    else:
        failure = operator.net.failed(operator.index, error)
    for net in operator.nets:
        failure.place.nets.append(f"net {net.prepared.net.name!r}")
    return failure


def _store(cells: tuple[Cell, ...], before: list[Any], after: list[Any]) -> None:
    for cell, old, new in zip(cells, before, after, strict=True):
        if new is not old:
            cell.value, cell.owned = new, None


def _next_fuel(fuel: int, used: int, elapsed_s: float) -> int:
    """So many rounds that they take a slice; at most four times as many as before."""
    per_round = elapsed_s / max(used, 1)
    wanted = int(SLICE_S / max(per_round, 1e-12))
    return max(1, min(wanted, 4 * fuel, MOST_FUEL))


@lru_cache(maxsize=512)
def _code(text: str) -> CodeType:
    """The same text, for instances of a task or runs of a program, is compiled once."""
    return compile(text, f"<region {next(_numbers)}>", "exec")
