"""One instance of an operator, as its body sees it: the engine's `OpRun`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from taskplan.engine.cells import Cell, CellSpace
from taskplan.engine.failures import Place
from taskplan.engine.prepare import PreparedOp, prepare_net
from taskplan.operators.run import Scope
from taskplan.operators.waiting import Attempt, Reason
from taskplan.plan.model import NetDef

if TYPE_CHECKING:
    from taskplan.engine.interpret import BoundNet

T = TypeVar("T")


class Instance:
    """See `taskplan.operators.run.OpRun`."""

    def __init__(
        self, net: BoundNet, prepared: PreparedOp, index: int, sources: list[Cell], targets: list[Cell]
    ) -> None:
        self.op = prepared.op
        self.state: dict[str, Any] = {}
        self.workspace = net.space
        self._net = net
        self._run = net.run
        self._index = index
        self._sources = sources
        self._targets = targets
        self._rng: np.random.Generator | None = None
        self._scoped: BoundNet | None = None
        self._hands_out = prepared.hands_out
        # Subnets are made together with the operator, in its workspace; those of Do are made when it runs.
        self.subnets = {
            name: type(net)(prepare_net(value), net.space, net.run)
            for name, value in prepared.arguments.items()
            if isinstance(value, NetDef) and prepared.op.type != "Do"
        }

    @property
    def rng(self) -> np.random.Generator:
        """This instance's own generator."""
        if self._rng is None:
            seed = self.op.random_seed
            self._rng = np.random.default_rng(self._new_seed() if seed is None else seed)
        return self._rng

    def _new_seed(self) -> np.random.SeedSequence:
        return self._run.next_seed(self._net.prepared.net.name, self._index)

    def wait(self, reason: Reason, attempt: Attempt, timeout_s: float = math.inf) -> Any:
        """Make the attempt until it answers, through the driver."""
        run = self._run
        return run.driver.wait(reason, attempt, run.token, timeout_s, False, self)

    def input(self, index: int) -> Any:
        """The present value of an input."""
        return self._sources[index].value

    def own(self, index: int) -> Any:
        """The present value of an input that is updated, as an array to write into."""
        return self._sources[index].own()

    def previous(self, index: int) -> Any:
        """The value that an output holds before this call."""
        return self._targets[index].value

    def store(self, index: int, value: Any) -> None:
        """Make `value` the value of an output now."""
        self._targets[index].value = value

    def store_named(self, name: str, value: Any) -> None:
        """Make `value` the value of the blob of that name."""
        self._net.space.cell(name).value = value

    def wall_clock_ns(self) -> int:
        """The wall clock, in nanoseconds since 1970."""
        return self._run.driver.wall_clock_ns()

    def run_net(self, argument: str) -> None:
        """Run the net given as `argument`."""
        self.subnets[argument].perform()

    def finish_loop(self) -> bool:
        """Do the rounds that are left, compiled; False if that cannot be done."""
        compiler = self._run.shared.compiler
        return compiler is not None and compiler.finish_loop(self._net, self._index)

    def run_in_scope(
        self, net: NetDef, bound: Mapping[str, str], scope: Scope, *, reuse: bool, keep_copies: bool
    ) -> None:
        """Run `net` in a workspace of its own in which the names of `bound` are outer blobs."""
        made = scope.workspaces
        if reuse and made:
            space: CellSpace = made[-1]
        else:
            space = type(self._net.space)(None)
            made.append(space)
        for inner, outer in bound.items():
            space.bind(inner, self._net.space.cell(outer))
        if self._scoped is None or self._scoped.space is not space:
            self._scoped = type(self._net)(prepare_net(net), space, self._run)
        self._scoped.perform()
        if keep_copies:
            for inner, outer in bound.items():
                cell = self._net.space.cell(outer)
                cell.owned = None
                space.bind(inner, Cell(inner, cell.value))

    def user_call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function of the user."""
        run = self._run
        if self._hands_out:
            run.shared.hand_out(self.workspace)
        return run.user_call(self, function, *args)

    @property
    def ending(self) -> bool:
        """Whether the run, or the closing block, that the operator stands in has been told to end."""
        return self._run.token.cancelled

    def place(self) -> Place:
        """Where the operator stands."""
        return self._net.place(self._index)

    def log(self, message: str) -> None:
        """Write a line to the run's log."""
        self._run.log(message)
