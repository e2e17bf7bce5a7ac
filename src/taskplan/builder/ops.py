"""`ops`: operators and blocks, written into the task or builder that is open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload

from taskplan.builder.blobs import BlobReference, ScopedBlobReference
from taskplan.builder.blocks import ReporterBuilder, SetupBuilder, When
from taskplan.builder.cluster import Node
from taskplan.builder.collective import add_allreduce, add_barrier, add_broadcast
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.net_builder import (
    SHARED,
    Child,
    IfBuilder,
    LoopBuilder,
    NetBuilder,
    StopGuardBuilder,
    TimeoutBuilder,
)
from taskplan.builder.net_builder_control import ConditionBuilder, ElseNetBuilder, IfNetBuilder, WhileNetBuilder
from taskplan.builder.operator_methods import OperatorMethod, OperatorMethods
from taskplan.builder.step import ExecutionStep
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildAttributeError, BuildError
from taskplan.operators.registry import declarations, is_operator

Record = TypeVar("Record", bound=Field)
Several = list[BlobReference] | list[str] | tuple[BlobReference | str, ...]


def _written(op_type: str, *args: Any, **options: Any) -> Any:
    """Add to the net that is open when all arguments are known: what is computed for them may have opened blocks."""
    return getattr(NetBuilder.current().current_net(), op_type)(*args, **options)


class Operations(OperatorMethods):
    """Writes into the innermost task or builder whose block is open; there is one object of this class, `ops`.

    Every operator is a method, with the arguments that it has as a method of a net::

        with Task():
            total = ops.Const(0)
            with ops.loop(10) as loop:
                ops.Add([total, loop.iter()], [total])
            with ops.If(ops.GT([total, ops.Const(40)])):
                ops.Print(total, [])

    Where no task or builder is open, operators are not there (`AttributeError`), and the members below raise
    `NoContextError`.
    """

    @overload
    def net(self, net: None = None, name: str | None = None) -> Net: ...

    @overload
    def net(self, net: Child, name: None = None) -> Child: ...

    def net(
        self, net: Net | NetBuilder | ExecutionStep | None = None, name: str | None = None
    ) -> Net | NetBuilder | ExecutionStep:
        """The open net; or the given net, put behind what is there; or a new net with a name.

        Args:
            net: is added, and becomes the open net. Blocks and steps may be given too.
            name: of a new net.

        Raises:
            BuildError: both are given.
        """
        if net is not None and name is not None:
            msg = f"give a net or the name of a new one, got {net!r} and {name!r}"
            raise BuildError(msg)
        builder = NetBuilder.current()
        return builder.current_net(name) if net is None else builder.add(net)

    def __getattr__(self, op_type: str) -> Any:
        if op_type.startswith("__"):
            msg = f"ops has no attribute {op_type!r}"
            raise BuildAttributeError(msg)
        if op_type == "task_group":
            msg = "ops has no task_group: groups cannot be nested; open `with TaskGroup():` around the tasks"
            raise BuildAttributeError(msg)
        builder = NetBuilder.current(required=False)
        if builder is None:
            msg = f"ops.{op_type} needs an open task or builder; write it inside `with Task():` or `with NetBuilder():`"
            raise BuildAttributeError(msg)
        if is_operator(op_type):
            return OperatorMethod(_written, op_type)
        if callable(getattr(Net, op_type, None)):
            return partial(_written, op_type)
        return getattr(builder.current_net(), op_type)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(declared.name for declared in declarations())})

    def call(self, fn: Callable[..., Any], *blobs: BlobReference | str, outputs: int = 1) -> Any:
        """Call a Python function with the values of blobs; what it returns becomes blobs.

        Args:
            fn: takes one array for each blob, and returns one array, or a tuple of as many as there are outputs.
            *blobs: its inputs.
            outputs: how many blobs it makes.

        Returns:
            None, a blob or a tuple of blobs, by the number of outputs.
        """
        return NetBuilder.current().current_net().call(fn, *blobs, outputs=outputs)

    def shared(self, blob: BlobReference | str) -> BlobReference:
        """Say that steps which run at once use this blob on purpose, so that nothing warns of it; returns the blob."""
        reference = blob if isinstance(blob, BlobReference) else ScopedBlobReference(blob)
        NetBuilder.current().current_net().add_attribute(SHARED, reference)
        return reference

    # --- among tasks, on any nodes ---

    def barrier(self, name: str = "barrier") -> None:
        """Wait until all parties are here: every task in which a barrier of this name is written, and each instance.

        Each party takes part once a round; a barrier that is passed again is the next round.

        Args:
            name: says which barriers belong together. One name has one kind of operation.
        """
        add_barrier(name)

    def broadcast(self, blob: BlobReference | str | None, root: str | Node, name: str = "broadcast") -> BlobReference:
        """Give every party the value that the root has; all wait for each other, as in `barrier`.

        Example::

            weights = ops.broadcast(weights, root="trainer:0")

        Args:
            blob: what to send; only that of the root counts, others may pass None.
            root: the node of the root, on which one task with one instance takes part.
            name: says which operators belong together.

        Returns:
            A new blob with the value.

        Raises:
            BuildValueError: the root passes None.
        """
        return add_broadcast(blob, root, name)

    @overload
    def allreduce(
        self, blobs: BlobReference | str, reduction: str = "sum", name: str = "allreduce"
    ) -> BlobReference: ...

    @overload
    def allreduce(self, blobs: Several, reduction: str = "sum", name: str = "allreduce") -> list[BlobReference]: ...

    @overload
    def allreduce(self, blobs: Record, reduction: str = "sum", name: str = "allreduce") -> Record: ...

    def allreduce(self, blobs: Any, reduction: str = "sum", name: str = "allreduce") -> Any:
        """Reduce what all parties give, element by element; every party gets the same bits, whoever comes first.

        All parties give the same dtypes and shapes, and wait for each other as in `barrier`; see `CollectiveAllReduce`.

        Example::

            mean = ops.allreduce(gradient, "mean", name="gradients")

        Args:
            blobs: one, a list that is reduced in one round, or a record.
            reduction: `"sum"`, `"mean"`, `"min"` or `"max"`.
            name: says which operators belong together. One name has one reduction.

        Returns:
            New blobs with the result, in the form of `blobs`.

        Raises:
            BuildValueError: there is no such reduction, or the list is empty.
        """
        return add_allreduce(blobs, reduction, name)

    # --- leaving blocks, repeating them ---

    def stop(self) -> None:
        """Leave the innermost block here; what follows in it is skipped."""
        NetBuilder.current().stop()

    def stop_if(self, blob: BlobReference | str) -> None:
        """Leave the innermost block here if `blob` is true.

        Example::

            with ops.loop():
                value = ops.Add([value, one], [value])
                ops.stop_if(ops.GT([value, limit]))
        """
        NetBuilder.current().stop_if(blob)

    def loop(self, iters: int | BlobReference | None = None, name: str | None = None) -> LoopBuilder:
        """Repeat a block.

        Example::

            with ops.loop(5) as loop:
                ops.Print(loop.iter(), [])      # 0 1 2 3 4

        Args:
            iters: how often, an int or a blob that is read before each iteration; until `ops.stop()` or
                `ops.stop_if()` if not given.
            name: of the block.

        Raises:
            BuildError: at the end of the block, if it has neither a count nor a stop.
        """
        return NetBuilder.current().add(LoopBuilder(iters, name))

    def stop_guard(
        self, has_stopped_blob: BlobReference | str | None = None, name: str | None = None
    ) -> StopGuardBuilder:
        """Run a block once, and know afterwards whether it was left early.

        Example::

            with ops.stop_guard() as guard:
                ops.stop_if(condition)
                ops.Print(value, [])
            ops.Print(guard.has_stopped(), [])  # true if the condition was

        Args:
            has_stopped_blob: the blob that tells; made up if not given.
            name: of the block.
        """
        return NetBuilder.current().add(StopGuardBuilder(has_stopped_blob, name))

    def timeout(self, seconds: float, name: str | None = "timeout") -> TimeoutBuilder:
        """Run a block once; if it takes longer than that, the run fails with `TimedOutError`, which says who waits.

        A function of yours is not interrupted: the limit takes effect when it returns, or when it is abandoned.

        Example::

            with ops.timeout(30):
                ended, record = answers.reader().read()

        Args:
            seconds: the limit, above 0, by the session's clock.
            name: of the block.

        Raises:
            BuildValueError: that is no number of seconds.
        """
        return NetBuilder.current().add(TimeoutBuilder(seconds, name))

    # --- branches ---

    def If(self, cond: BlobReference | str, name: str | None = None) -> IfBuilder:
        """Run a block if `cond`, a bool that is read before it, is true.

        Example::

            with ops.If(small) as branch:
                ...
            with branch.Elif(large):
                ...
            with branch.Else():
                ...
        """
        return NetBuilder.current().add(IfBuilder(cond, name))

    def IfNet(self, cond: BlobReference | str, name: str | None = None) -> IfNetBuilder:
        """Run a block as one operator if `cond` is true; it may hold operators, `IfNet` and `WhileNet`.

        Blobs that were in use before are shared with what is around; others that the block writes are gone after it.
        `ops.Else()` may follow directly::

            with ops.IfNet(ops.LT([x, y])):
                ops.Copy(x, smaller)
            with ops.Else():
                ops.Copy(y, smaller)
        """
        return NetBuilder.current().add(IfNetBuilder(cond, name))

    def Else(self, name: str | None = None) -> ElseNetBuilder:
        """The other branch of the `IfNet` directly before it."""
        return NetBuilder.current().add(ElseNetBuilder(name))

    def WhileNet(self, name: str | None = None) -> WhileNetBuilder:
        """Repeat a block as one operator while a condition holds, which a `Condition` at its start computes.

        Example::

            with ops.WhileNet():
                with ops.Condition():
                    ops.LT([count, limit])
                ops.Add([count, one], [count])
        """
        return NetBuilder.current().add(WhileNetBuilder(name))

    def Condition(self, name: str | None = None) -> ConditionBuilder:
        """What decides whether a `WhileNet` goes on: the one output of the last operator in it."""
        return NetBuilder.current().add(ConditionBuilder(name))

    # --- blocks around tasks ---

    def task_init(self) -> SetupBuilder:
        """A block that runs once before the task that is being written, and all its instances."""
        return SetupBuilder(Task.TASK_SETUP, When.INIT)

    def task_exit(self) -> SetupBuilder:
        """A block that runs once after the task that is being written, if nothing failed."""
        return SetupBuilder(Task.TASK_SETUP, When.EXIT)

    def task_finally(self) -> SetupBuilder:
        """A block that runs at the end of the task that is being written, once it has begun, also after a failure."""
        return SetupBuilder(Task.TASK_SETUP, When.FINALLY)

    def task_instance_init(self) -> SetupBuilder:
        """A block that runs before each instance of the task, in that instance's workspace."""
        return SetupBuilder(Task.TASK_INSTANCE_SETUP, When.INIT)

    def task_instance_exit(self) -> SetupBuilder:
        """A block that runs after each instance of the task, if nothing failed, in that instance's workspace."""
        return SetupBuilder(Task.TASK_INSTANCE_SETUP, When.EXIT)

    def task_instance_finally(self) -> SetupBuilder:
        """A block that runs at the end of each instance, in its workspace, once it has begun, also after a failure."""
        return SetupBuilder(Task.TASK_INSTANCE_SETUP, When.FINALLY)

    def local_init(self) -> SetupBuilder:
        """A block that runs once on the task's node, before all tasks of the group there."""
        return SetupBuilder(TaskGroup.LOCAL_SETUP, When.INIT)

    def local_exit(self, name: str | None = None) -> SetupBuilder:
        """A block that runs once on the task's node, after all tasks of the group there, if nothing failed."""
        return SetupBuilder(TaskGroup.LOCAL_SETUP, When.EXIT, name)

    def local_finally(self) -> SetupBuilder:
        """A block that runs on the task's node when the group's work there ends, once it has begun, also on failure."""
        return SetupBuilder(TaskGroup.LOCAL_SETUP, When.FINALLY)

    def task_reporter(self, interval_ms: int = 1000, name: str | None = None) -> ReporterBuilder:
        """A block that runs at intervals while the body of the task runs, and once after it."""
        return ReporterBuilder(interval_ms, name)

    def local_reporter(self, interval_ms: int = 1000, name: str | None = None) -> ReporterBuilder:
        """A block that runs at intervals while the group's tasks on this node run, and once after them.

        Raises:
            NoContextError: no group is open here.
        """
        task = Task.current(required=False)
        node = task.node if task is not None else None
        return ReporterBuilder(interval_ms, name, TaskGroup.current(), node)


ops = Operations()
"""The language of tasks; see `Operations`."""
