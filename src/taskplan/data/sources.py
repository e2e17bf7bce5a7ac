"""Readers of sources: Python objects that yield batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.dataio import Fields, Reader
from taskplan.builder.fields import FIELD_SEPARATOR, Field
from taskplan.builder.held_functions import hold
from taskplan.builder.net import Net
from taskplan.builder.setup import SetupNets
from taskplan.builder.task import Task
from taskplan.builder.user_functions import Builder
from taskplan.data.checked_sources import checked
from taskplan.errors import BuildError, BuildTypeError
from taskplan.operators.sources import Source
from taskplan.plan import functions


class SourceReader(Reader):
    """Reads batches from a source, a Python object that is made anew for each run of each task that reads.

    A source iterates over its parts, and each part over its batches: tuples with an array for each column, with a row
    for each record. (A column of the elements of lists has all of them.) Several instances of a task read several parts
    at once; where there is but one part, they take turns. A single instance reads everything in order. The source is
    closed when the task ends, however it ends.

    Arrays of other types than the schema says are converted: integers where all of them fit, floats to fewer bits. Else
    the run fails, and names the field. Fields without a type have whatever comes::

        class Squares:
            skipped = 0

            def parts(self):
                yield lambda: ((np.arange(n) ** 2,) for n in (1, 2, 3))

        reader = SourceReader(Squares, Struct(("square", np.int64)))

    Args:
        make_source: returns a `Source`; called without arguments. Or `(builder, args, kwargs)`, which is pickled:
            `builder(*args, **kwargs)` then makes that function.
        schema: what a record is, a column for each array of a batch.
        name: what messages call the source.

    Raises:
        BuildTypeError: `make_source` is neither, or `schema` is none.
    """

    def __init__(self, make_source: Callable[[], Source] | Builder, schema: Field, name: str = "source") -> None:
        super().__init__(schema)
        require_maker(make_source, "make_source")
        self.name = name
        self._make_source = make_source
        self._handle: BlobReference | None = None

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Open the source in `init_net`, and close it in `finish_net`; after a failure it is closed too."""
        make = checked(self._make_source, self.schema(), self.name)
        self._handle = opened(init_net, "OpenSource", make, self.name)
        finish_net.CloseSource([self._handle], [])
        close_at_the_end(init_net, "CloseSource", self._handle)

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Add the operator that reads a batch from the source that was set up last.

        Raises:
            BuildError: none was set up.
        """
        names = self.schema().field_names()
        stop = "should_stop"
        while stop in names:
            stop += "_"
        blobs = [BlobReference(read_net.NextName(name or "value"), read_net) for name in (*names, stop)]
        read_net.ReadSource([self._opened()], blobs, **row_columns(names))
        return blobs[-1], blobs[:-1]

    def counts(self, net: Net) -> tuple[BlobReference, BlobReference, BlobReference]:
        """Add an operator that says how much was read of the source that was set up last; it may be closed by then.

        Returns:
            int64 blobs: the batches, the rows, and the records that the source left out.

        Raises:
            BuildError: none was set up.
        """
        blobs = [net.NextName(f"{self.name}_{what}") for what in ("batches", "rows", "skipped")]
        batches, rows, skipped = net.SourceCounts([self._opened()], [BlobReference(blob, net) for blob in blobs])
        return batches, rows, skipped

    def _opened(self) -> BlobReference:
        if self._handle is None:
            msg = f"source {self.name!r} is not set up; call setup_ex(init_net, finish_net) first, as `pipe` does"
            raise BuildError(msg)
        return self._handle

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def row_columns(fields: Sequence[str]) -> dict[str, Any]:
    """The argument that says which columns have a row for each record; none if all have, as where there are no lists.

    Example:
        >>> row_columns(["user", "carts:lengths", "carts:values"]), row_columns(["user", "price"])
        ({'row_columns': [0, 1]}, {})
    """
    lists = {field.rpartition(FIELD_SEPARATOR)[0] for field in fields if field.split(FIELD_SEPARATOR)[-1] == "lengths"}
    found = [place for place, field in enumerate(fields) if not _is_in_list(field, lists)]
    return {"row_columns": found} if len(found) < len(fields) else {}


def _is_in_list(field: str, lists: Collection[str]) -> bool:
    parts = field.split(FIELD_SEPARATOR)
    levels = range(len(parts))
    return any(FIELD_SEPARATOR.join(parts[:level]) in lists and parts[level] != "lengths" for level in levels)


def require_maker(made_by: object, argument: str) -> None:
    """Refuse what is neither a function nor `(builder, args, kwargs)`.

    Raises:
        BuildTypeError: it is neither.
    """
    is_builder = isinstance(made_by, tuple) and len(made_by) == 3 and callable(made_by[0])
    if not is_builder and not callable(made_by):
        msg = f"{argument} must be a function without arguments, or (builder, args, kwargs); got {made_by!r:.80}"
        raise BuildTypeError(msg)


def opened(net: Net, operator: str, make: Callable[[], Any] | Builder, name: str) -> BlobReference:
    """Add `OpenSource` or `OpenSink`, which call `make`; returns the blob of the handle, which the net has not yet."""
    handle = BlobReference(net.NextName(name), net)
    if isinstance(make, tuple):
        net._add_operator(operator, [], [handle], pickled_builder=functions.dumps_for_here(make))
    else:
        net._add_call(hold(make), operator, [], [handle])
    return handle


def close_at_the_end(init_net: Net, operator: str, handle: BlobReference) -> None:
    """Let the task of `init_net` call an operator on a handle at its very end, however it ends."""
    close = Net(operator)
    close._add_operator(operator, [handle], [])
    init_net.add_attribute(Task.TASK_SETUP, SetupNets(cleanup_nets=[close]))
