"""Looking through a program for blobs that are read before they are defined, or that two steps create at once."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping

from taskplan.builder.program import compile_group
from taskplan.builder.task_group import TaskGroup
from taskplan.checker.check import check_program
from taskplan.checker.problems import Problem, raise_problems
from taskplan.checker.walk import operators
from taskplan.plan.model import NetDef, PlanDef, StepDef
from taskplan.plan.names import Site
from taskplan.sessions.open_copy import open_copy

MAX_TASK_BYTES = 2**26
"""What Caffe2 takes as the message of one task."""

_UNDEFINED = frozenset({"TP104", "TP105", "TP106", "TP107"})

_Created = ChainMap[str, Site]
"""The blobs that can be seen in a workspace, each with the line that created it; those of the first map are new."""


def analyze(obj: object) -> None:
    """Check a program as it would run in empty workspaces; it is not run, and stays open to changes.

    Args:
        obj: a TaskGroup or Task; or an ExecutionStep, Net or NetDef, as the body of a task.

    Raises:
        PlanError: with all problems: a net or blob is used before it is defined (TP104 to TP107), steps that run at
            once create one blob (TP191), or a task is too large for Caffe2 (TP192). It is an AssertionError too.
        BuildTypeError: `obj` is none of these.
    """
    group = open_copy(obj)
    problems = list(_oversized_tasks(group))
    program, _ = compile_group(group, shared_nodes=False)
    problems += [problem for problem in check_program(program) if problem.code in _UNDEFINED]
    for plan in program.plans.values():
        problems += created_twice(plan)
    raise_problems(problems)


def _oversized_tasks(group: TaskGroup) -> Iterator[Problem]:
    for task in group.members():
        step = task.get_step()
        size = step.Proto().ByteSize() + sum(net.peek().ByteSize() for net in step.Nets())
        if size >= MAX_TASK_BYTES:
            message = f"task {task.name!r} is {size:,} bytes long; Caffe2 takes less than {MAX_TASK_BYTES:,}"
            yield Problem("TP192", "oversized task", message, site=task.site, near="feed large constants instead")


def created_twice(plan: PlanDef) -> Iterator[Problem]:
    """Blobs that were not there before, and that several steps which run at once create in one workspace."""
    nets = {net.name: net for net in plan.nets}
    created: _Created = ChainMap()
    for step in plan.steps:
        yield from _created_in(step, nets, created)


def _created_in(step: StepDef, nets: Mapping[str, NetDef], created: _Created) -> Iterator[Problem]:
    if step.create_workspace:
        created = created.new_child()
    at_once = step.concurrent or (step.instances or 1) > 1
    by_children: dict[str, Site] = {}
    for child in step.steps:
        if child.every_ms is None:
            seen = created.new_child() if at_once else created
            yield from _created_in(child, nets, seen)
            if at_once:
                new = seen.maps[0]
                for blob in new.keys() & by_children.keys():
                    yield _twice(blob, by_children[blob], new[blob], step)
                by_children.update(new)
    created.update(by_children)
    for name in step.nets:
        for place in operators(nets[name]) if name in nets else ():
            for blob in place.op.outputs:
                if blob not in created and not place.lazy:
                    created[blob] = place.op.site
    # Reporters and closing steps are made last.
    for later in (*(child for child in step.steps if child.every_ms is not None), *step.closing):
        yield from _created_in(later, nets, created)


def _twice(blob: str, first: Site, second: Site, step: StepDef) -> Problem:
    message = f"{blob!r} is created by steps that run at once, here and at {first}"
    hint = "create it before these steps start, or give each a workspace of its own"
    return Problem("TP191", "blob created twice", message, f"step {step.name!r}", second, near=hint)
