"""Programs for Caffe2: a bare PlanDef, and what cannot be in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from taskplan.builder.context import cleared_contexts
from taskplan.builder.plan import Plan
from taskplan.builder.program import SHARED_NODE
from taskplan.builder.scope import EmptyDeviceScope, EmptyNameScope
from taskplan.errors import PlanError
from taskplan.operators.registry import declaration, is_operator
from taskplan.plan import codec
from taskplan.plan.model import NetDef, OpDef, PlanDef, ProgramDef, StepDef
from taskplan.sessions.base import as_group

OWN_OPERATORS = frozenset(
    {
        *("AwaitTurn", "BeginReads", "BeginWrites", "Call", "CloseSink", "CloseSource", "CommitSink", "CountIf"),
        *(
            "CreateLine",
            "EndReads",
            "EndWrites",
            "EnterLine",
            "HasNoRows",
            "LatchIf",
            "LeaveLine",
            "LetNextIn",
            "OpenSink",
        ),
        *("OpenSource", "QueueStatistics", "ReadSource", "SinkCounts", "Sleep", "SourceCounts", "WriteSink"),
    }
)
"""Operators of ours that Caffe2 does not have."""

OWN_ARGUMENTS: Mapping[str, frozenset[str]] = {
    "CreateBlobsQueue": frozenset({"writers"}),
    "EnqueueBlobs": frozenset({"timeout_secs"}),
    "SafeEnqueueBlobs": frozenset({"timeout_secs"}),
    "SafeDequeueBlobs": frozenset({"timeout_secs"}),
    "WeightedSampleDequeueBlobs": frozenset({"until_all_end", "timeout_secs"}),
    "EnqueueRebatchingQueue": frozenset({"timeout_secs"}),
    "DequeueRebatchingQueue": frozenset({"timeout_secs"}),
}
"""Arguments of ours that Caffe2's operator of that name would ignore."""

_OPERATORS_ROOM = "taskplan.operators."


def export_caffe2(runnable: object) -> bytes:
    """The bare PlanDef of a program, as bytes that Caffe2 reads; all nodes share a workspace there.

    Args:
        runnable: what a session takes, or a compiled program.

    Raises:
        PlanError: the program has something that Caffe2 would refuse or drop in silence; the message names every such
            thing, with its line.
    """
    if isinstance(runnable, ProgramDef):
        plan = _only_plan(runnable)
        message = codec.plan_to_proto(plan)
        lost = [f"channel {channel.name!r} ({channel.site})" for channel in runnable.channels]
    else:
        with cleared_contexts(), EmptyNameScope(), EmptyDeviceScope():
            draft, lost = _draft_of(runnable)
        plan, message = draft.to_model(), draft.Proto()
    lost += [thing for step in plan.steps for thing in _in_step(step)]
    lost += [thing for net in plan.nets for thing in _in_net(net)]
    if lost:
        things = f"{len(lost)} thing{'s' if len(lost) > 1 else ''}"
        msg = f"the program has {things} that Caffe2 would refuse, or drop in silence:"
        raise PlanError("\n  ".join([msg, *lost]))
    return message.SerializeToString(deterministic=True)


def _only_plan(program: ProgramDef) -> PlanDef:
    if len(program.plans) != 1:
        msg = (
            f"a PlanDef is for one node, and this program was compiled for {list(program.plans)}; "
            "compile it with shared_nodes=True"
        )
        raise PlanError(msg)
    return next(iter(program.plans.values()))


def _draft_of(runnable: object) -> tuple[Plan, list[str]]:
    """The plan in Caffe2's own form, which may hold more than the model does; and the channels."""
    if isinstance(runnable, Plan):
        return runnable, []
    group = as_group(runnable, None)
    plan = Plan("task_group_plan")
    placed = group.placed(dict.fromkeys(group.used_nodes(), SHARED_NODE))
    for task in placed.tasks():
        plan.AddStep(task.get_step())
    channels = [users.channel for users in placed.channels().values()]
    return plan, [f"channel {channel.name!r} ({channel.site})" for channel in channels]


def _in_step(step: StepDef) -> Iterator[str]:
    for closing in step.closing:
        yield f"closing block {closing.name!r} of step {step.name!r} ({closing.site})"
    if step.timeout_s is not None:
        yield f"time limit of step {step.name!r} ({step.site})"
    for child in step.steps:
        yield from _in_step(child)


def _in_net(net: NetDef) -> Iterator[str]:
    for op in net.ops:
        yield from _in_op(op, net)
        for value in op.arguments.values():
            for inner in value if isinstance(value, tuple) else (value,):
                if isinstance(inner, NetDef):
                    yield from _in_net(inner)


def _in_op(op: OpDef, net: NetDef) -> Iterator[str]:
    place = f"in net {net.name!r} ({op.site})"
    declared = declaration(op.type) if is_operator(op.type) else None  # one that only Caffe2 has may pass
    if op.type in OWN_OPERATORS or (declared and not declared.body.__module__.startswith(_OPERATORS_ROOM)):
        yield f"operator {op.type} {place}"
    elif op.type == "Python" and "pickled_builder" not in op.arguments:
        yield f"a function of this process {place}; give Python a (builder, args, kwargs) tuple"
    for name in OWN_ARGUMENTS.get(op.type, ()):
        if declared and name in op.arguments and op.arguments[name] != declared.defaults[name]:
            yield f"argument {name!r} of {op.type} {place}"
