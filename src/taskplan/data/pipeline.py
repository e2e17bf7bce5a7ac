"""`pipe`: a task that reads records, does something with each, and writes what came of it.

The source ends, a limit is met, or a processor stops: then that instance leaves its loop. When all instances of a task
have left, it is done with its queues: readers behind it get what is left in them, and end too; writers before it, which
wait while a queue is full, are turned away, and end too. A run ends when all tasks have. Where something fails, all of
them end at once, and the failure is what the caller gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

from taskplan.builder.cluster import Node
from taskplan.builder.dataio import Reader, Writer
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step, to_execution_step
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.data.ends import has_writer, reader_of, writer_of
from taskplan.data.ordering import OrderedReader
from taskplan.data.processors import ProcessingReader, processor_name
from taskplan.data.queues import Queue
from taskplan.errors import BuildError, BuildValueError
from taskplan.plan.types import DataType

DEFAULT_QUEUE_CAPACITY = 100
"""Of the queues that `pipe` makes, in records."""


def pipe(
    input: Any,  # noqa: A002 - the task system's name
    output: Any = None,
    num_threads: int = 1,
    processor: Any = None,
    name: str | None = None,
    capacity: int | None = None,
    group: TaskGroup | None = None,
    num_runtime_threads: int = 1,
    *,
    ordered: bool = False,
) -> Any:
    """Make a task that moves records from `input` to `output`, through a processor.

    Example::

        def double(record):
            return Struct(("label", ops.Add([record.label(), record.label()])))

        with TaskGroup() as group:
            doubled = pipe(source, processor=double, num_runtime_threads=2, capacity=8)    # a queue
            pipe(doubled, sink)
        session.run(group)

    A processor is called while this is written, with the record that is read, and adds operators: with `ops`, or to
    nets that it returns. It returns one of: a record; `(record, stop_blob)`; `(nets, record)` or
    `(nets, record, stop_blob)`, where the record may be a dict of blobs; a net or a list of nets, None or `Struct()`,
    to write nothing; an `Output`. Where a stop blob is true, or after `ops.stop_if`, the record is not written, and the
    instance that computed it ends; `Output(stop_all=blob)` ends all of them. A net is a processor too (see
    `NetProcessor`), and so is a plain function of arrays in a `BatchFunction`.

    Args:
        input: a reader, or what has one: a queue, a channel, a dataset.
        output: a writer, or what has one; a new queue if not given.
        num_threads: how many bodies run at once, each built for itself.
        processor: see above; records pass as they are if not given.
        name: of the task; after the processor, the output or the input if not given.
        capacity: of the new queue, in records; 100 if not given.
        group: the group of the task; the current one if not given.
        num_runtime_threads: how many instances of one body run at once.
        ordered: write records in the order in which they were read, however many instances there are.

    Returns:
        The queue, or what was given as `output`; None where that is a bare writer, or nothing is written. With 0
        threads there is no task: the reader of what the processor makes.

    Raises:
        BuildValueError: `input` has no reader, or `output` no writer; or a number of threads is negative.
        BuildError: both numbers of threads are greater than 1; there is a capacity and an output, or no thread and an
            output; the processor returns something else; a record has a leaf without a blob.
        BuildTypeError: as before, where a value is of the wrong kind.
    """
    result, _ = _pipe(
        input, output, num_threads, processor, name, capacity, group, num_runtime_threads, None, ordered=ordered
    )
    return result


def pipe_and_output(
    input: Any,  # noqa: A002 - the task system's name
    output: Any = None,
    num_threads: int = 1,
    processor: Any = None,
    name: str | None = None,
    capacity: int | None = None,
    group: TaskGroup | None = None,
    num_runtime_threads: int = 1,
    final_outputs: Any = None,
    *,
    ordered: bool = False,
) -> tuple[Any, Any]:
    """As `pipe`, with outputs of the task: blobs or records whose values can be fetched after the run.

    Args:
        input: as for `pipe`, and so all others.
        output: see there.
        num_threads: see there; at least 1 if there are outputs.
        processor: see there.
        name: see there.
        capacity: see there.
        group: see there.
        num_runtime_threads: see there; at least 1 if there are outputs.
        final_outputs: a blob, a record, or a list of these. Of what several instances write the last is the value.
        ordered: see there.

    Returns:
        What `pipe` returns, and one `TaskOutput`, or a list of them for a list, or None.

    Raises:
        BuildError: there are outputs, but no threads; and what `pipe` raises.
    """
    _check_threads(num_threads, num_runtime_threads)
    if final_outputs is not None and 0 in (num_threads, num_runtime_threads):
        msg = f"outputs need a task, got num_threads={num_threads}, num_runtime_threads={num_runtime_threads}"
        raise BuildError(msg)
    result, task = _pipe(
        input,
        output,
        num_threads,
        processor,
        name,
        capacity,
        group,
        num_runtime_threads,
        final_outputs,
        ordered=ordered,
    )
    if final_outputs is None or task is None:
        return result, None
    outputs = task.outputs()
    if isinstance(final_outputs, list | tuple):
        return result, outputs[: len(final_outputs)]
    return result, outputs[0]


def _pipe(
    source: Any,
    output: Any,
    num_threads: int,
    processor: Any,
    name: str | None,
    capacity: int | None,
    group: TaskGroup | None,
    num_runtime_threads: int,
    final_outputs: Any,
    *,
    ordered: bool,
) -> tuple[Any, Task | None]:
    _check_threads(num_threads, num_runtime_threads)
    if capacity is not None and output is not None:
        msg = f"capacity={capacity} is of the queue that pipe makes where no output is given; got output {output!r}"
        raise BuildError(msg)
    reader = reader_of(source)
    in_order = OrderedReader(reader) if ordered and max(num_threads, num_runtime_threads) > 1 else None
    reader = in_order or reader
    if processor is not None:
        reader = ProcessingReader(reader, processor)
    if num_threads == 0 or num_runtime_threads == 0:
        if output is not None:
            msg = f"without threads there is no task that could write to {output!r}; give it to the next pipe"
            raise BuildError(msg)
        return reader, None
    if output is not None and not has_writer(output):
        writer_of(output)  # refuses it, before there is a task
    name = name or _name(source, output, processor)
    body = _Body(reader, output, capacity, in_order)
    body.timer = "/".join(
        [
            str(Node.current()),
            "pipe",
            str(name),
            processor_name(source) or "",
            "NoOutput" if output is None else processor_name(output) or "",
        ]
    )
    if num_threads > 1:
        task = _static_task(name, group, final_outputs, body, num_threads)
    else:
        task = _runtime_task(name, group, final_outputs, body, num_runtime_threads)
    return body.result, task


def _check_threads(num_threads: int, num_runtime_threads: int) -> None:
    for argument, count in (("num_threads", num_threads), ("num_runtime_threads", num_runtime_threads)):
        if not isinstance(count, Integral) or count < 0:
            msg = f"{argument} is a number of threads, 0 or more; got {count!r}"
            raise BuildValueError(msg)
    if num_threads > 1 and num_runtime_threads > 1:
        msg = f"only one of num_threads={num_threads} and num_runtime_threads={num_runtime_threads} may exceed 1"
        raise BuildError(msg)


def _name(source: Any, output: Any, processor: Any) -> str | None:
    if processor is not None and processor_name(processor):
        return processor_name(processor)
    if output is not None:
        return f"pipe_into:{processor_name(output)}"
    return f"pipe_from:{processor_name(source)}"


@dataclass
class _Body:
    """The loop of a pipe: read, process, write.

    Attributes:
        in_order: the reader that `reader` reads from, if records are to keep their order.
        timer: the name of the statistics of its time, for each iteration.
        result: what `pipe` returns; known once a body has been built.
    """

    reader: Reader
    output: Any
    capacity: int | None
    in_order: OrderedReader | None
    timer: str = ""
    result: Any = None
    _writer: Writer | None = None

    def build(self, task: Task, local: tuple[Net, Net], around: tuple[Net, Net]) -> list[ExecutionStep | Net]:
        """The loop and what comes right after it; `local` runs around it, `around` around the task."""
        init_net, exit_net = local
        nets, status, record = self.reader.read_record_ex(init_net, exit_net)
        init_net.ConstantFill([], [status], shape=[], value=False, dtype=DataType.BOOL)
        write_nets: list[Net] = []
        if record is not None:
            write_nets, _ = self._writer_for(task, around).write_record_ex(record, init_net, exit_net, status)
            if self.in_order is not None:
                write_nets = self.in_order.in_turn(write_nets)
        start_net, end_net = Net("timer_start"), Net("timer_end")
        timer = start_net.TimerBegin([], counter_name=self.timer)
        end_net.TimerEnd([timer], [])
        body = execution_step("body", [start_net, *nets, *write_nets, end_net], should_stop_blob=status)
        return [body, end_net]

    def _writer_for(self, task: Task, around: tuple[Net, Net]) -> Writer:
        if self._writer is None:
            # Named like the task, wherever the first body is built.
            with NetBuilder(_fullname=task.name):
                output = self.output
                if output is None:
                    output = Queue(DEFAULT_QUEUE_CAPACITY if self.capacity is None else self.capacity)
                self._writer = writer_of(output)
                self.result = None if isinstance(output, Writer) else output
                self._writer.setup_ex(*around)
        return self._writer


def _runtime_task(
    name: str | None, group: TaskGroup | None, final_outputs: Any, body: _Body, num_instances: int
) -> Task:
    """One body, of which several instances run."""
    with Task(name=name, group=group, outputs=final_outputs, num_instances=num_instances) as task:
        init_net, exit_net = Net("pipe:init"), Net("pipe:exit")
        body.reader.setup_ex(init_net, exit_net)
        local_init, local_exit = Net("pipe:instance:init"), Net("pipe:instance:exit")
        parts = body.build(task, (local_init, local_exit), (init_net, exit_net))
        with ops.task_init():
            ops.net(init_net)
        with ops.task_instance_init():
            ops.net(local_init)
        for part in parts:
            ops.net(part)
        with ops.task_instance_exit():
            ops.net(local_exit)
        with ops.task_exit():
            ops.net(exit_net)
    return task


def _static_task(name: str | None, group: TaskGroup | None, final_outputs: Any, body: _Body, num_threads: int) -> Task:
    """Several bodies, each built for itself."""
    with Task(name=name, group=group, outputs=final_outputs) as task:
        init_net, exit_net = Net("init"), Net("exit")
        body.reader.setup_ex(init_net, exit_net)
        steps: list[ExecutionStep] = []
        for number in range(num_threads):
            with NetBuilder(name=f"t:{number}") as builder:
                local_init, local_exit = Net("init"), Net("exit")
                parts = body.build(task, (local_init, local_exit), (init_net, exit_net))
                for part in (local_init, *parts, local_exit):
                    ops.net(part)
            steps.append(to_execution_step(builder))
        ops.net(init_net)
        ops.net(execution_step("body", steps, concurrent_substeps=True))
        ops.net(exit_net)
    return task
