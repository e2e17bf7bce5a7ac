"""Sources whose columns are compared with the schema, and converted to its types, before a net gets them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

from taskplan.builder.fields import Field
from taskplan.builder.user_functions import Builder
from taskplan.data.python_records import RecordColumns
from taskplan.operators.sources import Batch, Part, Source

T = TypeVar("T")
R = TypeVar("R")


def checked(make_source: Callable[[], Source] | Builder, schema: Field, name: str) -> Callable[[], Source] | Builder:
    """What makes the same source, with columns of the types that a schema says, or an error that says which is not.

    Args:
        make_source: makes the source; see `SourceReader`.
        schema: what its records are.
        name: what messages call the source.
    """
    columns = RecordColumns(schema, f"source {name!r}")
    if isinstance(make_source, tuple):
        return _MakeChecked.of_builder, (make_source, columns), {}
    return _MakeChecked(make_source, columns)


class _MakeChecked:
    """Makes the source of one run."""

    def __init__(self, make_source: Callable[[], Source], columns: RecordColumns) -> None:
        self._make_source = make_source
        self._columns = columns
        self.__name__ = getattr(make_source, "__name__", type(make_source).__name__)  # in the names of tokens

    @classmethod
    def of_builder(cls, builder: Builder, columns: RecordColumns) -> _MakeChecked:
        """With what a builder makes."""
        build, args, kwargs = builder
        return cls(build(*args, **kwargs), columns)

    def __call__(self) -> Any:
        source = self._make_source()
        return _CheckedSource(source, self._columns) if isinstance(source, Source) else source


class _CheckedSource:
    """A source with the columns of another, in the types that they should have."""

    def __init__(self, source: Source, columns: RecordColumns) -> None:
        self._source = source
        self._columns = columns

    @property
    def skipped(self) -> int:
        """As the source says."""
        return self._source.skipped

    def parts(self) -> Iterator[Part]:
        """Those of the source."""
        return _Each(self._checked_part, self._source.parts())

    def _checked_part(self, part: Part) -> Part:
        return partial(self._batches, part)

    def _batches(self, part: Part) -> Iterator[Batch]:
        return _Each(self._columns.of_columns, part())


class _Each(Generic[T, R], Iterator[R]):
    """What a function makes of each of some elements; closed, it closes what they come from."""

    def __init__(self, function: Callable[[T], R], elements: Iterable[T]) -> None:
        self._function = function
        self._elements = iter(elements)

    def __next__(self) -> R:
        return self._function(next(self._elements))

    def close(self) -> None:
        """Close what the elements come from, if that can be."""
        close = getattr(self._elements, "close", None)
        if callable(close):
            close()
