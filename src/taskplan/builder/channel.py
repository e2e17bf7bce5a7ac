"""Channels: bounded queues that tasks on any nodes write to and read from, as parts of the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.cluster import Node, node_name
from taskplan.builder.columns import from_blob_list, from_column_list
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Fields, Reader, Record, Writer, require_agreement, shown
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.net_builder import SESSION_BLOBS, NetBuilder
from taskplan.builder.queue_nets import dequeue, enqueue, queue_statistics
from taskplan.builder.setup import Part, attributes_of
from taskplan.builder.sites import here
from taskplan.builder.task import Task
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.plan.names import Site, channel_blob

USES = "channel"
"""The attribute of nets that holds their `ChannelUse`s."""


class Channel:
    """A bounded queue of records that tasks exchange, wherever they run.

    The session makes the queue, as blob `channel:<name>` in the workspace of each node that uses it. A channel ends
    when all tasks that write to it have ended: then readers get what is left, and stop::

        rows = Channel("rows", capacity=100, schema=["features", "label"])
        with TaskGroup() as group:
            with Node("reader"), Task():
                writer = rows.writer()
                with ops.loop(1000):
                    writer.write(None, [features, label])
            with Node("trainer"), Task():
                reader = rows.reader()
                with ops.loop():
                    should_stop, record = reader.read()
                    ops.stop_if(should_stop)
                    train(record.features(), record.label())

    Args:
        name: unique in its group.
        capacity: how many records it holds before writers wait, at least 1.
        schema: what a record is: a schema, or the names of its fields. Without one, the first record that is written
            says it.
        node: where the queue lives, if nodes are apart; left to the session if not given.

    Attributes:
        site: the line of the user's program that made it.

    Raises:
        BuildTypeError: the name is no string, or the schema neither a schema nor a list of names.
        BuildValueError: the name is empty, or the capacity less than 1.
    """

    exits_last = True
    """As a setup object of its writers it ends behind their other exits, which may still write."""

    def __init__(
        self, name: str, capacity: int, schema: Field | Sequence[str] | None = None, node: str | Node | None = None
    ) -> None:
        if not isinstance(name, str):
            msg = f"a channel's name is a string, got {name!r}"
            raise BuildTypeError(msg)
        if not name:
            msg = "a channel needs a name, got an empty string"
            raise BuildValueError(msg)
        if capacity < 1:
            msg = f"channel {name!r} must hold at least 1 record, got capacity {capacity!r}"
            raise BuildValueError(msg)
        self.name = name
        self.capacity = capacity
        self.node = node_name(node) if node is not None else None
        self.site = here()
        self._schema = _schema(name, schema)
        # How many blobs a record has, and the line that said so; None until then.
        self._columns = len(self._schema.field_names()) if self._schema is not None else None
        self._declared = self.site

    def queue(self) -> BlobReference:
        """The blob that holds the queue; the ordinary queue operators work on it."""
        return BlobReference(channel_blob(self.name))

    def schema(self) -> Field | None:
        """What a record is, as far as known."""
        return self._schema

    def statistics(self, net: Net) -> Struct:
        """Add an operator that says what went through the channel and who waits for it: see `queue_statistics`."""
        return queue_statistics(net, self.queue())

    @property
    def columns(self) -> int | None:
        """How many blobs a record has; None until somebody said it."""
        return self._columns

    def writer(self) -> ChannelWriter:
        """Register the task that is being written as a writer; the channel stays open until its exit.

        Raises:
            NoContextError: no task or builder is open here.
        """
        writer = ChannelWriter(self)
        writer.register(NetBuilder.current().current_net())
        return writer

    def reader(self) -> ChannelReader:
        """Register the task that is being written as a reader.

        Raises:
            NoContextError: no task or builder is open here.
        """
        reader = ChannelReader(self)
        reader.register(NetBuilder.current().current_net())
        return reader

    def exit(self, exit_net: Net) -> Part:  # noqa: ARG002 - the setup protocol's
        """What the exit of a writing task runs: one of the writers is done."""
        net = Net(f"{channel_blob(self.name)}/end")
        net.EndWrites([self.queue()], [])
        return net

    def matched(self, fields: object) -> list[BlobReference]:
        """The blobs of a record that is to be written; the first one settles what a record is, if nothing did before.

        Raises:
            BuildTypeError: `fields` is no record of blobs.
            BuildValueError: it is another record than the channel has; the message has both lines.
        """
        blobs = _blobs(self.name, fields)
        if self._columns is None:
            self._schema = fields.clone_schema() if isinstance(fields, Field) else None
            self._columns, self._declared = len(blobs), here()
        elif self._schema is not None and isinstance(fields, Field):
            require_agreement(f"channel {self.name!r}", self._schema, self._declared, fields)
        elif len(blobs) != self._columns:
            got = shown(fields) if isinstance(fields, Field) else f"{len(blobs)} blobs"
            expected = shown(self._schema) if self._schema is not None else f"{self._columns} blobs"
            msg = f"channel {self.name!r} has records of {expected}, as said at {self._declared}; got {got} at {here()}"
            raise BuildValueError(msg, declared=self._declared)
        return blobs

    def __repr__(self) -> str:
        return f"Channel(name={self.name!r}, capacity={self.capacity!r})"


class ChannelWriter(Writer):
    """Writes records to a channel from one task; see `Channel.writer`."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def register(self, net: Net) -> None:
        """Make the task that `net` becomes part of one of the writers."""
        if _mark(net, self.channel, writes=True):
            net.add_attribute(Task.TASK_SETUP, self.channel)

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:  # noqa: ARG002 - a writer's
        """Make the task one of the writers."""
        self.register(init_net)

    def write(self, net: Net | None, fields: Record) -> BlobReference:
        """Append a record; waits while the channel is full.

        Args:
            net: gets the operators; the open net of the current builder if None.
            fields: a record, or a list of blobs. A blob that is given twice is copied, and a warning is logged.

        Returns:
            The status: a bool blob that is true if the record was not written, since the channel has been closed.

        Raises:
            BuildValueError: the channel has other records; the message has both lines.
            NoContextError: no net is given, and no task or builder is open here.
        """
        return self._write(net if net is not None else NetBuilder.current().current_net(), fields)

    def write_ex(
        self,
        fields: Fields,
        local_init_net: Net,  # noqa: ARG002 - a writer's
        local_finish_net: Net,  # noqa: ARG002 - a writer's
        stop_blob: BlobReference,
    ) -> list[Net]:
        """One net, `enqueue`; where the channel turns the record away, the stop blob becomes true."""
        net = Net("enqueue")
        self._write(net, fields if self._schema is None else from_blob_list(self._schema, fields), stop_blob)
        return [net]

    def _write(self, net: Net, fields: Record, status: BlobReference | None = None) -> BlobReference:
        blobs = self.channel.matched(fields)
        self.register(net)
        return enqueue(net, self.channel.queue(), blobs, status)

    def __repr__(self) -> str:
        return f"{self.channel!r}.writer()"


class ChannelReader(Reader):
    """Reads records from a channel in one task; see `Channel.reader`."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel

    def register(self, net: Net) -> None:
        """Make the task that `net` becomes part of one of the readers."""
        _mark(net, self.channel, writes=False)

    def schema(self) -> Field:
        """What a record is."""
        self._set_schema(self.channel.schema())
        return super().schema()

    def has_schema(self) -> bool:
        """Whether it is known what a record is."""
        return self.channel.schema() is not None

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Make the task one of the readers, and let it say when it is done: with the last one the channel closes."""
        self.register(init_net)
        finish_net.EndReads([self.channel.queue()], [])

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Fields]:  # noqa: ARG002 - a reader's
        """One net, `dequeue`."""
        net = Net("dequeue")
        should_stop, record = self.read(net)
        return [net], should_stop, record

    # Which fields a record has is known to the reader of the schema only: hence Any.
    def read(self, net: Net | None = None) -> tuple[BlobReference, Any]:
        """Take the oldest record; waits while the channel is empty.

        Args:
            net: gets the operators; the open net of the current builder if None.

        Returns:
            A bool blob that is true if nothing was read, since the channel has ended; and the record, which is a list
            of blobs if the channel has no schema.

        Raises:
            BuildError: it is not known yet how many fields a record has.
            NoContextError: no net is given, and no task or builder is open here.
        """
        channel = self.channel
        if channel.columns is None:
            msg = (
                f"it is not known what a record of channel {channel.name!r} ({channel.site}) is; "
                "give it a schema or a list of field names, or write to it before it is read"
            )
            raise BuildError(msg)
        net = net if net is not None else NetBuilder.current().current_net()
        self.register(net)
        schema = channel.schema()
        names = schema.field_names() if schema is not None else [f"data_{index}" for index in range(channel.columns)]
        status = net.NextName("should_stop" if "should_stop" not in names else "should_stop_")
        blobs, should_stop = dequeue(net, channel.queue(), channel.columns, status, names)
        return should_stop, blobs if schema is None else from_blob_list(schema, blobs)

    def __repr__(self) -> str:
        return f"{self.channel!r}.reader()"


@dataclass(frozen=True, slots=True)
class ChannelUse:
    """Says that a net is part of a task that writes to a channel, or reads from it."""

    channel: Channel
    writes: bool
    site: Site


@dataclass(slots=True)
class ChannelUsers:
    """Who uses a channel: the tasks that write or read, and all nodes, by name in the order of first use."""

    channel: Channel
    writers: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)


def collect_uses(found: dict[str, ChannelUsers], part: Part, node: str, task: str | None = None) -> None:
    """Enter the channels that `part` uses into `found`, which is by name.

    Args:
        found: what is known so far.
        part: a step or net that runs on `node`.
        node: its node.
        task: the task that it belongs to, if it does.

    Raises:
        BuildValueError: two channels have one name; the message has both lines.
    """
    for use in attributes_of(part, USES):
        name = use.channel.name
        users = found.setdefault(name, ChannelUsers(use.channel))
        if users.channel is not use.channel:
            msg = (
                f"two channels of one group are called {name!r}: "
                f"one made at {users.channel.site}, one at {use.channel.site}; give one another name"
            )
            raise BuildValueError(msg, channel=name)
        if node not in users.nodes:
            users.nodes.append(node)
        tasks = users.writers if use.writes else users.readers
        if task is not None and task not in tasks:
            tasks.append(task)


def _mark(net: Net, channel: Channel, *, writes: bool) -> bool:
    """Note the use on the net; false if that had been done."""
    for use in net.get_attributes(USES):
        if use.channel is channel and use.writes == writes:
            return False
    net.add_attribute(USES, ChannelUse(channel, writes, here()))
    net.add_attribute(SESSION_BLOBS, channel.queue())
    return True


def _schema(name: str, schema: object) -> Field | None:
    if schema is None or isinstance(schema, Field):
        return schema.clone_schema() if schema is not None else None
    if isinstance(schema, list | tuple) and all(isinstance(field_name, str) for field_name in schema):
        return from_column_list(schema)
    msg = f"the schema of channel {name!r} is a schema or a list of field names, got {schema!r}"
    raise BuildTypeError(msg)


def _blobs(name: str, fields: object) -> list[BlobReference]:
    given = fields.field_blobs() if isinstance(fields, Field) else fields
    if isinstance(given, list | tuple) and all(isinstance(blob, BlobReference) for blob in given):
        return list(given)
    msg = f"channel {name!r} takes a record or a list of BlobReferences, got {fields!r}"
    raise BuildTypeError(msg)
