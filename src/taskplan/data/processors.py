"""Processors: what a pipeline does to each record between reading and writing.

A processor is called while the program is written, once for each body that is built, with the record that is read; it
adds operators, and returns the record that is to be written. See `pipe` for all that it may return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from taskplan.builder.blobs import BlobReference
from taskplan.builder.columns import as_record
from taskplan.builder.dataio import Fields, Reader, Record
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.records import blobs_of
from taskplan.builder.setup import SetsUp
from taskplan.builder.step import ExecutionStep
from taskplan.builder.task_group import TaskGroup
from taskplan.data.latches import latch
from taskplan.data.net_processor import NetProcessor
from taskplan.data.wrapping import WrappingReader
from taskplan.errors import BuildError, BuildTypeError
from taskplan.plan.types import DataType

Part = Net | NetBuilder | ExecutionStep

Processor = Callable[[Any], Any]


@runtime_checkable
class _Named(Protocol):
    name: str | None


@runtime_checkable
class _KnowsSchema(Protocol):
    """A processor that can tell what it makes of the records of a reader."""

    def schema_func(self, reader: Reader) -> Field:
        """What its records are."""


@runtime_checkable
class _HasSchema(Protocol):
    def schema(self) -> Field:
        """What its records are."""


class Output:
    """What a processor returns, in full.

    Example::

        def positive(record):
            done = ops.GT([record.n(), limit])
            return Output(record={"n": ops.Abs(record.n())}, stop_all=done)

    Args:
        nets: what computes the record: a net, or a list of nets and steps; not beside operators that were added with
            `ops`.
        record: what is to be written: a record, or what `as_record` makes one of; None, or a record without fields,
            to write nothing.
        should_stop: a bool blob. Where it is true the record is not written, and the instance that computed it ends.
        stop_all: a bool blob. Where it is true the record is not written, and all instances of the task end, each with
            the record that it has in hand.

    Raises:
        NoContextError: this is no processor: no builder is open.
        BuildError: there are both nets and operators that were added with `ops`.
        BuildTypeError: one of the arguments is of another kind.
    """

    def __init__(
        self,
        nets: Net | Iterable[Part] | None = None,
        record: object = None,
        should_stop: BlobReference | None = None,
        stop_all: BlobReference | None = None,
    ) -> None:
        children = NetBuilder.current().children()
        if nets is not None and children:
            msg = "a processor cannot both use `ops` and return nets; put the nets where they belong by ops.net(net)"
            raise BuildError(msg)
        self.nets = _parts(nets)
        made = None if record is None else as_record(record)
        self.record: Field | None = made if made is not None and made.field_names() else None
        self.should_stop = _flag("should_stop", should_stop)
        self.stop_all = _flag("stop_all", stop_all)


def _parts(nets: Any) -> list[Part] | None:
    if nets is None:
        return None
    given = [nets] if isinstance(nets, Part) else list(nets) if isinstance(nets, list | tuple) else None
    if given is None or not all(isinstance(part, Part) for part in given):
        msg = (
            "a processor returns a record, (record, stop blob), (nets, record), (nets, record, stop blob), nets, an "
            f"Output or None; got {nets!r}"
        )
        raise BuildTypeError(msg)
    return given


def _flag(name: str, blob: object) -> BlobReference | None:
    if blob is not None and not isinstance(blob, BlobReference):
        msg = f"{name} is a blob that holds a bool, got {blob!r}"
        raise BuildTypeError(msg)
    return blob


def normalize_processor_output(output: Any) -> Output:
    """What a processor returned, in full; see `pipe` for the forms."""
    if isinstance(output, Output):
        return output
    if isinstance(output, Field):
        return Output(record=output)
    if isinstance(output, tuple) and len(output) == 2 and isinstance(output[0], Field):
        return Output(record=output[0], should_stop=output[1])
    if isinstance(output, tuple) and len(output) in (2, 3) and isinstance(output[1], Field | dict | None):
        return Output(*output)
    return Output(output)


def processor_name(processor: Any) -> str | None:
    """What a task is called after that does what this says: its `name`, that of the function, or that of its class."""
    if isinstance(processor, _Named):
        return processor.name
    name = getattr(processor, "__name__", type(processor).__name__)
    return "lambda" if name == "<lambda>" else str(name)


def make_processor(processor: Any, reader: Reader | None = None) -> Processor:
    """What is called with a record: None as the identity, a net as a `NetProcessor`, anything else as it is.

    Args:
        processor: None, a net, or something that can be called with a record.
        reader: whose records it gets. A processor with a method `schema_func(reader)` gets a method `schema()`.

    Raises:
        BuildTypeError: it is none of these.
    """
    if processor is None:
        return _identity
    if isinstance(processor, Net):
        return NetProcessor(processor)
    if not callable(processor):
        msg = f"a processor is a function of a record, a net or None; got {processor!r}"
        raise BuildTypeError(msg)
    if reader is not None and isinstance(processor, _KnowsSchema):
        knows, its_reader = processor, reader
        processor.schema = lambda: knows.schema_func(its_reader)  # type: ignore[attr-defined]
    return processor  # type: ignore[no-any-return]


def _identity(record: Record) -> Record:
    return record


class ProcessingReader(WrappingReader):
    """Reads what a processor makes of what another reader reads.

    Args:
        reader: the other reader.
        processor: see `pipe`.
    """

    def __init__(self, reader: Reader, processor: Any) -> None:
        super().__init__(reader)
        self.processor = make_processor(processor, reader)
        self._init_net: Net | None = None
        self._stop_all: BlobReference | None = None

    def schema(self) -> Field:
        """What a record is: what the processor says, or else has made of the last body that was built."""
        if isinstance(self.processor, _HasSchema):
            return self.processor.schema()
        return Reader.schema(self)

    def has_schema(self) -> bool:
        """Whether the processor has made a record, or says what it makes."""
        return isinstance(self.processor, _HasSchema) or self._schema is not None

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Set up the reader."""
        self._init_net, self._stop_all = init_net, None
        super().setup_ex(init_net, finish_net)

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Any], BlobReference, Fields]:
        """The nets of the reader, those of the processor, and one that looks whether the processor wants to stop."""
        nets, status, record = self.reader.read_record_ex(local_init_net, local_finish_net)
        with NetBuilder() as builder:
            result = normalize_processor_output(self.processor(record))
        parts: list[Any] = [*nets, *(result.nets if result.nets is not None else builder.get())]
        stops = [blob for blob in (result.should_stop, result.stop_all, builder._stop_blob) if blob is not None]
        if stops:
            stop_net = Net("stop_net")
            for blob in stops:
                stop_net.Or([status, blob], [status])
            parts.append(stop_net)
            if result.stop_all is not None:
                parts.insert(0, self._stop_together(result.stop_all, status, stop_net))
        if isinstance(self.processor, SetsUp):
            local_init_net.add_attribute(TaskGroup.LOCAL_SETUP, self.processor)
        self._set_schema(result.record)
        return parts, status, blobs_of(result.record) if result.record is not None else None  # type: ignore[return-value]

    def _stop_together(self, stop_all: BlobReference, status: BlobReference, stop_net: Net) -> Net:
        """Let one instance end the others: a net for the beginning of an iteration."""
        if self._init_net is None:
            msg = "a processor that returns stop_all needs a task: setup_ex comes before the nets of the reader"
            raise BuildError(msg)
        if self._stop_all is None:
            self._stop_all = self._init_net.ConstantFill(
                [], self._init_net.NextName("stop_all"), shape=[], value=False, dtype=DataType.BOOL
            )
        latch(stop_net, self._stop_all, stop_all)
        check_net = Net("stop_all")
        check_net.Copy(self._stop_all, status)
        return check_net
