"""A queue of records between steps that are written by hand; `pipe` and `Queue` are for tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from taskplan.builder.blobs import BlobReference
from taskplan.builder.columns import from_column_list
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Fields, Reader, Record, Writer
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.queue_nets import dequeue, enqueue
from taskplan.builder.records import blobs_of
from taskplan.builder.scope import NameScope
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step
from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.sessions.workspaces import current_workspace


class RecordQueue:
    """A bounded queue of records, made at once in the current workspace.

    Example::

        rows = RecordQueue(Struct(("x", np.float32)), capacity=10, num_threads=2)
        reader, producers, close, schema = rows.build(source)
        all_written = execution_step("write", [producers, close])
        consumer, record = reader.execution_step("read")
        session.run(execution_step("both", [all_written, consumer], concurrent_substeps=True))

    Args:
        fields: what a record is: a Struct, or the names of its columns.
        name: of the queue; `queue` if not given.
        capacity: how many records it holds before writers wait, at least 1.
        enforce_unique_name: is carried along.
        num_threads: how many steps write at once, see `build`.

    Attributes:
        schema: what a record is.
        blobs_queue: the blob that holds the queue.
        reader: takes records, in the order in which they were put.
        writer: puts records.
        exit_step: a step that closes the queue.

    Raises:
        BuildTypeError: `fields` is neither.
        BuildValueError: `capacity` or `num_threads` is less than 1.
    """

    def __init__(
        self,
        fields: Struct | Sequence[str],
        name: str | None = None,
        capacity: int = 1,
        enforce_unique_name: bool = False,
        num_threads: int = 1,
    ) -> None:
        if not isinstance(fields, Struct | list):
            msg = f"a RecordQueue takes a Struct or a list of column names, got {fields!r}"
            raise BuildTypeError(msg)
        for argument, value in (("capacity", capacity), ("num_threads", num_threads)):
            if value < 1:
                msg = f"{argument} of a RecordQueue must be at least 1, got {value!r}"
                raise BuildValueError(msg)
        self.schema: Field = fields if isinstance(fields, Struct) else from_column_list(fields)
        self.name = name or "queue"
        self.num_threads = num_threads
        init_net = Net(f"{self.name}/init_net")
        self.blobs_queue: BlobReference = init_net.CreateBlobsQueue(
            [],
            1,
            capacity=capacity,
            num_blobs=len(self.schema.field_names()),
            enforce_unique_name=enforce_unique_name,
            field_names=self.schema.field_names(),
        )
        current_workspace().run(init_net)
        self.writer = _RecordWriter(self.blobs_queue, self.schema)
        self.reader = _RecordReader(self.blobs_queue, self.schema, f"{self.name}_reader")
        exit_net = Net(f"{self.name}/exit_net")
        exit_net.CloseBlobsQueue([self.blobs_queue], [])
        self.exit_step = execution_step(f"{exit_net}_close_step", exit_net)

    def build(
        self, reader: Reader, process: Callable[[Net, Record], Record] | None = None
    ) -> tuple[Reader, ExecutionStep, ExecutionStep, Field]:
        """Steps that fill the queue.

        Args:
            reader: what is read from.
            process: adds operators to a net that make another record of the one that was read.

        Returns:
            The reader of the queue, a step in which `num_threads` producers run at once, the step that closes the queue
            after them, and the schema. Producers end with their reader, or when the queue is closed.
        """
        producers = [self._producer(number, reader, process) for number in range(self.num_threads)]
        together = execution_step("producers", producers, concurrent_substeps=True)
        return self.reader, together, self.exit_step, self.schema

    def _producer(self, number: int, reader: Reader, process: Callable[[Net, Record], Record] | None) -> ExecutionStep:
        read_net, write_net = Net(f"reader_{number}"), Net(f"queue_writer{number}")
        should_stop, record = reader.read_record(read_net)
        if process is not None:
            record = process(write_net, record)
        refused = self.writer.write(write_net, blobs_of(record) if isinstance(record, Field) else record)
        write_net.Or([should_stop, refused], [should_stop])
        steps = [execution_step(str(read_net), read_net), execution_step(str(write_net), write_net)]
        return execution_step(f"producer_{number}", steps, should_stop_blob=should_stop)


class _RecordReader(Reader):
    def __init__(self, blobs_queue: BlobReference, schema: Field, name: str) -> None:
        super().__init__(schema)
        self.blobs_queue = blobs_queue
        self.name = name

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Add the operator that takes a record."""
        names = self.schema().field_names()
        with NameScope(read_net.NextName(self.name)):
            fields, status = dequeue(read_net, self.blobs_queue, len(names), field_names=names)
        return status, fields


class _RecordWriter(Writer):
    def __init__(self, blobs_queue: BlobReference, schema: Field) -> None:
        self.blobs_queue = blobs_queue
        self._schema = self._first_schema = schema

    def write(self, writer_net: Net, fields: Fields) -> BlobReference:
        """Add an operator that looks whether columns fit each other, and one that puts the record."""
        assert self._schema is not None
        writer_net.CheckDatasetConsistency(list(fields), [], fields=self._schema.field_names())
        return enqueue(writer_net, self.blobs_queue, fields)
