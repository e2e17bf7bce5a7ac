"""From a group of tasks to the program that a session runs: a plan for each node, outputs, channels."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from taskplan.builder.channel import ChannelUsers
from taskplan.builder.cluster import Cluster
from taskplan.builder.collective import collectives_of
from taskplan.builder.context import cleared_contexts
from taskplan.builder.net_builder import SHARED
from taskplan.builder.outputs import TaskOutputList
from taskplan.builder.plan import plan_of_step
from taskplan.builder.scope import EmptyDeviceScope, EmptyNameScope
from taskplan.builder.step import ExecutionStep
from taskplan.builder.task import Task
from taskplan.builder.task_group import NodeRemap, TaskGroup
from taskplan.builder.workspace_type import WorkspaceType
from taskplan.errors import BuildValueError
from taskplan.plan.model import ChannelDef, NeedDef, OutputDef, PlanDef, ProgramDef, StepDef

SHARED_NODE = "local"
"""The node that all tasks come to when nodes share a workspace."""

_PLAN_NAME = "task_group_plan"


def compile_group(
    group: TaskGroup, *, shared_nodes: bool, node_remap: NodeRemap | None = None, workspace_type: str | None = None
) -> tuple[ProgramDef, TaskOutputList]:
    """The program that does what the tasks of a group say.

    The group takes no more tasks, and neither it nor its tasks, steps and nets are changed otherwise. It may be
    compiled any number of times: operators that were added to its nets in between are in the next program.

    Args:
        group: the tasks.
        shared_nodes: put all nodes into one, `local`, as Caffe2 did.
        node_remap: says which node each node is to be, if they are not shared.
        workspace_type: that of the tasks, if neither they nor the group say it.

    Returns:
        The program, and the outputs of the tasks. The blobs of the latter are, one by one, `outputs` of the program.

    Raises:
        BuildError: tasks want different types of workspaces.
        BuildKeyError: a reporter is on a node without tasks.
        BuildValueError: two channels have one name; collective operations of one name differ, or it is not certain how
            many take part; or there is a mapping for shared nodes.
    """
    if shared_nodes and node_remap is not None:
        msg = "nodes that share a workspace are all one node; leave out node_remap or shared_nodes"
        raise BuildValueError(msg)
    with _collector_paused(), cleared_contexts(), EmptyNameScope(), EmptyDeviceScope(), Cluster():
        placement = {node: _place(node, shared_nodes, node_remap) for node in group.used_nodes()}
        placed = group.placed(placement, workspace_type)
        outputs = [output for task in group.members() for output in task.outputs()]
        return _program(group, placed, placement), TaskOutputList(outputs)


def _program(group: TaskGroup, placed: TaskGroup, placement: Mapping[str, str]) -> ProgramDef:
    """The program of a group, of which `placed` has one task for each node."""
    members = group.members()
    definitions = [
        OutputDef(placement[task.node], str(name), task.name, output.site)
        for task in members
        for output in task.outputs()
        for name in output.names
    ]
    sent_home = frozenset(definition.blob for definition in definitions)
    hidden = [str(name) for task in members for output in task.hidden_outputs() for name in output.names]
    shared = [blob for task in members for blob in task.get_step().get_all_attributes(SHARED)]
    private = [task.node for task in placed.tasks() if task.workspace_type() == WorkspaceType.PRIVATE]
    plans = {task.node: _plan(task.get_step(), sent_home) for task in placed.tasks()}
    return ProgramDef(
        plans=plans,
        outputs=tuple(definitions),
        channels=tuple([_channel(users, placement) for users in placed.channels().values()]),
        private_nodes=tuple(private),
        hidden_blobs=tuple(hidden),
        shared_blobs=tuple(dict.fromkeys(map(str, shared))),
        collectives=collectives_of(plans),
        needs=tuple(_needs(members, placement)),
        restartable=group.restartable,
    )


def _needs(tasks: Iterable[Task], placement: Mapping[str, str]) -> Iterator[NeedDef]:
    seen: list[tuple[str, str, object]] = []
    for place in dict.fromkeys(task.place for task in tasks):
        for keyword, value in place.kwargs().items():
            need = (placement[str(place)], keyword, value)
            if need not in seen:
                seen.append(need)
                yield NeedDef(*need, place.site)


def _plan(step: ExecutionStep, sent_home: frozenset[str]) -> PlanDef:
    plan = plan_of_step(_PLAN_NAME, step)
    return replace(plan, steps=tuple([_sharing(each, sent_home) for each in plan.steps]))


def _sharing(step: StepDef, names: frozenset[str]) -> StepDef:
    """`step`, in which no instance has a blob of these names for itself: what is sent home is the node's."""
    steps = tuple([_sharing(each, names) for each in step.steps])
    if any(new is not old for new, old in zip(steps, step.steps, strict=True)):
        step = step._replace(steps=steps)
    if not names.isdisjoint(step.own):
        step = step._replace(own=tuple([name for name in step.own if name not in names]))
    return step


@contextmanager
def _collector_paused() -> Iterator[None]:
    """All that is made here stays: the cyclic collector would look through the growing program again and again.

    It takes more than half of the time that way, for 20,000 tasks.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _place(node: str, shared_nodes: bool, node_remap: NodeRemap | None) -> str:
    if shared_nodes:
        return SHARED_NODE
    return str(node_remap(node)) if node_remap is not None else node


def _channel(users: ChannelUsers, placement: Mapping[str, str]) -> ChannelDef:
    channel = users.channel
    schema = channel.schema()
    return ChannelDef(
        name=channel.name,
        capacity=channel.capacity,
        columns=channel.columns or 0,
        fields=tuple(schema.field_names()) if schema is not None else (),
        writers=len(users.writers),
        node=placement.get(channel.node, channel.node) if channel.node is not None else None,
        nodes=tuple(users.nodes),
        site=channel.site,
        readers=len(users.readers),
    )
