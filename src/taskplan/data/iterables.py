"""Readers of what Python iterates over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from taskplan.builder.fields import FIELD_SEPARATOR, Field, require_field
from taskplan.data.python_records import RecordColumns
from taskplan.data.sources import SourceReader
from taskplan.errors import BuildTypeError, BuildValueError, OperatorError
from taskplan.operators.sources import Batch

Records = Iterable[Any] | Callable[[], Iterable[Any]]
"""What yields records, or a function that returns it."""

_BATCH_SIZE = 1024


class IterableReader(SourceReader):
    """Reads the records that Python iterates over.

    A record is a tuple or list of values in the order of the schema; or a dict, a NamedTuple or an instance of a
    dataclass, which has them by name, and may have more. With a single column it may be the value alone. What is nested
    in the schema is nested in the record alike, or has names such as `origin:at`. Values are converted to the types of
    the schema, unless something would get lost::

        def batches():
            for path in paths:
                yield {"image": np.load(path), "label": labels_of(path)}

        reader = IterableReader(batches, Struct(("image", Scalar((np.float32, 64))), ("label", np.int64)))
        IterableReader([(1, "a"), (2, "b")], Struct(("n", np.int64), ("s", str)), rows=True, batch_size=100)

    A list is in a single row a list of its values, and for a Map a dict; where values are columns it is two of them,
    such as `prices:lengths` and `prices:values`. All instances of a task read from one iterator, in turns.

    Args:
        iterable: what yields records, or a function that returns it and is called in each run. What can be iterated
            over only once, as a generator can, is refused when it is to be read a second time.
        schema: what a record is.
        rows: each item is a single row; else the values of an item are columns of several rows, and it is one batch.
        batch_size: how many rows make a batch, for `rows=True`; 1024 if not given. The last batch may have fewer.
        name: what messages call it.

    Raises:
        BuildTypeError: it cannot be iterated over.
        BuildValueError: `batch_size` is given without `rows=True`, or less than 1; or rows are to have lists with
            evicted values.
    """

    def __init__(
        self,
        iterable: Records,
        schema: Field,
        *,
        rows: bool = False,
        batch_size: int | None = None,
        name: str = "iterable",
    ) -> None:
        require_field(schema)
        if not isinstance(iterable, Iterable) and not callable(iterable):
            msg = f"iterable must yield records, or be a function that returns what does; got {iterable!r:.80}"
            raise BuildTypeError(msg)
        if batch_size is not None and not rows:
            msg = f"batch_size={batch_size} is for rows=True; without it each item is a batch as it is"
            raise BuildValueError(msg)
        size = require_batch_size(_BATCH_SIZE if batch_size is None else batch_size)
        evicted = [name for name in schema.field_names() if name.split(FIELD_SEPARATOR)[-1] == "_evicted_values"]
        if rows and evicted:
            msg = f"single rows cannot have evicted values; make batches without rows=True for fields {evicted}"
            raise BuildValueError(msg)
        columns = RecordColumns(schema, f"source {name!r}")
        super().__init__(_Opening(iterable, columns, size if rows else None, name), schema, name)


def require_batch_size(batch_size: int) -> int:
    """Refuse a size below 1.

    Raises:
        BuildValueError: it is.
    """
    if batch_size < 1:
        msg = f"batch_size must be at least 1 row, got {batch_size}"
        raise BuildValueError(msg)
    return batch_size


class _Opening:
    """Makes a source for each run."""

    def __init__(self, iterable: Records, columns: RecordColumns, batch_size: int | None, name: str) -> None:
        self._iterable = iterable
        self._columns = columns
        self._batch_size = batch_size
        self._name = name
        self._used_up = False

    def __call__(self) -> IterableSource:
        iterable = self._iterable
        is_once_only = isinstance(iterable, Iterator)
        if is_once_only and self._used_up:
            text = f"source {self._name!r} is {iterable!r:.80}, which can be read only once, and was"
            msg = f"OpenSource: {text}; pass a function that makes it"
            raise OperatorError(msg, operator="OpenSource")
        self._used_up = True
        return IterableSource(iterable, self._columns, self._batch_size)


class IterableSource:
    """A source of one part: the records of an iterable.

    Args:
        iterable: what yields them, or a function that returns it.
        columns: makes columns of them.
        batch_size: how many rows make a batch; None if each item is one.
    """

    skipped = 0

    def __init__(self, iterable: Records, columns: RecordColumns, batch_size: int | None) -> None:
        self._iterable = iterable
        self._columns = columns
        self._batch_size = batch_size

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        """The only part."""
        yield self._batches

    def _batches(self) -> Iterator[Batch]:
        iterable = self._iterable
        items = iter(iterable if isinstance(iterable, Iterable) else iterable())
        try:
            yield from self._of_items(items) if self._batch_size is None else self._of_rows(items, self._batch_size)
        finally:
            # An iterator that was given, as an open file, is not ours to close.
            if items is not iterable and hasattr(items, "close"):
                items.close()

    def _of_items(self, items: Iterator[Any]) -> Iterator[Batch]:
        for number, item in enumerate(items):
            yield self._columns.of_batch(item, number)

    def _of_rows(self, items: Iterator[Any], batch_size: int) -> Iterator[Batch]:
        first = 0
        while rows := list(islice(items, batch_size)):
            yield self._columns.of_rows(rows, first)
            first += len(rows)
