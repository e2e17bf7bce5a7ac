"""Bounded queues of records between tasks of one node, and their two ends.

Whoever reads or writes such a queue in a task says so before any task of the group begins, and says when the task has
ended. So the queue is closed exactly when the last task that writes to it has ended: then readers get what is left, and
stop. And when the last task that reads from it has ended, writers are turned away, and stop. Where a run fails, its
queues are closed as failed, and what is left in them is no data for anybody.
"""

from __future__ import annotations

from numbers import Integral

from taskplan.builder.blobs import BlobReference
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Fields, Pipe, Reader, Record, Writer, require_agreement
from taskplan.builder.fields import Field, require_field
from taskplan.builder.net import Net
from taskplan.builder.queue_nets import dequeue, enqueue, queue_statistics
from taskplan.builder.sites import here, written_at
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildError, BuildValueError
from taskplan.plan.names import Site


class QueueWrapper(Pipe):
    """A queue that is there already, as something to read from and write to.

    Example::

        jobs = QueueWrapper(init_net.CreateBlobsQueue([], capacity=8, num_blobs=1), Struct(("job", np.int64)))
        pipe(source, jobs)

    Args:
        handler: the blob that holds the queue.
        schema: what a record is; that of the first writer if not given.
        num_dequeue_records: how many records a reader takes at once, and concatenates.

    Raises:
        BuildTypeError: the schema is none.
        BuildValueError: the schema has no fields, or `num_dequeue_records` is less than 1.
    """

    def __init__(self, handler: BlobReference, schema: Field | None = None, num_dequeue_records: int = 1) -> None:
        super().__init__(schema, TaskGroup.LOCAL_SETUP)
        if schema is not None:
            _require_fields(handler, schema)
        if num_dequeue_records < 1:
            msg = f"a reader takes at least 1 record at once, got num_dequeue_records={num_dequeue_records!r}"
            raise BuildValueError(msg)
        self._queue = handler
        self._num_dequeue_records = num_dequeue_records
        self._declared = here()

    def queue(self) -> BlobReference:
        """The blob that holds the queue."""
        return self._queue

    def statistics(self, net: Net) -> Struct:
        """Add an operator that says what went through the queue and who waits for it: see `queue_statistics`.

        Example::

            with ops.task_reporter(interval_ms=1000):
                ops.call(show, *rows.statistics(ops.net()).field_blobs(), outputs=0)
        """
        return queue_statistics(net, self._queue)

    def reader(self) -> QueueReader:
        """A reader of its records."""
        return QueueReader(self, self._num_dequeue_records)

    def writer(self) -> QueueWriter:
        """A writer to it."""
        return QueueWriter(self)

    def _new_writer(self, writer_schema: Field | None, writer_init_net: Net) -> None:
        if self._schema is None:
            self._declared = here()
        elif writer_schema is not None:
            require_agreement(f"queue {str(self._queue)!r}", self._schema, self._declared, writer_schema)
        super()._new_writer(writer_schema, writer_init_net)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._queue)!r})"


class Queue(QueueWrapper):
    """A bounded queue between the tasks of one node, made anew each time a group runs that uses it.

    Example::

        rows = Queue(capacity=10)
        with TaskGroup() as group:
            pipe(source, rows)                     # any number of writers
            pipe(rows, sink, num_runtime_threads=4)

    Tasks on several nodes exchange records through a `Channel`, which serves wherever a queue does.

    Args:
        capacity: how many records it holds before writers wait, at least 1.
        schema: what a record is; that of the first writer if not given.
        name: the blob that holds it is called `<name>/handler`, after the enclosing builder, with a number where the
            name is taken.
        num_dequeue_records: how many records a reader takes at once, and concatenates; the last ones may be fewer.

    Raises:
        BuildTypeError: the schema is none.
        BuildValueError: the schema has no fields, or `capacity` or `num_dequeue_records` is less than 1.
    """

    def __init__(
        self, capacity: int, schema: Field | None = None, name: str = "queue", num_dequeue_records: int = 1
    ) -> None:
        if not isinstance(capacity, Integral) or capacity < 1:
            msg = f"queue {name!r} must hold at least 1 record, got capacity {capacity!r}"
            raise BuildValueError(msg)
        self._net = Net(name)  # kept, since its name is the queue's
        blob = BlobReference(self._net.NextName("handler"), self._net)
        super().__init__(blob, schema, num_dequeue_records)
        self.capacity: int = int(capacity)
        self._made_at: Site = here()

    def setup(self, global_init_net: Net) -> None:
        """Add what makes the queue.

        Raises:
            BuildError: it is not known what a record is.
        """
        if self._schema is None:
            msg = (
                f"This queue does not have a schema: {str(self._queue)!r} ({self._declared}); give it one, "
                "or write records that have one"
            )
            raise BuildError(msg)
        names = self._schema.field_names()
        with written_at(self._made_at):
            global_init_net.CreateBlobsQueue(
                [], [self._queue], capacity=self.capacity, num_blobs=len(names), field_names=names
            )


def _require_fields(queue: BlobReference, schema: Field) -> None:
    require_field(schema)
    if not schema.field_names():
        msg = f"queue {str(queue)!r} needs records of at least one field, got a schema without fields; leave it out"
        raise BuildValueError(f"{msg} if the first writer is to say what a record is")


class _User:
    """Local setup that says of a task that it will use a queue; it comes when all queues are there."""

    begins_last = True

    def __init__(self, pipe: QueueWrapper, operator: str) -> None:
        self._pipe = pipe
        self._operator = operator
        self._site = here()

    def setup(self, init_net: Net) -> Net:  # noqa: ARG002 - the setup protocol's
        """A net that says it."""
        with written_at(self._site):
            net = Net(f"{self._pipe.queue()}/begin")
            getattr(net, self._operator)([self._pipe.queue()], [])
        net.add_attribute(TaskGroup.LOCAL_SETUP, self._pipe)
        return net


class _Leaves:
    """Task setup that says, when all else of the task's exit has run, that it is done with a queue."""

    exits_last = True

    def __init__(self, pipe: QueueWrapper, operator: str) -> None:
        self._pipe = pipe
        self._operator = operator
        self._site = here()

    def exit(self, exit_net: Net) -> Net:  # noqa: ARG002 - the setup protocol's
        """A net that says it."""
        with written_at(self._site):
            net = Net(f"{self._pipe.queue()}/end")
            getattr(net, self._operator)([self._pipe.queue()], [])
        return net


def _count_task_of(net: Net, pipe: QueueWrapper, what: str) -> None:
    """Count the task that a net becomes part of among those that read or write a queue, until it ends."""
    net.add_attribute(TaskGroup.LOCAL_SETUP, _User(pipe, f"Begin{what}"))
    net.add_attribute(Task.TASK_SETUP, _Leaves(pipe, f"End{what}"))


class QueueReader(Reader):
    """Takes records from a queue; see `Queue.reader`.

    By hand, in a task that is written without `pipe`::

        with Task(), ops.loop():
            ended, record = rows.reader().read_record(ops.net())
            ops.stop_if(ended)
    """

    def __init__(self, pipe: QueueWrapper, num_dequeue_records: int = 1) -> None:
        super().__init__(pipe.schema())
        self._pipe = pipe
        self._num_dequeue_records = num_dequeue_records

    def schema(self) -> Field:
        """What a record is."""
        if self._schema is None:
            self._set_schema(self._pipe.schema())
        return super().schema()

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Count the task among the queue's readers until it ends."""
        init_net.add_attribute(TaskGroup.LOCAL_SETUP, _User(self._pipe, "BeginReads"))
        finish_net.EndReads([self._pipe.queue()], [])

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Fields]:  # noqa: ARG002 - a reader's
        """One net, `dequeue`."""
        self._pipe._new_reader(local_init_net)
        net = Net("dequeue")
        should_stop, fields = self._dequeue(net)
        return [net], should_stop, fields

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Add the operator that takes a record, or as many as the queue's readers take at once.

        The task that the net becomes part of counts among the queue's readers until it ends.
        """
        self._pipe._new_reader(read_net)
        _count_task_of(read_net, self._pipe, "Reads")
        return self._dequeue(read_net)

    def _read_in_step(self, reader_net: Net) -> tuple[BlobReference, Record]:
        """Take a record from the queue as it is: whoever runs the step has made it, and closes it."""
        should_stop, fields = self._dequeue(reader_net)
        return should_stop, self._record(fields)

    def _dequeue(self, net: Net) -> tuple[BlobReference, Fields]:
        names = self.schema().field_names()
        fields, status = dequeue(
            net, self._pipe.queue(), len(names), field_names=names, num_records=self._num_dequeue_records
        )
        return status, fields

    def __repr__(self) -> str:
        return f"{self._pipe!r}.reader()"


class QueueWriter(Writer):
    """Puts records into a queue; see `Queue.writer`.

    By hand, in a task that is written without `pipe`::

        with Task(), ops.loop(10) as loop:
            rows.writer().write_record(ops.net(), Struct(("n", ops.Copy(loop.iter()))))
    """

    def __init__(self, pipe: QueueWrapper) -> None:
        self._pipe = pipe

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Count the task among the queue's writers until it ends."""
        init_net.add_attribute(TaskGroup.LOCAL_SETUP, _User(self._pipe, "BeginWrites"))
        finish_net.EndWrites([self._pipe.queue()], [])

    def write_ex(
        self,
        fields: Fields,
        local_init_net: Net,
        local_finish_net: Net,  # noqa: ARG002 - a writer's
        stop_blob: BlobReference,
    ) -> list[Net]:
        """One net, `enqueue`; where the queue turns the record away, the stop blob becomes true."""
        self._pipe._new_writer(self._schema, local_init_net)
        net = Net("enqueue")
        enqueue(net, self._pipe.queue(), fields, stop_blob)
        return [net]

    def write(self, writer_net: Net, fields: Fields) -> BlobReference:
        """Add the operator that puts a record; returns a bool blob that is true if it was turned away.

        The task that the net becomes part of counts among the queue's writers until it ends.
        """
        self._pipe._new_writer(self._schema, writer_net)
        _count_task_of(writer_net, self._pipe, "Writes")
        return enqueue(writer_net, self._pipe.queue(), fields)

    def __repr__(self) -> str:
        return f"{self._pipe!r}.writer()"
