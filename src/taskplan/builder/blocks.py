"""Blocks that run beside the body that they are written in: setup, teardown, closing blocks, reporters."""

from __future__ import annotations

from enum import Enum

from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.step import ExecutionStep
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildValueError


class When(Enum):
    """When a setup block runs."""

    INIT = "before"
    EXIT = "after success"
    FINALLY = "at the end in any case"


class SetupBuilder(NetBuilder):
    """A block that becomes a setup object when it ends: of the net that is open where it is written.

    It is built anew for each target.

    Args:
        key: says around what it runs.
        when: says when.
        name: of the block.
    """

    def __init__(self, key: str, when: When, name: str | None = None) -> None:
        super().__init__(name)
        self._key = key
        self._when = when
        self._net: Net | None = NetBuilder.current().current_net()

    def __exit__(self, *args: object) -> None:
        super().__exit__(*args)
        net, self._net = self._net, None
        if net is not None and not any(args):
            net.add_attribute(self._key, self)

    def setup(self, init_net: Net) -> ExecutionStep | None:  # noqa: ARG002 - the setup protocol's
        """The block, if it runs before."""
        return self.to_step() if self._when is When.INIT else None

    def exit(self, exit_net: Net) -> ExecutionStep | None:  # noqa: ARG002 - the setup protocol's
        """The block, if it runs after."""
        return self.to_step() if self._when is When.EXIT else None

    def cleanup(self, cleanup_net: Net) -> ExecutionStep | None:  # noqa: ARG002 - the setup protocol's
        """The block, if it runs at the end in any case."""
        return self.to_step() if self._when is When.FINALLY else None


class ReporterBuilder(NetBuilder):
    """A block that becomes a reporter when it ends: of the task that is being written, or of a group.

    Args:
        interval_ms: the time from the end of one report to the start of the next.
        name: of the block.
        group: whose tasks on `node` it reports on; None for the task.
        node: see there.
    """

    def __init__(
        self, interval_ms: int, name: str | None = None, group: TaskGroup | None = None, node: str | None = None
    ) -> None:
        if interval_ms < 1:
            msg = f"a reporter's interval must be at least 1 ms, got {interval_ms!r}"
            raise BuildValueError(msg)
        super().__init__(name)
        self._interval_ms = interval_ms
        self._group = group
        self._node = node
        self._net = NetBuilder.current().current_net() if group is None else None

    def __exit__(self, *args: object) -> None:
        super().__exit__(*args)
        net, self._net = self._net, None
        group, self._group = self._group, None
        if any(args):
            return
        if group is not None:
            group.report_step(self, node=self._node, interval_ms=self._interval_ms)
        elif net is not None:
            step = self.to_step()
            step.RunEveryMillis(self._interval_ms)
            net.add_attribute(Task.REPORT_STEP, step)
