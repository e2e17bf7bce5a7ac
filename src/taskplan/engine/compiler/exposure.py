"""Which blobs of a region somebody else may touch while it runs."""

from __future__ import annotations

from taskplan.engine.bound import BoundStep
from taskplan.engine.cells import Cell
from taskplan.engine.compiler.tree import Branch, Operator, Region, Steps, While, nodes_of
from taskplan.engine.reach import names_touched
from taskplan.engine.run import Run
from taskplan.engine.strand import CURRENT


def cells_in(region: Region) -> tuple[Cell, ...]:
    """All that its operators, conditions and stop blobs name, in the order in which they appear."""
    cells: list[Cell] = []
    for node in nodes_of(region.root):
        match node:
            case Operator():
                cells += (*node.sources, *node.targets)
            case Branch() | While():
                cells.append(node.operator.sources[0])
            case Steps() if node.step.stop is not None:
                cells.append(node.step.stop)
    return tuple(dict.fromkeys(cells))


def exposed_cells(region: Region, run: Run) -> frozenset[Cell]:
    """Those that a concurrent part of the run may touch, one of the two writing.

    What users do to a workspace from outside, and what other runs do there, is seen when the region returns to the
    driver.
    """
    space = region.root.step.space
    open_cells = [cell for cell in cells_in(region) if not run.confines(cell, space)]
    if not open_cells:
        return frozenset()
    if sum(placed.space.root is space.root for placed in run.shared.placed) > 1:
        return frozenset(open_cells)
    contested = _contested(region, run)
    if contested is None:
        return frozenset(open_cells)
    cells = {space.find(name) for name in contested}
    return frozenset(cell for cell in open_cells if cell in cells)


def _contested(region: Region, run: Run) -> frozenset[str] | None:
    step = region.root.step
    if region.stands_alone:
        strand = CURRENT.get()
        if strand is None or strand.step is None:
            return None
        step = strand.step
    return run.plan.exposed(step.definition)


def cells_of(step: BoundStep, run: Run) -> set[Cell] | None:
    """The blobs that a step and all below it may touch; None for any."""
    definition = step.definition
    if run.plan.reach((definition,)).anything:
        return None
    found = {step.space.find(name) for name in names_touched(run.plan, definition)}
    return {cell for cell in found if cell is not None}
