"""Groups of tasks that run together, and how they are put together for each node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from taskplan.builder.channel import ChannelUsers, collect_uses
from taskplan.builder.cluster import Cluster, Node, node_name
from taskplan.builder.context import cleared_contexts
from taskplan.builder.naming import current_names, fresh_names
from taskplan.builder.net import Net
from taskplan.builder.setup import Part, Setups, attributes_of, enclosed, get_setups
from taskplan.builder.sites import here
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step, to_execution_step
from taskplan.builder.task import TASK_KEYS, Task, TaskRegistry
from taskplan.builder.workspace_type import WorkspaceType, checked_type, group_type, task_type
from taskplan.errors import BuildError, BuildKeyError, BuildValueError
from taskplan.plan.names import Site, did_you_mean

NodeRemap = Callable[[str], object]
"""Says for the name of a node which node it is to be."""

_DEFAULT_REPORT_NET_S = 5


@dataclass(frozen=True, slots=True)
class _Reporter:
    """A reporter for all tasks of a node."""

    step: ExecutionStep
    node: str
    interval_ms: int
    site: Site


@dataclass(slots=True)
class _OneNode:
    """The tasks of a group that come to one node, and their reporters."""

    tasks: list[Task] = field(default_factory=list)
    reports: list[ExecutionStep] = field(default_factory=list)


class TaskGroup(TaskRegistry):
    """Tasks that run together.

    Tasks that are made in its block belong to it. Those of one node start together once that node's `local_init`
    blocks have run, and `local_exit` follows when all of them have ended::

        with TaskGroup() as group:
            with Node("reader"):
                with Task():
                    ...
            with Node("trainer"):
                with Task():
                    ...
        session.run(group)

    A group may be compiled and run any number of times. From the first time on it takes no more tasks.

    Args:
        workspace_type: a constant of `WorkspaceType`. If not given, the first task that has a type decides, or the
            session; else the tasks have private workspaces.
        restartable: a session that starts lost nodes anew (`max_restarts`) may run the group again from its start,
            though its tasks are not private and have left blobs on the nodes that were not lost.

    Attributes:
        site: the line of the user's program that made it.
        names: the naming context in which it was made; what compiling makes is named there too, so that the same
            program is the same whenever it is compiled.
    """

    LOCAL_SETUP = "local_setup"

    def __init__(self, workspace_type: str | None = None, *, restartable: bool = False) -> None:
        super().__init__()
        self.site = here()
        self.restartable = restartable
        self.names = current_names()
        self._workspace_type = checked_type(workspace_type)
        self._tasks: dict[Task, None] = {}
        self._remote_nets: list[Net] = []
        self._reporters: list[_Reporter] = []
        self._report_nets: dict[str, Net] = {}
        self._placement: dict[str, str] | None = None
        self._placed: dict[tuple[object, ...], TaskGroup] = {}
        self._channels: dict[str, ChannelUsers] | None = None

    def add(self, task: Task) -> None:
        """Take a task that was made elsewhere; it cannot be changed any more.

        Raises:
            BuildError: it wants another type of workspace than the group has, or is here already.
            ClosedError: the group has been run or compiled.
        """
        self.check_open(f"task {task.name!r}")
        if task in self._tasks:
            msg = f"task {task.name!r} ({task.site}) is in this group already"
            raise BuildError(msg)
        self._workspace_type = task_type(self._workspace_type, task.own_workspace_type, task.name)
        task.get_step()
        task.freeze()
        task.take_group_type(self._workspace_type)
        self.withdraw(task)
        self._tasks[task] = None

    def tasks(self) -> list[Task]:
        """All tasks, compiled; the group takes no more.

        Raises:
            BuildError: tasks want different types of workspaces.
        """
        types = self._types(None)
        self._consume()
        for task, effective in types.items():
            task.take_group_type(effective)
            self._workspace_type = effective
        return list(self._tasks)

    def _consume(self) -> None:
        self._tasks.update(self._pending)
        self._pending.clear()
        self._consumed = True
        for task in self._tasks:
            task.get_step()
            task.freeze()

    def _types(self, session_type: str | None) -> dict[Task, str]:
        """The type of each task's workspace; the first one that is known holds for all that follow."""
        known = group_type(self._workspace_type, checked_type(session_type))
        types: dict[Task, str] = {}
        for task in self.members():
            known = types[task] = task_type(known, task.own_workspace_type, task.name)
        return types

    def members(self) -> tuple[Task, ...]:
        """The tasks that it has so far; it may take more."""
        return (*self._tasks, *self._pending)

    def num_registered_tasks(self) -> int:
        """How many tasks it has so far."""
        return len(self._tasks) + len(self._pending)

    def used_nodes(self) -> list[str]:
        """The names of the nodes that have tasks, in the order of the tasks."""
        return list(dict.fromkeys(task.node for task in self.members()))

    def workspace_type(self) -> str | None:
        """The type of workspaces of its tasks; None while that is open."""
        return self._workspace_type

    def add_remote_net(self, net: Net) -> None:
        """Keep a net for a session that runs on several machines."""
        self._remote_nets.append(net)

    def remote_nets(self) -> list[Net]:
        """The nets that were kept."""
        return list(self._remote_nets)

    def report_step(
        self, step: object = None, node: str | Node | None = None, interval_ms: int = 1000
    ) -> ExecutionStep:
        """Add a reporter: it runs at intervals while the tasks of a node run, and once after the last one has ended.

        Args:
            step: what to run: a step, a net, a list of them, a NetBuilder; if not given, an empty step to be filled.
            node: the node, the current one if not given; tasks must be there.
            interval_ms: the time from the end of one report to the start of the next.

        Returns:
            The step, which may be changed until the group is compiled.

        Raises:
            BuildValueError: the interval is not positive, or `step` can be no step.
            ClosedError: the group has been run or compiled.
        """
        self.check_open("a reporter")
        if interval_ms < 1:
            msg = f"a reporter's interval must be at least 1 ms, got {interval_ms!r}"
            raise BuildValueError(msg)
        made = to_execution_step(step)  # type: ignore[arg-type]  # what is no step is refused there
        self._reporters.append(_Reporter(made, node_name(node), interval_ms, here()))
        return made

    def report_net(
        self, net: Net | None = None, node: str | Node | None = None, report_interval: int = _DEFAULT_REPORT_NET_S
    ) -> Net:
        """The net that reports on a node, made if there is none: the older form of `report_step`.

        Args:
            net: the net to use; only one for each node.
            node: the node, the current one if not given.
            report_interval: in seconds.

        Raises:
            BuildError: `net` is a second one.
            ClosedError: the group has been run or compiled.
        """
        self.check_open("a report net")
        name = node_name(node)
        known = self._report_nets.get(name)
        if known is not None:
            if net is None:
                return known
            msg = f"node {name!r} has the report net {known.Name()!r} already, got {net.Name()!r}; use a report step"
            raise BuildError(msg)
        made = net if net is not None else Net(f"{name}/reporter")
        self.report_step(made, node=name, interval_ms=report_interval * 1000)
        self._report_nets[name] = made
        return made

    def channels(self) -> dict[str, ChannelUsers]:
        """The channels that its tasks and reporters use, by name: each with the tasks that write to it, and the nodes.

        Raises:
            BuildValueError: two channels have one name.
        """
        # A group that was put together from others knows those that its parts used.
        return self._channels if self._channels is not None else self._used_channels({})

    def _used_channels(self, placement: Mapping[str, str]) -> dict[str, ChannelUsers]:
        found: dict[str, ChannelUsers] = {}
        for task in self.members():
            if not task.is_plain():
                collect_uses(found, task.get_step(), placement.get(task.node, task.node), task.name)
        for reporter in self._reporters:
            collect_uses(found, reporter.step, placement.get(reporter.node, reporter.node))
        return found

    def tasks_by_node(self, node_remap: NodeRemap | None = None) -> TaskGroup:
        """A group with one task for each node, which runs all tasks of that node.

        Args:
            node_remap: says which node each node is to be.

        Raises:
            BuildError: this was called before with another mapping; or tasks want different types of workspaces.
            BuildKeyError: a reporter is on a node without tasks.
        """
        self.tasks()
        placement = {node: str(node_remap(node)) if node_remap is not None else node for node in self.used_nodes()}
        if self._placement is None:
            self._placement = placement
        if self._placement != placement:
            msg = f"the tasks of this group have been placed as {self._placement!r}, got {placement!r}"
            raise BuildError(msg)
        return self.placed(placement)

    def to_task(self, node: str | Node | None = None) -> Task:
        """One task that runs all tasks of the group on one node.

        Args:
            node: the node, the current one if not given.

        Raises:
            BuildError: tasks want different types of workspaces.
            BuildKeyError: a reporter is on a node without tasks.
        """
        name = node_name(node)
        self.tasks()
        placed = self.placed(dict.fromkeys(self.used_nodes(), name))
        tasks = placed.tasks()
        if tasks:
            return tasks[0]
        with cleared_contexts():
            return Task(node=name)

    def placed(self, placement: Mapping[str, str], workspace_type: str | None = None) -> TaskGroup:
        """A group with one task for each node that `placement` maps to; it is made once for each placement and type.

        Args:
            placement: maps the name of each used node.
            workspace_type: holds if the group has none of its own.

        Raises:
            BuildError: tasks want different types of workspaces.
            BuildKeyError: a reporter is on a node without tasks.
        """
        types = self._types(workspace_type)
        self._consume()
        key = (*placement.items(), workspace_type)
        known = self._placed.get(key)
        if known is None:
            with cleared_contexts(), Cluster(), fresh_names(self.names):
                known = self._placed[key] = self._put_together(placement, types)
        return known

    def _put_together(self, placement: Mapping[str, str], types: Mapping[Task, str]) -> TaskGroup:
        nodes: dict[str, _OneNode] = {}
        for task in self._tasks:
            nodes.setdefault(placement[task.node], _OneNode()).tasks.append(task)
        for reporter in self._reporters:
            if reporter.node not in placement:
                msg = (
                    f"reporter {reporter.step.Name()!r} ({reporter.site}) is on node {reporter.node!r}, which has no "
                    f"tasks{did_you_mean(reporter.node, placement)}; nodes with tasks are {list(placement)}"
                )
                raise BuildKeyError(msg, node=reporter.node)
            copy = reporter.step.copy()
            copy.RunEveryMillis(reporter.interval_ms)
            nodes[placement[reporter.node]].reports.append(copy)
        group = TaskGroup()
        channels = group._channels = self._used_channels(placement)
        for name, node in nodes.items():
            setups = self._local_setups(name, node)
            for part in setups.parts():
                collect_uses(channels, part, name)
            outputs = [output for task in node.tasks for output in task.outputs()]
            is_global = any(types[task] == WorkspaceType.GLOBAL for task in node.tasks)
            Task(
                step=_node_step(name, node, types, setups),
                outputs=outputs,
                workspace_type=WorkspaceType.GLOBAL if is_global else WorkspaceType.PRIVATE,
                group=group,
                node=name,
                name="grouped_by_node",
            )
        return group

    def _local_setups(self, name: str, node: _OneNode) -> Setups:
        steps = [task.get_step() for task in node.tasks if not task.is_plain()] + node.reports
        setups = get_setups(self.LOCAL_SETUP, steps, self)
        for part in setups.parts():
            _refuse_task_setup(name, part)
        return setups

    def __repr__(self) -> str:
        return (
            f"TaskGroup(tasks={list(self.members())!r}, workspace_type={self._workspace_type!r}, "
            f"remote_nets={self._remote_nets!r})"
        )


def _root(task: Task, workspace_type: str) -> ExecutionStep:
    """The task's step as it stands in the group: a copy, since the user may hold the step itself."""
    root = task.get_step().copy()
    root.SetCreateWorkspace(workspace_type == WorkspaceType.PRIVATE)
    root.task_name, root.node_name = task.name, task.node
    return root


def _node_step(name: str, node: _OneNode, types: Mapping[Task, str], setups: Setups) -> ExecutionStep:
    steps = [*node.reports, *(_root(task, types[task]) for task in node.tasks)]
    if len(steps) == 1:
        [step] = steps
    else:
        step = execution_step(f"{name}:body", [*steps], concurrent_substeps=True, site=steps[0].site)
    step = enclosed(step, setups, name)
    # Whoever runs this again as part of a task must not find the setup objects a second time.
    step.settled = TASK_KEYS | {TaskGroup.LOCAL_SETUP}
    return step


def _refuse_task_setup(node: str, part: Part) -> None:
    for key in sorted(TASK_KEYS):
        for obj in attributes_of(part, key):
            msg = (
                f"the local setup of node {node!r} has a {key} inside ({obj!r} in {part!s}), which belongs to a task: "
                "it runs for all tasks of the node; put it beside the local block"
            )
            raise BuildError(msg, node=node)
