"""Work for one node: tasks, and what a group knows of its tasks while they are written."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from taskplan.builder.cluster import Node
from taskplan.builder.context import Managed, cleared_contexts
from taskplan.builder.fields import Field
from taskplan.builder.instance_blobs import instance_blobs
from taskplan.builder.naming import NamingContext, TakenName, current_names, fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import SHARED, NetBuilder
from taskplan.builder.outputs import BlobName, TaskOutput, TaskOutputList
from taskplan.builder.setup import Part, SetupCollector, Setups, attributes_of, enclosed, has_attributes
from taskplan.builder.sites import here, written_at
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step, to_execution_step
from taskplan.builder.workspace_type import checked_type
from taskplan.errors import BuildError, BuildTypeError, BuildValueError, ClosedError
from taskplan.plan.model import OpDef
from taskplan.plan.types import DataType

Outputs = BlobName | Field | TaskOutput

_DEFAULT_REPORT_MS = 1000

# A value, since every task without outputs gets this operator, and the checks of a call would cost more than the
# rest of the task.
_HIDDEN_OUTPUT = OpDef("ConstantFill", (), (), {"dtype": DataType.INT32, "value": 0})


class TaskRegistry(Managed):
    """What tasks register with: the part of a `TaskGroup` that they know. It gives them their names."""

    def __init__(self) -> None:
        self._pending: dict[Task, None] = {}
        self._task_names = NamingContext()
        self._consumed = False

    def task_name(self, full_name: str) -> TakenName:
        """A name for a task of this group: `node/name`, else `node/name:1`, ..."""
        self.check_open(f"task {full_name!r}")
        return self._task_names.task(full_name)

    def register(self, task: Task) -> None:
        """Append a task whose step, if it has one, is there."""
        self.check_open(f"task {task.name!r}")
        self._pending[task] = None

    def withdraw(self, task: Task) -> None:
        """Forget a task that is still to be registered, if it is here."""
        self._pending.pop(task, None)

    def check_open(self, what: str) -> None:
        """Raise `ClosedError` if the group takes nothing more."""
        if self._consumed:
            msg = f"{what} comes too late: the group has been run or compiled; make it before"
            raise ClosedError(msg)


class Task(Managed):
    """Work for one node: a step to run, and the blobs to send home when it ends.

    Opened with `with`, a task collects the operators that are written inside it::

        with Node("trainer"), Task(name="sgd", num_instances=4):
            with ops.task_init():                    # once, before the first instance starts
                total = ops.Const(0)
            with ops.loop(100):                      # in every instance
                ops.Add([total, ops.Const(1)], [total])

    Instances share the task's workspace, and each has a private child of it. The task closes with its block. If the
    body fails, the task is gone.

    Args:
        step: what to run, if the task is not opened with `with`: a step, a net, a list of them, a NetBuilder.
        outputs: blobs or records that the client gets when the group ends: one, or a list of them.
        workspace_type: a constant of `WorkspaceType`; that of the group if not given.
        group: the group that it belongs to; the enclosing one if not given.
        node: where it runs; the enclosing `Node` if not given.
        name: that of `step` if it has one, else `task`, if not given. Made unique within the group and node.
        num_instances: copies that run at once, at least 1.

    Attributes:
        name: the full name, `node/name`.
        node: the name of the node.
        place: the node itself, with its keywords.
        site: the line of the user's program that made it.

    Raises:
        BuildTypeError: `group` is no TaskGroup.
        BuildValueError: `step` can be no step, `workspace_type` is none, or `num_instances` is less than 1.
        ClosedError: the group has been run or compiled.
    """

    TASK_SETUP = "task_setup"
    TASK_INSTANCE_SETUP = "task_instance_setup"
    REPORT_STEP = "report_step"

    def __init__(
        self,
        step: object = None,
        outputs: Outputs | Sequence[Outputs | Sequence[BlobName]] | None = None,
        workspace_type: str | None = None,
        group: TaskRegistry | None = None,
        node: str | Node | None = None,
        name: str | None = None,
        num_instances: int | None = None,
    ) -> None:
        if group is not None and not isinstance(group, TaskRegistry):
            msg = f"the group of a task is a TaskGroup, got {group!r}"
            raise BuildTypeError(msg)
        self.site = here()
        self._workspace_type = checked_type(workspace_type)
        self._group_type: str | None = None
        self._num_instances = _instances(num_instances)
        self._step = _as_step(step) if step is not None else None
        self._step_is_given = isinstance(step, ExecutionStep)
        self._outputs: list[TaskOutput] = []
        self._hidden_output: TaskOutput | None = None
        self._compiled: ExecutionStep | None = None
        self._names = current_names()
        self._builder: NetBuilder | None = None
        self._is_plain = True
        self._used = False
        known_group = TaskRegistry.current(group, required=False)
        # Weak, since the group holds the task: what nobody needs any more gives up its names at once.
        self._group = weakref.ref(known_group) if known_group is not None else None
        self.place = Node(node) if isinstance(node, str) else node if node is not None else Node.current()
        self.node = str(self.place)
        if not name:
            name = step.Name() if isinstance(step, ExecutionStep) else ""
        self._name = (known_group.task_name if known_group is not None else current_names().task)(
            f"{self.node}/{name or 'task'}"
        )
        self.name = self._name.name
        if outputs is not None:
            self.add_outputs(outputs)
        if known_group is not None:
            known_group.register(self)

    @property
    def group(self) -> TaskRegistry | None:
        """The group that it belongs to, or None."""
        return self._group() if self._group is not None else None

    def workspace_type(self) -> str | None:
        """The type that it was given, else the one that its group gave it; None if neither did."""
        return self._workspace_type or self._group_type

    @property
    def own_workspace_type(self) -> str | None:
        """The type that it was given."""
        return self._workspace_type

    def add_output(self, output: Outputs | Sequence[BlobName]) -> TaskOutput:
        """Add one output: a blob, a list of blobs, a record, or a TaskOutput.

        Raises:
            ClosedError: the task is part of a compiled group.
        """
        self._change("get an output")
        added = output if isinstance(output, TaskOutput) else TaskOutput(output)
        if added.node is None:
            added.node = self.node
        self._outputs.append(added)
        return added

    def add_outputs(self, outputs: Outputs | Sequence[Outputs | Sequence[BlobName]]) -> TaskOutput | list[TaskOutput]:
        """Add each element of a list or tuple as one output; anything else is one output."""
        if isinstance(outputs, list | tuple):
            return [self.add_output(output) for output in outputs]
        return self.add_output(outputs)  # type: ignore[arg-type]  # a sequence is a list or tuple here

    def set_step(self, step: object) -> None:
        """Say what to run: a step, a net, a list of them, a NetBuilder.

        Raises:
            BuildValueError: it can be no step.
            ClosedError: the task is part of a compiled group.
        """
        self._change("get a step")
        self._step = _as_step(step)
        self._step_is_given = isinstance(step, ExecutionStep)

    def outputs(self) -> list[TaskOutput]:
        """All outputs; once it is compiled, at least one."""
        return [*self._outputs, *self.hidden_outputs()]

    def hidden_outputs(self) -> list[TaskOutput]:
        """Those of the outputs that are there only so that every task yields something; they may go after a run."""
        return [] if self._hidden_output is None else [self._hidden_output]

    def output_list(self) -> TaskOutputList:
        """All outputs, to be bound at once."""
        return TaskOutputList(self.outputs())

    def get_step(self) -> ExecutionStep:
        """The step with everything around it: reporters, instances, setup of instances and task.

        It is made once, and anew if the task was changed. The step that was given is not changed; it is itself the
        result if nothing comes around it.
        """
        if self._compiled is None:
            # In the context in which it was made: so the same program is the same whenever it is compiled.
            with cleared_contexts(), fresh_names(self._names):
                self._compiled = self._compile()
        return self._compiled

    def is_plain(self) -> bool:
        """Whether no net of the task has attributes, as with most: there is no setup and no channel to look for."""
        self.get_step()
        return self._is_plain

    def freeze(self) -> None:
        """Take no more changes: a group has been compiled with this task."""
        self._used = True

    def take_group_type(self, group_type: str) -> None:
        """Have this type of workspace, as all tasks of the group do."""
        self._group_type = group_type

    def _change(self, what: str) -> None:
        if self._used:
            msg = f"task {self.name!r} cannot {what}: it is part of a group that has been compiled"
            raise ClosedError(msg)
        self._compiled = self._hidden_output = None

    def _compile(self) -> ExecutionStep:
        if self._step is None:
            return execution_step(self.name, [])
        self._is_plain = not has_attributes(self._step)
        around_task, around_instance, reports = self._surroundings(self._step)
        if not self._outputs:
            around_task.exit_nets.append(self._hidden_output_net())
        if not (around_task or around_instance or reports or self._num_instances > 1):
            return self._step
        # A step is closed by being put into another one; the user's own stays as it is.
        step = self._step.copy() if self._step_is_given else self._step
        if reports:
            step = execution_step(f"{self.name}:body", [*reports, step], site=self.site)
        step = enclosed(step, around_instance, f"{self.name}:instance")
        if self._num_instances > 1:
            step.SetCreateWorkspace(True)
            step.own_blobs = self._instance_blobs(step, around_task)
            name, instances = f"{self.name}:parallel", self._num_instances
            step = execution_step(name, [step], num_concurrent_instances=instances, site=self.site)
        step = enclosed(step, around_task, self.name)
        step.settled = TASK_KEYS
        return step

    def _surroundings(self, step: ExecutionStep) -> tuple[Setups, Setups, list[ExecutionStep]]:
        """What is set up around the task, what around each instance, and the reporters; wherever these are written."""
        if self._is_plain:
            return Setups(), Setups(), []
        with written_at(self.site):
            return self._what_setup_objects_want(step)

    def _what_setup_objects_want(self, step: ExecutionStep) -> tuple[Setups, Setups, list[ExecutionStep]]:
        task = SetupCollector(Task.TASK_SETUP, self)
        instance = SetupCollector(Task.TASK_INSTANCE_SETUP, self)
        reports: dict[int, ExecutionStep] = {}
        parts: list[Part] = [step]
        for part in parts:  # grows: a block may have blocks of the other kinds inside
            for report in attributes_of(part, Task.REPORT_STEP):
                if id(report) not in reports:
                    reports[id(report)] = _report_step(report)
                    parts.append(reports[id(report)])
            parts += task.take([part])
            parts += instance.take([part])
        return task.setups(), instance.setups(), list(reports.values())

    def _instance_blobs(self, step: ExecutionStep, around_task: Setups) -> list[str]:
        outputs = [str(name) for output in self._outputs for name in output.names]
        outside = [*around_task.init_nets, *around_task.exit_nets, *around_task.closing]
        return instance_blobs(step, outside, [*outputs, *map(str, step.get_all_attributes(SHARED))])

    def _hidden_output_net(self) -> Net:
        net = Net(f"{self.name}:output", site=self.site)
        blob = f"{net.Name()}/ConstantFill:0"
        net.add_op(_HIDDEN_OUTPUT._replace(outputs=(blob,), site=self.site), checked=True)
        self._hidden_output = TaskOutput(blob, site=self.site)
        self._hidden_output.node = self.node
        return net

    def __enter__(self) -> Task:
        if self._step is not None or self._builder is not None:
            msg = f"task {self.name!r} has a step already; a task is opened once, and only without a step"
            raise BuildError(msg)
        self._change("be opened")
        group = self.group
        if group is not None:
            group.withdraw(self)
        super().__enter__()
        try:
            builder = NetBuilder(_fullname=self.name, _site=self.site)
            builder.__enter__()
        except BaseException:
            super().__exit__()
            raise
        self._builder = builder
        return self

    def __exit__(self, *args: object) -> None:
        builder, self._builder = self._builder, None
        try:
            if builder is not None:
                builder.__exit__(*args)
        finally:
            super().__exit__(*args)
        group = self.group
        if builder is None or any(args):
            return
        self.set_step(builder)
        if group is not None:
            group.register(self)

    def __repr__(self) -> str:
        return f"Task(name={self.name!r}, node={self.node!r}, outputs={self.outputs()!r})"


TASK_KEYS = frozenset((Task.TASK_SETUP, Task.TASK_INSTANCE_SETUP, Task.REPORT_STEP))
"""The attributes of nets that say what comes around a task."""


def _as_step(step: object) -> ExecutionStep:
    return step.to_step() if isinstance(step, NetBuilder) else to_execution_step(step)  # type: ignore[arg-type]  # it refuses the rest


def _instances(count: int | None) -> int:
    if count is None:
        return 1
    if count < 1:
        msg = f"num_instances must be at least 1, got {count!r}"
        raise BuildValueError(msg)
    return count


def _report_step(report: object) -> ExecutionStep:
    if not isinstance(report, ExecutionStep):
        msg = f"a reporter ({Task.REPORT_STEP!r}) must be a step, got {report!r}"
        raise BuildTypeError(msg)
    copy = report.copy()
    if not copy.peek().run_every_ms:
        copy.RunEveryMillis(_DEFAULT_REPORT_MS)
    return copy


def final_output(blob_or_record: BlobName | Sequence[BlobName] | Field) -> TaskOutput:
    """Add an output to the task that is being written; to an empty task of the current group and node if there is none.

    Its value is the one that the blob has when the last task of the group on that node ends::

        with TaskGroup() as group, Task():
            loss = final_output(ops.Const(0.5))
        session.run(group)
        loss.fetch()
    """
    task = Task.current(required=False)
    return (task if task is not None else Task()).add_output(blob_or_record)
