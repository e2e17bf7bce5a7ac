"""What would be compiled, shown without running anything.

Steps are bound to blobs that hold nothing; what operators are inferred to make stands in for values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from taskplan.engine.bound import BoundStep, limit_of
from taskplan.engine.cells import Cell, CellSpace
from taskplan.engine.compiler.exposure import cells_of, exposed_cells
from taskplan.engine.compiler.follow import typing_of
from taskplan.engine.compiler.kinds import Known
from taskplan.engine.compiler.tree import Foreign, NotCompiledError, nodes_of, region_of
from taskplan.engine.compiler.writer import native_source, python_source
from taskplan.engine.prepare import PreparedNet, PreparedPlan, prepare_net
from taskplan.engine.run import Run
from taskplan.errors import TaskplanError
from taskplan.operators.uses import LAZY_SUBNETS
from taskplan.plan.model import NetDef, StepDef


@dataclass(frozen=True, slots=True)
class Preview:
    """How a step would run.

    Attributes:
        step: the step.
        why_interpreted: why it cannot be a function; empty if it can.
        python: the source of its function.
        why_not_native: why that could not be native code; empty if it could.
        native: the source for native code.
    """

    step: StepDef
    why_interpreted: str = ""
    python: str = ""
    why_not_native: str = ""
    native: str = ""


def previews(plan: PreparedPlan) -> Iterator[Preview]:
    """The regions of a plan, and the steps that are none, from the outside in."""
    viewer = _Viewer(plan)
    for step in plan.plan.steps:
        yield from viewer.view(step, viewer.root, {})


class _Viewer:
    def __init__(self, plan: PreparedPlan) -> None:
        self._plan = plan
        self.root = CellSpace()
        # The compiler asks it what the plan says; it starts nothing.
        self._run = Run(cast(Any, SimpleNamespace(driver=None, token=None, placed=())), plan)
        if len(plan.plan.steps) == 1 and plan.facts(plan.plan.steps[0]).sequential:
            self._run.confined.add(self.root)

    def view(self, step: StepDef, space: CellSpace, known: Known) -> Iterator[Preview]:
        facts = self._plan.facts(step)
        if step.create_workspace:
            space = CellSpace(space)
            for name in step.own:
                space.local_cell(name)
            if facts.sequential:
                self._run.confined.add(space)
        if facts.fault or not facts.sequential:
            yield Preview(step, why_interpreted=facts.fault or self._why_not_alone(step))
            for child in (*facts.ordinary, *facts.reporters):
                yield from self.view(child, space, {})
        else:
            yield from self._view_region(step, space, known)
        for child in step.closing:
            yield from self.view(child, space, {})

    def _why_not_alone(self, step: StepDef) -> str:
        facts = self._plan.facts(step)
        if facts.together:
            if (step.instances or 1) > 1:
                return f"{step.instances} instances of it run at once"
            return f"its {len(facts.ordinary)} parts run at once"
        if facts.reporters or step.report_net:
            return "it has reporters beside it"
        return "something in it runs at once"

    def _view_region(self, step: StepDef, space: CellSpace, known: Known) -> Iterator[Preview]:
        try:
            region = region_of(self._bound(step, space, entered=True), self._run, limit_of(step))
        except (NotCompiledError, TaskplanError) as error:
            yield Preview(step, why_interpreted=str(error))
            for child in step.steps:
                yield from self.view(child, space, {})
            return
        exposed = exposed_cells(region, self._run)
        follow = partial(typing_of, region, exposed, known, partial(cells_of, run=self._run), shapes=[])
        native = follow(native=True)
        why_not = native.why_not_numeric()
        source = "" if why_not else native_source(native).text
        yield Preview(step, "", python_source(follow()).text, why_not, source)
        for node in nodes_of(region.root):
            if isinstance(node, Foreign):
                yield from self.view(node.step.definition, node.step.space, native.before.get(node, {}))

    # --- binding ------------------------------------------------------------------------------------------------------

    def _bound(self, step: StepDef, space: CellSpace, parent: BoundStep | None = None, *, entered: bool) -> BoundStep:
        bound = BoundStep(step, space, parent=parent)
        if step.create_workspace and not entered:
            return bound
        bound.steps = [self._bound(child, space, bound, entered=False) for child in self._plan.facts(step).ordinary]
        bound.nets = [cast(Any, _DryNet(self._plan.net(name), space)) for name in step.nets]
        if step.until is not None:
            bound.stop = space.cell(step.until)
        return bound


class _DryNet:
    """What the compiler reads of a net in a workspace; it cannot run."""

    def __init__(self, prepared: PreparedNet, space: CellSpace) -> None:
        self.prepared = prepared
        self.sources: list[tuple[Cell, ...]] = []
        self.targets: list[tuple[Cell, ...]] = []
        self.subnets: dict[int, dict[str, _DryNet]] = {}
        for index, each in enumerate(prepared.ops):
            sources = tuple([space.cell(name) for name in each.op.inputs])
            if each.op.type == "Alias":
                space.bind(each.op.outputs[0], sources[0])
            self.sources.append(sources)
            self.targets.append(tuple([space.cell(name) for name in each.op.outputs]))
            nets = {name: value for name, value in each.arguments.items() if isinstance(value, NetDef)}
            if nets and each.declared.wants_run and each.op.type not in LAZY_SUBNETS:
                self.subnets[index] = {name: _DryNet(prepare_net(net), space) for name, net in nets.items()}
