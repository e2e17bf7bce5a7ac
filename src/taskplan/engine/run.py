"""One run of one plan on one node: what its steps share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from taskplan.cancel import CancelToken
from taskplan.engine.attempted import Attempted, logger
from taskplan.engine.cells import Cell, CellSpace
from taskplan.engine.failures import Failed
from taskplan.engine.interpret import BoundNet
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.strand import CURRENT
from taskplan.errors import Cancelled, RunError, WorkspaceError

if TYPE_CHECKING:
    from taskplan.engine.compiler.region import Compiled
    from taskplan.engine.instance import Instance

T = TypeVar("T")

NODE_ID = "NODE_ID"
GLOBAL_WORKSPACE_ID = "GLOBAL_WORKSPACE_ID"
MAX_CHILDREN = 1 << 16


class Run:
    """One plan, on one node, under one token."""

    def __init__(
        self, shared: Attempted, plan: PreparedPlan, token: CancelToken | None = None, *, node: str | None = None
    ) -> None:
        self.node = node
        self.shared = shared
        self.plan = plan
        self.driver = shared.driver
        self.token = token or shared.token
        self._children = count()
        self._nets: dict[CellSpace, dict[str, BoundNet]] = {}
        self._compiled: dict[CellSpace, dict[Hashable, Compiled]] = {}
        self.confined: set[CellSpace] = set()
        """Workspaces whose own blobs only one thread of this run ever touches."""

    def under(self, token: CancelToken) -> Run:
        """The same run under another token: a closing phase. Nets are made anew."""
        run = Run(self.shared, self.plan, token, node=self.node)
        run._children = self._children
        return run

    def rearm(self, shared: Attempted) -> None:
        """Serve another run: for a net that is kept in its workspace and run again and again."""
        self.shared, self.driver, self.token = shared, shared.driver, shared.token

    def net(self, name: str, space: CellSpace) -> BoundNet:
        """The one instance of a net in a workspace; made on first use.

        Raises:
            Failed: it cannot be made.
        """
        nets = self._nets.get(space)
        if nets is None:
            nets = self._nets.setdefault(space, {})
        bound = nets.get(name)
        if bound is None:
            try:
                prepared = self.plan.net(name)
            except Exception as error:
                raise Failed(error) from None
            bound = nets[name] = BoundNet(prepared, space, self)
        return bound

    def confines(self, cell: Cell, space: CellSpace) -> bool:
        """Whether a blob that is visible in a workspace is one that only one strand of this run touches."""
        owner: CellSpace | None = space
        while owner is not None and not owner.owns(cell):
            owner = owner.parent
        return owner in self.confined

    def compiled(self, space: CellSpace, what: Hashable, make: Callable[[], Compiled]) -> Compiled:
        """The one compiled form of something in a workspace; made on first use."""
        known = self._compiled.setdefault(space, {})
        found = known.get(what)
        if found is None:
            found = known[what] = make()
        return found

    def forget(self, space: CellSpace) -> None:
        """Drop the nets of a workspace that is going, without leaving cycles for the garbage collector."""
        for compiled in self._compiled.pop(space, {}).values():
            compiled.close()
        for net in self._nets.pop(space, {}).values():
            net.calls.clear()
            net.sequence = net.calls
        self.confined.discard(space)

    def close(self) -> None:
        """Drop all nets."""
        for space in [*self._nets, *self._compiled]:
            self.forget(space)

    def child_space(self, parent: CellSpace) -> CellSpace:
        """A fresh child workspace; with an id of its own if the node has one (`NODE_ID`)."""
        child = type(parent)(parent)
        node = parent.find(NODE_ID)
        if node is None:
            return child
        number = node.value
        if not isinstance(number, np.ndarray | np.generic) or number.dtype != np.int32 or number.size != 1:
            msg = f"{NODE_ID!r} must be one int32, got {number!r}"
            raise WorkspaceError(msg, blob=NODE_ID)
        sequence = next(self._children)
        if sequence >= MAX_CHILDREN:
            msg = f"one plan run made more than {MAX_CHILDREN} child workspaces, so {GLOBAL_WORKSPACE_ID} ran out"
            raise WorkspaceError(msg)
        child.local_cell(GLOBAL_WORKSPACE_ID).value = np.int32((int(number.reshape(-1)[0]) << 16) + sequence)
        return child

    def next_seed(self, net: str, index: int) -> np.random.SeedSequence:
        """A seed for an instance of operator `index` of a net, in the instance of the task that runs here."""
        strand = CURRENT.get()
        return self.shared.next_seed(self.node, net, index, strand.labels if strand is not None else ())

    def user_call(self, by: Instance, function: Callable[..., T], *args: Any) -> T:
        """Call a user's function for an operator.

        Ctrl-C is raised inside it if it runs on the thread that asked for the run.
        """
        user_threads = self.shared.user_threads
        thread = threading.get_ident()
        nested = thread in user_threads  # a function that runs nets whose functions call others
        strand = CURRENT.get()
        user_threads.add(thread)
        if strand is not None:
            strand.calling = (*strand.calling, by)
        try:
            result = function(*args)
        except Cancelled:
            if self.token.cancelled:
                raise
            msg = "a function raised taskplan.Cancelled, which is for runs that are ending; raise another exception"
            raise RunError(msg) from None
        finally:
            if not nested:
                user_threads.discard(thread)
            if strand is not None:
                strand.calling = strand.calling[:-1]
        if self.token.cancelled:
            raise Cancelled  # what it would write now is discarded
        return result

    def log(self, message: str) -> None:
        """Write a line to the log of taskplan."""
        logger.info(message)
