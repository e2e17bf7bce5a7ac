"""Parquet files as sources and sinks of records."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from taskplan.builder.column_types import TEXT, UNTYPED
from taskplan.builder.columns import from_column_list
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Fields, Record
from taskplan.builder.fields import FIELD_SEPARATOR, Field
from taskplan.data.files.arrow import (
    Arrow,
    arrow_errors,
    arrow_from_schema,
    columns_of,
    package,
    schema_from_arrow,
    table_of,
)
from taskplan.data.files.filesystems import Path, Paths, expanded, open_input, path_text, telling_writes, unfinished
from taskplan.data.files.missing_values import MissingValueError, Nulls, checked_fills
from taskplan.data.files.written_files import FileWriter
from taskplan.data.record_types import unknown_column, with_columns, with_types_of
from taskplan.data.sinks import Columns
from taskplan.data.sources import SourceReader
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.operators.sources import Batch
from taskplan.plan.names import did_you_mean
from taskplan.plan.types import Array, DType

_ENDINGS = (".parquet", ".parq", ".pq")
_ROW_GROUP_ROWS = 1 << 17
_COMPRESSIONS = ("snappy", "gzip", "brotli", "zstd", "lz4", "none")


class ParquetReader(SourceReader):
    """Reads Parquet files: each batch is some rows of one row group.

    Several instances of a task read as many row groups at once. What a record is is read from the files when the reader
    is made, unless `schema` says it; the files themselves are looked for again whenever the task runs::

        flights = ParquetReader("flights/*.parquet", columns=["origin", "dep_delay"])
        pipe(flights, output, processor=mean_delay, num_runtime_threads=4)

    Types that no tensor has are refused, save those that are integers underneath: dates and times become int32 or int64
    in the unit of the file, and uint32 becomes int64. Text of a dictionary is text. See `taskplan.data.files.arrow`.

    Args:
        path: a file, a folder, a glob, a URL for fsspec, or a list of these. Of a folder all Parquet files are read, in
            folders inside of it too, in the order of their names; the names of folders are no columns.
        columns: the columns to read, in this order; all, if not given. Structs and lists are read as a whole.
        batch_size: how many rows a batch has at most; row groups are never joined in one.
        fill_nulls: by column, what takes the place of nulls. Where nothing does, they are nan in columns of floats.
        drop_nulls: leave out rows with other nulls, of floats too, and count them as skipped; else they are an error.
        schema: what a record is, if the files are not to be looked at now. Columns are converted to its types, where
            that is exact.
        name: what messages call it.

    Raises:
        OSError: there is no such file, or it cannot be read.
        BuildValueError: a file is damaged or no Parquet file, files differ in their columns, a column is not there, is
            there twice or has a type that no tensor has; or an argument is out of range.
        BuildError: pyarrow is not installed: `pip install taskplan[arrow]`.
    """

    def __init__(
        self,
        path: Paths,
        columns: Sequence[str] | None = None,
        batch_size: int = 10_000,
        fill_nulls: Mapping[str, object] | None = None,
        drop_nulls: bool = False,
        schema: Struct | None = None,
        *,
        name: str = "parquet",
    ) -> None:
        source = ParquetSource(path, columns, batch_size, fill_nulls, drop_nulls, schema)
        make = partial(ParquetSource, path, None, batch_size, fill_nulls, drop_nulls, source.schema)
        super().__init__(make, source.schema, name)


class ParquetSource:
    """The row groups of Parquet files, as a `Source`; see `ParquetReader` for what it is given.

    Attributes:
        schema: what a record is.
    """

    def __init__(
        self,
        path: Paths,
        columns: Sequence[str] | None = None,
        batch_size: int = 10_000,
        fill_nulls: Mapping[str, object] | None = None,
        drop_nulls: bool = False,
        schema: Struct | None = None,
    ) -> None:
        if batch_size < 1:
            msg = f"batch_size must be at least 1 row, got {batch_size!r}"
            raise BuildValueError(msg)
        if isinstance(columns, str):
            msg = f"columns must be a list of names, got {columns!r}"
            raise BuildTypeError(msg)
        package()
        self._path = path
        self._batch_size = batch_size
        if schema is not None and columns is not None:
            for column in columns:
                _require_column("the schema", column, list(schema.fields))
            schema = with_columns("the schema", schema, columns)
        self.schema = _common_schema(expanded(path, _ENDINGS), columns) if schema is None else schema
        self._types = [dtype.base for dtype in self.schema.field_types()]
        self._nulls = Nulls(checked_fills(self.schema, fill_nulls), drop_nulls)
        self._skipped = 0
        self._counting = threading.Lock()  # parts are read by several threads

    @property
    def skipped(self) -> int:
        """How many rows were left out so far, for the nulls in them."""
        return self._skipped

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        """A part for each row group, file by file."""
        for path in expanded(self._path, _ENDINGS):
            with _opened(path) as (file, size):
                columns = _columns_for(path, file, self.schema)
                known = file.metadata, size
            first = 0
            for group in range(file.metadata.num_row_groups):
                yield partial(self._batches, path, known, group, first, columns)
                first += file.metadata.row_group(group).num_rows

    def _batches(self, path: str, known: _Known, group: int, first: int, columns: list[str]) -> Iterator[Batch]:
        names = self.schema.field_names()
        with _opened(path, known) as (file, _):
            # On this thread: instances of a task read row groups at once, and threads of pyarrow would be in their way.
            batches = file.iter_batches(self._batch_size, row_groups=[group], columns=columns, use_threads=False)
            for batch in _telling(path, batches):
                try:
                    arrays, dropped = columns_of(batch, names, self._nulls)
                except MissingValueError as missing:
                    row = first + int(missing.rows[0])
                    msg = f"{path!r} has a null in column {missing.column!r}, row {row} (from 0); {missing.advice}"
                    raise BuildValueError(msg, path=path, column=missing.column, row=row) from None
                first += batch.num_rows
                if dropped:
                    with self._counting:
                        self._skipped += dropped
                if batch.num_rows > dropped:
                    yield tuple(self._converted(arrays))

    def _converted(self, arrays: list[Array]) -> Iterator[Array]:
        for wanted, array in zip(self._types, arrays, strict=True):
            yield array if wanted in (UNTYPED, TEXT, array.dtype) else array.astype(wanted)


# What the files are


_Known = tuple[Arrow, int]
"""The metadata of a file, and its size in bytes."""


@contextmanager
def _opened(path: str, known: _Known | None = None) -> Iterator[tuple[Arrow, int]]:
    """A pyarrow.ParquetFile, closed at the end, and its size; what is wrong with it is told in our words.

    Args:
        path: the file.
        known: what was read of it before, which is not read again.
    """
    with open_input(path) as file:
        size = file.seek(0, os.SEEK_END)
        if known is not None and size != known[1]:
            msg = f"{path!r} was changed while it was read: it had {known[1]} bytes, and has {size} now"
            raise BuildValueError(msg, path=path)
        try:
            opened = package().parquet.ParquetFile(file, metadata=None if known is None else known[0])
        except arrow_errors() as error:
            raise _damaged(path, error) from None
        yield opened, size


def _telling(path: str, batches: Iterable[Arrow]) -> Iterator[Arrow]:
    try:
        yield from batches
    except arrow_errors() as error:
        raise _damaged(path, error) from None


def _damaged(path: str, error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, f"cannot read: {error.strerror}", path)
    return BuildValueError(f"{path!r} is no Parquet file, or not a whole one: {error}".rstrip(" .\n"), path=path)


def _file_schema(path: str, file: Arrow, columns: Sequence[str] | None) -> Struct:
    """What a record of a file is, as far as these columns go."""
    found = file.schema_arrow
    names = list(found.names)
    for column in columns or ():
        _require_column(repr(path), column, names)
    for name in names if columns is None else columns:
        if names.count(name) > 1:
            msg = f"{path!r} has {names.count(name)} columns {name!r}; name others with columns=[...]"
            raise BuildValueError(msg, path=path, column=name)
    try:
        return schema_from_arrow([found.field(name) for name in (names if columns is None else columns)])
    except BuildError as error:
        raise type(error)(f"{path!r}: {error}", path=path) from None


def _require_column(where: str, column: str, names: Sequence[str]) -> None:
    """Refuse what is no whole column.

    Raises:
        BuildValueError: there is no such column, or it is a part of one.
    """
    if column in names:
        return
    whole = str(column).split(FIELD_SEPARATOR)[0]
    if whole in names:
        msg = (
            f"{where} has {column!r} within the column {whole!r}, and only whole columns can be chosen; name {whole!r}"
        )
        raise BuildValueError(msg, column=column)
    raise unknown_column(where, column, names)


def _common_schema(paths: Sequence[str], columns: Sequence[str] | None) -> Struct:
    """What a record of these files is.

    Raises:
        BuildValueError: they differ.
    """
    schemas = []
    for path in paths:
        with _opened(path) as (file, _):
            schemas.append(_file_schema(path, file, columns))
        if schemas[-1] != schemas[0]:
            msg = f"{path!r} has {_difference(schemas[-1], schemas[0])} in {paths[0]!r}; read the two apart"
            raise BuildValueError(msg, path=path)
    if not schemas[0].field_names():
        msg = f"{paths[0]!r} has no columns to read"
        raise BuildValueError(msg, path=paths[0])
    return schemas[0]


def _difference(schema: Field, first: Field) -> str:
    """A phrase for the first thing in which two schemas differ."""
    here, there = (dict(zip(each.field_names(), each.field_types(), strict=True)) for each in (schema, first))
    for name in (*here, *there):
        if here.get(name) != there.get(name):
            shown = [f"of {types[name]}" if name in types else "missing" for types in (here, there)]
            return f"column {name!r} {shown[0]}, and it is {shown[1]}"
    return f"the columns {list(here)}, and they are {list(there)}"


def _columns_for(path: str, file: Arrow, schema: Struct) -> list[str]:
    """The columns of a file that hold the leaves of `schema`.

    Raises:
        BuildValueError: one is missing, or of a type that the schema's does not hold exactly.
    """
    arrow_schema, wanted = file.schema_arrow, schema.field_names()
    roots = [name for name in arrow_schema.names if any(f"{leaf}:".startswith(f"{name}:") for leaf in wanted)]
    found = _file_schema(path, file, roots)
    types = dict(zip(found.field_names(), found.field_types(), strict=True))
    for name, leaf in zip(wanted, schema.all_scalars(), strict=True):
        if name not in types:
            raise unknown_column(repr(path), name, found.field_names() or arrow_schema.names)
        if not _holds(leaf.dtype, types[name]):
            msg = f"{path!r} has column {name!r} of {types[name]}, and the schema wants {leaf.dtype}"
            raise BuildValueError(msg, path=path, column=name)
    return roots


def _holds(wanted: DType, found: DType) -> bool:
    """Whether a column of `wanted` holds exactly what one of `found` does."""
    if wanted == UNTYPED:
        return True
    is_same_kind = (wanted.base == TEXT) == (found.base == TEXT)
    return is_same_kind and wanted.shape == found.shape and np.can_cast(found.base, wanted.base, "safe")


# Writing


class ParquetWriter(FileWriter):
    """Writes records to a Parquet file.

    The file is there when the task has ended well, in the place of an older one; until then it has another name. If
    there are no records it has no rows, but its columns all the same::

        pipe(rows, ParquetWriter("delays.parquet"))

    Args:
        path: the file, or a URL for fsspec.
        row_group_rows: how many rows a row group has; 131072 if not given. The last one may have fewer.
        compression: "snappy", "gzip", "brotli", "zstd", "lz4" or "none".
        schema: the types of the columns, where the records that are written do not say them. Untyped columns have the
            type of the first batch, and none (Arrow's `null`) if there is no batch.
        name: what messages call it.

    Raises:
        BuildValueError: the compression is not known, or `row_group_rows` less than 1. Also when something else in
            the group writes the file.
        BuildError: pyarrow is not installed: `pip install taskplan[arrow]`.
    """

    def __init__(
        self,
        path: Path,
        row_group_rows: int | None = None,
        compression: str = "snappy",
        schema: Struct | None = None,
        *,
        name: str = "parquet",
    ) -> None:
        if schema is not None:
            arrow_from_schema(schema)
        ParquetSink(path, schema or Struct(), row_group_rows, compression)
        self._declared = schema
        super().__init__(path_text(path), partial(_sink_of, path, schema, row_group_rows, compression), name)

    def _take_record(self, fields: Record) -> Fields:
        if self._declared is not None:
            names = fields.field_names() if isinstance(fields, Field) else fields
            wanted = self._declared.field_names()
            if len(names) != len(wanted) or (isinstance(fields, Field) and names != wanted):
                msg = f"sink {self.name!r} has the columns {wanted}, and cannot get a record of {list(map(str, names))}"
                raise BuildError(msg)
        return super()._take_record(fields)


def _sink_of(
    path: Path, schema: Struct | None, row_group_rows: int | None, compression: str, columns: Columns
) -> ParquetSink:
    found = from_column_list(list(columns), list(columns.values())) if schema is None else schema
    return ParquetSink(path, found, row_group_rows, compression)  # type: ignore[arg-type] # a lone list is refused before


class ParquetSink:
    """A Parquet file that is written, as a `Sink`; see `ParquetWriter` for what it is given.

    Args:
        path: the file.
        schema: its columns.
        row_group_rows: how many rows a row group has.
        compression: the name of a codec.
    """

    def __init__(
        self, path: Path, schema: Struct, row_group_rows: int | None = None, compression: str = "snappy"
    ) -> None:
        self._path = path_text(path)
        self._schema = schema
        self._rows = _ROW_GROUP_ROWS if row_group_rows is None else row_group_rows
        if self._rows < 1:
            msg = f"row_group_rows must be at least 1 row, got {row_group_rows!r}"
            raise BuildValueError(msg)
        if compression not in _COMPRESSIONS:
            near = did_you_mean(str(compression), _COMPRESSIONS)
            msg = f"compression {compression!r} is not known, expected one of {', '.join(_COMPRESSIONS)}{near}"
            raise BuildValueError(msg)
        package()
        self._compression = compression
        self._unfinished = unfinished(self._path)
        self._file: BinaryIO | None = None
        self._writer: Any = None
        self._waiting: list[Arrow] = []
        self._rows_waiting = 0

    def open(self) -> None:
        """Begin the file."""
        self._file = self._unfinished.open()

    def write(self, columns: Sequence[Array]) -> None:
        """Add a batch, one array for each leaf of the schema."""
        names = self._schema.field_names()
        if len(columns) != len(names):
            msg = f"{self._path!r} has the columns {names}, got a batch of {len(columns)}"
            raise BuildValueError(msg)
        if self._writer is None:
            self._schema = with_types_of(self._schema, columns)
        table = table_of(self._schema, columns)
        with telling_writes(self._path):
            self._begin()
            self._waiting.append(table)
            self._rows_waiting += table.num_rows
            if self._rows_waiting >= self._rows:
                self._flush(at_least=self._rows)

    def commit(self) -> None:
        """Finish the file, and give it its name."""
        with telling_writes(self._path):
            self._begin()
            self._flush(at_least=1)
            self._writer.close()
            self._unfinished.commit()

    def abort(self) -> None:
        """Remove what was written."""
        if self._writer is not None:
            self._writer.is_open = False  # else it writes the end of the file when it is collected
            self._writer = None
        self._waiting = []
        self._unfinished.abort()

    def _begin(self) -> None:
        if self._writer is None:
            schema = arrow_from_schema(self._schema, untyped_as_null=True)
            self._writer = package().parquet.ParquetWriter(self._file, schema, compression=self._compression)

    def _flush(self, at_least: int) -> None:
        """Write row groups while so many rows wait."""
        if self._rows_waiting < at_least:
            return
        table = package().concat_tables(self._waiting)
        start = 0
        while table.num_rows - start >= at_least:
            self._writer.write_table(table.slice(start, self._rows), row_group_size=self._rows)
            start += self._rows
        rest = table.slice(min(start, table.num_rows))
        self._waiting, self._rows_waiting = [rest], rest.num_rows
