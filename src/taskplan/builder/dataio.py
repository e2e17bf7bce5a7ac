"""What moves records: readers, writers, and pipes, which have both ends.

A reader contributes nets to a loop. In each iteration they run first, then what is to be done with the record. The
loop's stop blob is looked at after every net, so that where it is true after the nets of the reader, the fields hold
no record and nothing is done with them: a reader delivers its last record with false, and tells the end with the next
read.

Everything here adds operators to nets while a program is written; nothing is read or written before it runs. `pipe`
makes a task of a reader, a processor and a writer, and calls their methods in this order::

    reader.setup_ex(init, exit)             # once for the task
    reader.read_record_ex(init, exit)       # once for each thread whose body is built apart
    writer.setup_ex(init, exit)
    writer.write_record_ex(record, init, exit, stop_blob)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.column_types import UNTYPED
from taskplan.builder.columns import from_blob_list
from taskplan.builder.fields import Field, require_field
from taskplan.builder.net import Net
from taskplan.builder.records import blobs_of
from taskplan.builder.sites import here
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step
from taskplan.errors import BuildError, BuildValueError
from taskplan.plan.names import Site

Fields = Sequence[BlobReference]
"""The blobs of a record, one for each of its columns."""

# Which fields a record has is known to whoever knows its schema only.
Record = Any
"""A record whose leaves are bound to blobs; `Fields` where there is no schema."""


class NotProvidedError(BuildError, NotImplementedError):
    """A class of readers or writers lacks a method that it needs."""


class Reader:
    """Reads records. A subclass provides `read`, and `setup_ex` if something must be there beforehand.

    Example::

        class Numbers(Reader):
            def __init__(self):
                super().__init__(Struct(("n", np.int64)))

            def setup_ex(self, init_net, finish_net):
                self.counter = init_net.CreateCounter([], init_count=0)

            def read(self, read_net):
                n = read_net.CountUp(self.counter)
                return read_net.GT([n, read_net.Const(99)]), [n]

    Args:
        schema: what a record is, if that is known.

    Raises:
        BuildTypeError: the schema is none.
    """

    def __init__(self, schema: Field | None = None) -> None:
        if schema is not None:
            require_field(schema)
        self._schema = schema

    def schema(self) -> Field:
        """What a record is.

        Raises:
            BuildError: it is not known.
        """
        if self._schema is None:
            msg = f"Schema not provided for this reader: {self!r}"
            raise BuildError(msg)
        return self._schema

    def has_schema(self) -> bool:
        """Whether it is known what a record is."""
        return self._schema is not None

    def _set_schema(self, schema: Field | None) -> None:
        self._schema = schema

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Add what runs once before the task that reads, and once after it. Called once for each such task."""

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Fields]:
        """Make the nets of one iteration. Called once for each thread whose body is built apart.

        Args:
            local_init_net: runs before the loop, once in each instance.
            local_finish_net: runs after the loop, once in each instance.

        Returns:
            The nets, the stop blob, and the blobs of the record.
        """
        read_net = Net("reader_body")
        should_stop, fields = self.read(read_net)
        return [read_net], should_stop, fields

    def read_record_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Record]:
        """As `read_ex`, with a record in place of its blobs if there is a schema."""
        nets, should_stop, fields = self.read_ex(local_init_net, local_finish_net)
        return nets, should_stop, self._record(fields)

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Add the operators of one read to a net, of which any number of instances may run at once.

        Returns:
            A bool blob that is true if nothing was read, since the end has come; and the blobs of the record.
        """
        msg = f"{type(self).__name__} has no read(read_net); readers must have one"
        raise NotProvidedError(msg)

    def read_record(self, read_net: Net) -> tuple[BlobReference, Record]:
        """As `read`, with a record in place of its blobs if there is a schema."""
        should_stop, fields = self.read(read_net)
        return should_stop, self._record(fields)

    def _record(self, fields: Any) -> Record:
        if fields is None or isinstance(fields, Field) or not self.has_schema():
            return fields
        return from_blob_list(self.schema(), fields)

    def reset(self, net: Net) -> None:
        """Add operators that let it begin again."""
        msg = f"{type(self).__name__} cannot be reset"
        raise NotProvidedError(msg)

    def execution_step(
        self, reader_net_name: str | None = None, external_should_stop: BlobReference | None = None
    ) -> tuple[ExecutionStep, Record]:
        """A step that reads until the end, and the record that it reads into.

        Args:
            reader_net_name: of the net; the step is called `<name>_step`.
            external_should_stop: a bool blob that ends it as well.
        """
        reader_net = Net(reader_net_name or "reader")
        should_stop, fields = self._read_in_step(reader_net)
        if external_should_stop is not None:
            should_stop = reader_net.Or([external_should_stop, should_stop])
        return execution_step(f"{reader_net_name}_step", reader_net, should_stop_blob=should_stop), fields

    def _read_in_step(self, reader_net: Net) -> tuple[BlobReference, Record]:
        """What a step of `execution_step` does in each iteration."""
        return self.read_record(reader_net)


class Writer:
    """Writes records. A subclass provides `write`, and `commit` if something is to be done after the last.

    Example::

        class Summing(Writer):
            def setup_ex(self, init_net, finish_net):
                self.total = init_net.Const(0.0)

            def write(self, writer_net, fields):
                writer_net.Add([self.total, fields[0]], [self.total])
    """

    # What the record is that was written last; the first one is kept beside it.
    _schema: Field | None = None
    _first_schema: Field | None = None

    def schema(self) -> Field | None:
        """What a record is, as the first record that was written says."""
        return self._schema if self._first_schema is None else self._first_schema

    def write(self, writer_net: Net, fields: Fields) -> Any:
        """Add the operators that write one record, given as its blobs."""
        msg = f"{type(self).__name__} has no write(writer_net, fields); writers must have one"
        raise NotProvidedError(msg)

    def write_record(self, writer_net: Net, fields: Record) -> Any:
        """As `write`; takes a record too."""
        return self.write(writer_net, self._take_record(fields))

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Add what runs once before the task that writes, and once after it."""
        self.commit(finish_net)

    def write_ex(
        self,
        fields: Fields,
        local_init_net: Net,
        local_finish_net: Net,
        stop_blob: BlobReference,
    ) -> list[Net]:
        """Make the nets that write one record in an iteration.

        Args:
            fields: the blobs of the record.
            local_init_net: runs before the loop, once in each instance.
            local_finish_net: runs after the loop, once in each instance.
            stop_blob: the stop blob of the loop. A writer that could not write makes it true, and so ends the loop.
        """
        write_net = Net("write_net")
        self.write(write_net, fields)
        return [write_net]

    def write_record_ex(
        self, fields: Record, local_init_net: Net, local_finish_net: Net, stop_blob: BlobReference | None = None
    ) -> tuple[list[Net], BlobReference]:
        """As `write_ex`, for a record or its blobs; makes the stop blob if there is none, and returns it too."""
        blobs = self._take_record(fields)
        if stop_blob is None:
            stop_blob = BlobReference(local_init_net.NextName("dequeue_status"), local_init_net)
        return self.write_ex(blobs, local_init_net, local_finish_net, stop_blob), stop_blob

    def commit(self, finish_net: Net) -> None:
        """Add what is to be done after the last record, if nothing failed."""

    def _take_record(self, fields: Record) -> Fields:
        if not isinstance(fields, Field):
            return list(fields)
        self._schema = fields.clone_schema()
        if self._first_schema is None:
            self._first_schema = self._schema
        return blobs_of(fields)


def require_agreement(what: str, expected: Field, declared: Site, got: Field) -> None:
    """Refuse records of other names or types than something has; where a type is not known, any will do.

    Args:
        what: what has such records, for the message.
        expected: the schema of its records.
        declared: the line that said so.
        got: the record.

    Raises:
        BuildValueError: they differ; the message has both lines.
    """
    pairs = zip(expected.field_types(), got.field_types(), strict=False)
    if expected.field_names() == got.field_names() and all(
        one == other or "V" in (one.kind, other.kind) for one, other in pairs
    ):
        return
    msg = f"{what} has records of {shown(expected)}, as said at {declared}; got {shown(got)} at {here()}"
    raise BuildValueError(msg, declared=declared)


def shown(schema: Field) -> str:
    """The fields of a schema with their types, for messages."""
    names = (
        f"{name or 'value'}: {'untyped' if dtype == UNTYPED else dtype}"
        for name, dtype in zip(schema.field_names(), schema.field_types(), strict=True)
    )
    return f"fields ({', '.join(names)})"


class Pipe:
    """What records can be written to and read from: a subclass provides `reader` and `writer`.

    Args:
        schema: what a record is; that of the first writer if not given.
        obj_key: the key under which it is attached to the nets of readers and writers, so that its `setup` runs:
            `TaskGroup.LOCAL_SETUP` for once in each group.
    """

    def __init__(self, schema: Field | None = None, obj_key: str | None = None) -> None:
        self._num_writers = 0
        self._num_readers = 0
        self._schema = schema
        self._obj_key = obj_key

    def schema(self) -> Field | None:
        """What a record is, as far as known."""
        return self._schema

    def setup(self, global_init_net: Net) -> Any:
        """Add what makes it."""

    def reader(self) -> Reader:
        """A reader of its records."""
        msg = f"{type(self).__name__} has no reader()"
        raise NotProvidedError(msg)

    def writer(self) -> Writer:
        """A writer to it."""
        msg = f"{type(self).__name__} has no writer()"
        raise NotProvidedError(msg)

    def num_readers(self) -> int:
        """How many bodies of loops read from it."""
        return self._num_readers

    def num_writers(self) -> int:
        """How many bodies of loops write to it."""
        return self._num_writers

    def _new_writer(self, writer_schema: Field | None, writer_init_net: Net) -> None:
        if writer_schema is not None and self._schema is None:
            self._schema = writer_schema
        self._num_writers += 1
        if self._obj_key is not None:
            writer_init_net.add_attribute(self._obj_key, self)

    def _new_reader(self, reader_init_net: Net) -> None:
        self._num_readers += 1
        if self._obj_key is not None:
            reader_init_net.add_attribute(self._obj_key, self)


class ReaderBuilder:
    """Makes readers late, when it is known with what; a subclass provides all three methods."""

    def schema(self) -> Field:
        """What a record of its readers is."""
        msg = f"{type(self).__name__} has no schema()"
        raise NotProvidedError(msg)

    def setup(self, **kwargs: Any) -> Mapping[str, BlobReference] | None:
        """Add what its readers need, once; returns bool blobs by name that say whether the data is finished."""
        msg = f"{type(self).__name__} has no setup(**kwargs)"
        raise NotProvidedError(msg)

    def new_reader(self, **kwargs: Any) -> Reader:
        """A reader."""
        msg = f"{type(self).__name__} has no new_reader(**kwargs)"
        raise NotProvidedError(msg)
