"""Writers to sinks: Python objects that take batches, and make them visible when all are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.column_types import TEXT, UNTYPED, leaf_array
from taskplan.builder.dataio import Fields, Record, Writer
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.user_functions import Builder
from taskplan.data.sources import close_at_the_end, opened, require_maker, row_columns
from taskplan.errors import BuildError, BuildTypeError
from taskplan.operators.sinks import Sink
from taskplan.plan.types import Array, DType

Columns = Mapping[str, DType]
"""The names of the columns that a sink gets, in order, each with its type; void if that is not known."""


class SinkWriter(Writer):
    """Writes batches to a sink, a Python object that is made anew for each run of each task that writes.

    The sink is opened when the task begins and committed when it ends, if nothing failed; else what was written is
    thrown away. One instance writes at a time, in no order if there are several.

    Args:
        make_sink: returns a `Sink`; called without arguments. Or `(builder, args, kwargs)`, which is pickled:
            `builder(*args, **kwargs)` then makes that function.
        name: what messages call the sink.

    Raises:
        BuildTypeError: `make_sink` is neither.
    """

    def __init__(self, make_sink: Callable[[], Sink] | Builder, name: str = "sink") -> None:
        require_maker(make_sink, "make_sink")
        self.name = name
        self._make_sink = make_sink
        self._handle: BlobReference | None = None

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Open the sink in `init_net`, and commit it in `finish_net`; after a failure it is aborted."""
        self._handle = opened(init_net, "OpenSink", self._maker(), self.name)
        close_at_the_end(init_net, "CloseSink", self._handle)
        super().setup_ex(init_net, finish_net)

    def _maker(self) -> Callable[[], Sink] | Builder:
        """What makes the sink of one task."""
        return self._make_sink

    def write(self, writer_net: Net, fields: Fields) -> None:
        """Add the operator that writes a batch to the sink that was set up last.

        Raises:
            BuildError: none was set up.
        """
        names = self._schema.field_names() if self._schema is not None else []
        lists = row_columns(names) if len(names) == len(fields) else {}
        writer_net.WriteSink([self._opened(), *fields], [], **lists)

    def commit(self, finish_net: Net) -> None:
        """Add the operator that makes what was written visible."""
        finish_net.CommitSink([self._opened()], [])

    def counts(self, net: Net) -> tuple[BlobReference, BlobReference]:
        """Add an operator that says how much was written to the sink that was set up last; it may be committed.

        Returns:
            int64 blobs: the batches, and their rows.

        Raises:
            BuildError: none was set up.
        """
        blobs = [BlobReference(net.NextName(f"{self.name}_{what}"), net) for what in ("batches", "rows")]
        batches, rows = net.SinkCounts([self._opened()], blobs)
        return batches, rows

    def _opened(self) -> BlobReference:
        if self._handle is None:
            msg = f"sink {self.name!r} is not set up; call setup_ex(init_net, finish_net) first, as `pipe` does"
            raise BuildError(msg)
        return self._handle

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class ColumnsWriter(SinkWriter):
    """A `SinkWriter` whose sinks are told which columns they get.

    These are known when the first record is written to it, while the program is made. A record without a schema has
    the columns `field_0`, `field_1`, ...

    Args:
        make_sink: returns a `Sink`; called with the columns, a mapping of names to types.
        name: what messages call the sink.
    """

    def __init__(self, make_sink: Callable[[Columns], Sink], name: str = "sink") -> None:
        self._make_with_columns = make_sink
        self._maker_of_task = _MakerWithColumns(make_sink)
        super().__init__(self._maker_of_task, name)

    def _maker(self) -> Callable[[], Sink]:
        self._maker_of_task = _MakerWithColumns(self._make_with_columns)
        return self._maker_of_task

    def _take_record(self, fields: Record) -> Fields:
        self._maker_of_task.take_columns(columns_of(fields), self.name)
        return super()._take_record(fields)


class _MakerWithColumns:
    """Makes the sink of one task, when it is known what is written to it."""

    def __init__(self, make_sink: Callable[[Columns], Sink]) -> None:
        self._make_sink = make_sink
        self._columns: Columns | None = None

    def take_columns(self, columns: Columns, name: str) -> None:
        """Say which columns will come.

        Raises:
            BuildError: others were said to come.
        """
        if self._columns is not None and [*self._columns] != [*columns]:
            msg = f"sink {name!r} gets records of {[*self._columns]}, and cannot get one of {[*columns]} too"
            raise BuildError(msg)
        self._columns = columns

    def __call__(self) -> Sink:
        return self._make_sink(self._columns or {})


def columns_of(record: Record) -> Columns:
    """The columns of a record, or of a list of blobs; a record that is a column alone is called `value`."""
    if isinstance(record, Field):
        return {name or "value": dtype for name, dtype in zip(record.field_names(), record.field_types(), strict=True)}
    return {f"field_{place}": UNTYPED for place in range(len(record))}


class CallbackWriter(ColumnsWriter):
    """Calls a function with each record: a dict of arrays, by field name; fields declared as `str` hold text.

    It is called by one instance at a time, and cannot write into the arrays::

        losses = []
        writer = CallbackWriter(lambda record: losses.append(record["loss"].mean()))

    Args:
        function: called with each record. It fails by raising, and its error ends the run.
        on_commit: called without arguments after the last record, if nothing failed.
        on_abort: called without arguments if something failed.
        name: what messages call it.

    Raises:
        BuildTypeError: one of them cannot be called.
    """

    def __init__(
        self,
        function: Callable[[dict[str, Any]], object],
        *,
        on_commit: Callable[[], object] | None = None,
        on_abort: Callable[[], object] | None = None,
        name: str = "callback",
    ) -> None:
        for given in (function, on_commit or function, on_abort or function):
            if not callable(given):
                msg = f"expected a function, got {given!r:.80}"
                raise BuildTypeError(msg)
        super().__init__(_MakeCallbackSink(function, on_commit, on_abort), name)


class _MakeCallbackSink:
    def __init__(self, *functions: Any) -> None:
        self._functions = functions

    def __call__(self, columns: Columns) -> Sink:
        return CallbackSink(columns, *self._functions)


class CallbackSink:
    """A sink that calls functions.

    Args:
        columns: the columns.
        function: called with each batch, as a dict.
        on_commit: called at the end.
        on_abort: called after a failure.
    """

    def __init__(
        self,
        columns: Columns,
        function: Callable[[dict[str, Any]], object],
        on_commit: Callable[[], object] | None,
        on_abort: Callable[[], object] | None,
    ) -> None:
        self._columns = columns
        self._function = function
        self._on_commit = on_commit
        self._on_abort = on_abort

    def open(self) -> None:
        """There is nothing to open."""

    def write(self, columns: Sequence[Array]) -> None:
        """Call the function."""
        named = zip(self._columns.items(), columns, strict=True)
        self._function({name: leaf_array(column, TEXT) if dtype == TEXT else column for (name, dtype), column in named})

    def commit(self) -> None:
        """Call the function for that."""
        if self._on_commit is not None:
            self._on_commit()

    def abort(self) -> None:
        """Call the function for that."""
        if self._on_abort is not None:
            self._on_abort()
