"""The workspace that users and their functions see: blobs by name, nets that are kept, running things at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from taskplan.engine.attempted import Attempted, Placed
from taskplan.engine.cells import BlobSpace
from taskplan.engine.compiler.hot import compiler_of
from taskplan.engine.execute import begin_first_strand, end_first_strand, execute, interruptible
from taskplan.engine.failures import Failed
from taskplan.engine.interpret import BoundNet
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.run import Run
from taskplan.engine.threads import ThreadDriver, ThreadPool
from taskplan.engine.tier import Tier
from taskplan.errors import BuildValueError, Cancelled, ReportedError, WorkspaceError
from taskplan.plan.intake import definition_of
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef


class KeptNet:
    """A net that lives in a workspace and keeps its operators' state from run to run."""

    def __init__(self, net: NetDef, space: Workspace, source: object) -> None:
        self._source = source  # a net's name is taken as long as the net lives
        plan = PreparedPlan(as_plan(net))
        self._placed = Placed("local", plan, space)
        self._run = Run(_attempt(ThreadPool()), plan)
        self._run.confined.add(space)
        try:
            self._bound: BoundNet = self._run.net(net.name, space)
        except Failed as failure:
            raise failure.annotated() from None

    @property
    def name(self) -> str:
        """The net's name."""
        return self._bound.prepared.net.name

    def run(self) -> None:
        """Run the net once.

        Raises:
            the failure itself, annotated.
        """
        pool = ThreadPool()
        shared = _attempt(pool)
        self._run.rearm(shared)
        try:
            with np.errstate(all="ignore"), interruptible(shared):
                before = begin_first_strand([self._placed], shared)
                try:
                    self._bound.perform()
                finally:
                    end_first_strand(before, shared)
        except Cancelled:
            pass
        except Failed as failure:
            shared.fail(failure)
        finally:
            pool.close()
        shared.outcome.raise_first()


class Workspace(BlobSpace):
    """Blobs by name, and the nets that were made in it.

    Example:
        >>> ws = Workspace()
        >>> ws.feed_blob("x", np.float32([1, 2]))
        True
        >>> child = Workspace(ws)
        >>> child.fetch_blob("x")
        array([1., 2.], dtype=float32)

    Args:
        parent: whose blobs are visible here too. Writing a blob that the parent has writes the parent's.
    """

    def __init__(self, parent: BlobSpace | None = None, *, name: str = "") -> None:
        super().__init__(parent, name=name)
        self._kept: dict[str, KeptNet] = {}

    @property
    def nets(self) -> Mapping[str, KeptNet]:
        """The nets that `create_net` made here, by name. They are not inherited."""
        return self._kept

    def create_net(self, net: object, overwrite: bool = False) -> KeptNet:
        """Make a net in this workspace and keep it.

        Args:
            net: a Net or a NetDef.
            overwrite: replace a net of the same name.

        Raises:
            WorkspaceError: the name is taken or empty, or the net reads a blob that is not here.
        """
        self.check_alive()
        definition = definition_of(net)
        if not isinstance(definition, NetDef):
            msg = f"create_net takes a net, got {net!r:.80}"
            raise BuildValueError(msg)
        if not definition.name:
            msg = "a net that is kept in a workspace needs a name"
            raise WorkspaceError(msg)
        if definition.name in self._kept and not overwrite:
            msg = f"workspace {self.name!r} has a net {definition.name!r}; pass overwrite=True to replace it"
            raise WorkspaceError(msg)
        kept = self._kept[definition.name] = KeptNet(definition, self, net)
        return kept

    def run(self, runnable: object) -> None:
        """Run a plan, a net (made for this once) or an operator, here.

        Raises:
            BuildValueError: it is none of these.
            the first failure itself, with notes that say where it happened.
        """
        self.check_alive()
        self.run_definition(definition_of(runnable))

    def run_definition(self, definition: PlanDef | StepDef | NetDef | OpDef) -> None:
        """Run a model value here. See `run`."""
        plan = as_plan(definition)
        pool = ThreadPool()
        try:
            execute([Placed("local", PreparedPlan(plan), self)], _attempt(pool))
        finally:
            pool.close()

    def run_net(self, name: str, num_iter: int = 1, *, allow_fail: bool = False) -> bool:
        """Run a kept net `num_iter` times; see `taskplan.RunNet`."""
        self.check_alive()
        kept = self._kept.get(name)
        if kept is None:
            msg = f"workspace {self.name!r} has no net {name!r}; make it with CreateNet first"
            raise WorkspaceError(msg)
        try:
            for _ in range(num_iter):
                kept.run()
        except ReportedError:
            if allow_fail:
                return False
            raise
        return True

    def drop(self) -> None:
        """Give up all blobs and nets."""
        super().drop()
        self._kept.clear()


def as_plan(definition: PlanDef | StepDef | NetDef | OpDef | Iterable[OpDef]) -> PlanDef:
    """A plan that runs just this.

    Raises:
        BuildValueError: it is a step, which by itself only names its nets.
    """
    if isinstance(definition, PlanDef):
        return definition
    if isinstance(definition, StepDef):
        msg = f"step {definition.name!r} by itself only names its nets; wrap it in a Plan"
        raise BuildValueError(msg)
    net = (
        definition
        if isinstance(definition, NetDef)
        else NetDef("", tuple([definition] if isinstance(definition, OpDef) else definition))
    )
    return PlanDef(net.name, (net,), (StepDef(net.name, nets=(net.name,), site=net.site),))


def _attempt(pool: ThreadPool) -> Attempted:
    return Attempted(ThreadDriver(pool), compiler=compiler_of(Tier.of(None)))
