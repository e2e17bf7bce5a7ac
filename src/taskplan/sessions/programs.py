"""Programs as values: compile one without running it, save it, load it, export a bare plan."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from taskplan.builder.program import compile_group
from taskplan.errors import PlanError
from taskplan.operators.registry import is_operator
from taskplan.plan import archive, codec
from taskplan.plan.model import NetDef, PlanDef, ProgramDef, StepDef
from taskplan.sessions.base import as_group

OWN_OPERATORS = frozenset({"Call", "EndWrites"})
"""Operators of ours that Caffe2 does not have."""


def compile_program(runnable: object, *, shared_nodes: bool = False) -> ProgramDef:
    """The whole program of a group, task, step, plan or net, as a frozen value.

    Args:
        runnable: what a session takes.
        shared_nodes: put all nodes into one workspace, as Caffe2 did.
    """
    if isinstance(runnable, ProgramDef):
        return runnable
    return compile_group(as_group(runnable, None), shared_nodes=shared_nodes)[0]


def save(runnable: object, path: str | os.PathLike[str]) -> None:
    """Write a program to a file; the file is either whole or not there.

    Args:
        runnable: what a session takes, or a compiled program.
        path: the file.

    Raises:
        PlanError: a function can be neither imported by name nor pickled.
    """
    data = archive.program_to_bytes(compile_program(runnable))
    target = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike[str], *, allow_code: bool = False) -> ProgramDef:
    """Read a program from a file.

    Args:
        path: the file.
        allow_code: bring back the user's functions too; only for files that you trust. Without it the program can be
            shown and checked, and run as far as it has none.

    Raises:
        BuildValueError: the file holds no program, or one of a newer format.
    """
    return archive.program_from_bytes(Path(path).read_bytes(), allow_code=allow_code)


def export_caffe2(runnable: object) -> bytes:
    """The bare PlanDef of a program, as bytes that Caffe2 reads.

    Raises:
        PlanError: the program has something that Caffe2 would drop in silence; the message names every such thing.
    """
    program = compile_program(runnable, shared_nodes=True)
    lost = sorted({thing for plan in program.plans.values() for thing in _only_ours(plan)})
    lost += [f"channel {channel.name!r}" for channel in program.channels]
    if lost:
        msg = "Caffe2 has nothing for these, and would drop or refuse them: " + ", ".join(lost)
        raise PlanError(msg)
    [plan] = program.plans.values()
    return bytes(codec.plan_to_proto(plan).SerializeToString(deterministic=True))


def _only_ours(plan: PlanDef) -> list[str]:
    things = []
    for step in plan.steps:
        things += _in_step(step)
    for net in plan.nets:
        things += _in_net(net)
    return things


def _in_step(step: StepDef) -> list[str]:
    things = [f"closing block {closing.name!r} of step {step.name!r}" for closing in step.closing]
    if step.timeout_s is not None:
        things.append(f"time limit of step {step.name!r}")
    for child in step.steps:
        things += _in_step(child)
    return things


def _in_net(net: NetDef) -> list[str]:
    things = []
    for op in net.ops:
        if op.type in OWN_OPERATORS or not is_operator(op.type):
            things.append(f"operator {op.type} in net {net.name!r} ({op.site})")
        if op.function is not None and "pickled_builder" not in op.arguments and op.type == "Python":
            things.append(
                f"the Python function of net {net.name!r} ({op.site}); give it as a (builder, args, kwargs) tuple"
            )
        for value in op.arguments.values():
            if isinstance(value, NetDef):
                things += _in_net(value)
    return things
