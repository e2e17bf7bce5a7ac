"""Groups to look at in the place of the user's own, which would be closed by being compiled."""

from __future__ import annotations

from taskplan.builder.cluster import Cluster
from taskplan.builder.context import cleared_contexts
from taskplan.builder.net import Net
from taskplan.builder.step import ExecutionStep
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildTypeError
from taskplan.plan import taskplan_pb2 as pb


def open_copy(obj: object) -> TaskGroup:
    """A group that does what `obj` says: a TaskGroup, a Task, or the body of one (an ExecutionStep, Net or NetDef).

    Raises:
        BuildTypeError: it is none of these.
    """
    with cleared_contexts(), Cluster():
        copied = TaskGroup(obj.workspace_type() if isinstance(obj, TaskGroup) else None)
        match obj:
            case TaskGroup():
                for task in obj.members():
                    _copy_task(task, copied)
                for reporter in obj._reporters:
                    copied.report_step(reporter.step.copy(), reporter.node, reporter.interval_ms)
            case Task():
                _copy_task(obj, copied)
            case ExecutionStep():
                Task(step=obj.copy(), group=copied)
            case Net():
                Task(step=obj, group=copied)
            case pb.NetDef():
                Task(step=Net(obj), group=copied)
            case _:
                msg = f"expected a TaskGroup, Task, ExecutionStep, Net or NetDef, got {obj!r}"
                raise BuildTypeError(msg)
    return copied


def _copy_task(task: Task, group: TaskGroup) -> None:
    step, outputs = task.get_step(), task.outputs()
    Task(
        # A task has no outputs, once it is compiled, only if it has no step; then the copy must not get one either.
        step=step.copy() if outputs else None,
        outputs=outputs,
        workspace_type=task.own_workspace_type,
        group=group,
        node=task.node,
        name=task.name.removeprefix(f"{task.node}/"),
    )
