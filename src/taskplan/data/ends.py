"""What can be read from and written to: readers and writers themselves, and all that has them."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard, runtime_checkable

from taskplan.builder.channel import Channel, ChannelReader, ChannelWriter
from taskplan.builder.dataio import Reader, Writer
from taskplan.errors import BuildValueError


@runtime_checkable
class HasReader(Protocol):
    """What can be read from: queues, datasets, ..."""

    def reader(self) -> Reader:
        """A reader of its records."""


@runtime_checkable
class HasWriter(Protocol):
    """What can be written to: queues, datasets, ..."""

    def writer(self) -> Writer:
        """A writer to it."""


def has_reader(source: object) -> TypeGuard[Reader | HasReader]:
    """Whether `reader_of` takes it."""
    return isinstance(source, Reader | HasReader)


def has_writer(target: object) -> TypeGuard[Writer | Channel | HasWriter]:
    """Whether `writer_of` takes it."""
    return isinstance(target, Writer | HasWriter)


# What users give may be of any class, and the next two say what they take.
def reader_of(source: Any) -> Reader:
    """`source` itself if it is a reader, else its reader.

    Raises:
        BuildValueError: it has none.
    """
    if isinstance(source, Reader):
        return source
    if isinstance(source, Channel):
        return ChannelReader(source)  # not `reader()`, which registers the task that is being written
    if isinstance(source, HasReader):
        return source.reader()
    msg = f"expected a reader, or something that has one, as queues, channels and datasets do; got {source!r}"
    raise BuildValueError(msg)


def writer_of(target: Any) -> Writer:
    """`target` itself if it is a writer, else its writer.

    Raises:
        BuildValueError: it has none.
    """
    if isinstance(target, Writer):
        return target
    if isinstance(target, Channel):
        return ChannelWriter(target)
    if isinstance(target, HasWriter):
        return target.writer()
    msg = f"expected a writer, or something that has one, as queues, channels and datasets do; got {target!r}"
    raise BuildValueError(msg)
