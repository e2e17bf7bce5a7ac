"""CSV files as sources and sinks of records."""

from __future__ import annotations

import csv
import gzip
import io
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np

from taskplan.builder.column_types import TEXT, UNTYPED, data_type_for_dtype
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Fields, Record
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.sites import here
from taskplan.data.files.arrow import leaf_array, package
from taskplan.data.files.bad_rows import BadRow, BadRowsFile
from taskplan.data.files.csv_blocks import (
    Block,
    BlockConverter,
    BlockRefusedError,
    Row,
    RowText,
    inferred_types,
    names_in,
    opened_text,
)
from taskplan.data.files.filesystems import Path, Paths, expanded, path_text, telling_writes, unfinished
from taskplan.data.files.missing_values import Nulls, checked_fills
from taskplan.data.files.written_files import FileWriter, claim_file
from taskplan.data.record_types import refuse_lists, unknown_column, with_columns
from taskplan.data.sinks import Columns
from taskplan.data.sources import SourceReader
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.operators.sources import Batch
from taskplan.plan.types import Array, DType

NULL_VALUES = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
"""What stands for a missing value in a CSV file, if nothing else is said."""

_NO_FILE = ("error", "skip")
"""What `bad_rows` may be if it is no path."""

_ENDINGS = (".csv", ".csv.gz", ".csv.zip")


class CsvReader(SourceReader):
    """Reads CSV files, whole blocks at a time; several instances of a task read as many files at once.

    Files are UTF-8, may be compressed (`.gz`) or the only member of an archive (`.zip`), and quote fields with `"`,
    also over several lines. Blank lines are passed over::

        flights = CsvReader("flights.csv.zip", columns=["origin", "dep_delay"], bad_rows="bad_flights.csv")
        flights = CsvReader("flights.csv.zip", Struct(("origin", str), ("dep_delay", np.float32)), drop_nulls=True)

    Without a schema, types are inferred from the first block (1 MiB) of the first file: int64, float64, bool or str.
    Numbers that are missing there make a column of integers one of floats, unless nulls are filled or dropped. Dates
    and times stay text. What comes later and is not of that type makes a bad row.

    A row is bad if it has another number of fields than the header, a value is not of the type of its column, a value
    is missing where none can be, or a quote is never closed.

    Args:
        path: a file, a folder, a glob, a URL for fsspec, or a list of these; see `ParquetReader`.
        schema: the columns to read, found by name. The files are then looked at only when the task runs.
        batch_size: how many rows a batch has; the last one of a file may have fewer.
        delimiter: what stands between fields, one character.
        header: True if the first row of each file has the names of the columns; else the names.
        null_values: what stands for a missing value. In columns of text it is text like any other, unless
            `fill_nulls` names the column, or `drop_nulls` is set.
        fill_nulls: by column, what takes the place of nulls. Where nothing does, they are nan in columns of floats.
        drop_nulls: leave out rows with other nulls, and count them as skipped.
        columns: the columns to read, in this order; all, if not given.
        bad_rows: "error"; "skip", which counts them as skipped; or the path of a CSV file in which they are then to be
            found, as they stand in their file, with the columns line, reason and text. That file appears when all files
            were read to their end, also if no row was bad.
        name: what messages call it.

    Raises:
        OSError: there is no such file, or it cannot be read.
        BuildValueError: a file is damaged, a column is not there, or an argument is out of range. Also when the task
            runs, for a bad row: its attributes are `path`, `line` (from 1), `column` and `row`, as it stands there.
        BuildError: pyarrow is not installed: `pip install taskplan[arrow]`.
    """

    def __init__(
        self,
        path: Paths,
        schema: Struct | None = None,
        batch_size: int = 10_000,
        delimiter: str = ",",
        header: bool | Sequence[str] = True,
        null_values: Sequence[str] = NULL_VALUES,
        fill_nulls: Mapping[str, object] | None = None,
        drop_nulls: bool = False,
        columns: Sequence[str] | None = None,
        bad_rows: Path = "error",
        *,
        name: str = "csv",
    ) -> None:
        rest = (batch_size, delimiter, header, null_values, fill_nulls, drop_nulls)
        found = CsvSource(path, schema, *rest, columns, bad_rows).schema
        super().__init__(partial(CsvSource, path, found, *rest, None, bad_rows), found, name)
        self._bad_rows = None if bad_rows in _NO_FILE else path_text(bad_rows)
        self._made_at = here()

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """As that of a `SourceReader`.

        Raises:
            BuildValueError: something else in the group writes the file for bad rows; the message has both lines.
        """
        if self._bad_rows is not None:
            claim_file(self._bad_rows, self, self._made_at)
        super().setup_ex(init_net, finish_net)


class CsvSource:
    """CSV files, as a `Source`; see `CsvReader` for what it is given.

    Attributes:
        schema: what a record is.
    """

    def __init__(
        self,
        path: Paths,
        schema: Struct | None = None,
        batch_size: int = 10_000,
        delimiter: str = ",",
        header: bool | Sequence[str] = True,
        null_values: Sequence[str] = NULL_VALUES,
        fill_nulls: Mapping[str, object] | None = None,
        drop_nulls: bool = False,
        columns: Sequence[str] | None = None,
        bad_rows: Path = "error",
    ) -> None:
        package()
        _check_arguments(batch_size, delimiter, header, columns)
        self._path = path
        self._batch_size = batch_size
        self._delimiter = delimiter
        self._header = header
        self._null_values = tuple(null_values)
        if schema is None:
            self.schema = self._inferred_schema(columns, set(fill_nulls or ()), drop_nulls)
        else:
            self.schema = schema if columns is None else with_columns("the schema", schema, columns)
        _check_types(self.schema)
        self._nulls = Nulls(checked_fills(self.schema, fill_nulls), drop_nulls)
        self._is_strict = bad_rows == "error"
        self._bad_rows_file = None if bad_rows in _NO_FILE else BadRowsFile(_bad_rows_path(bad_rows))
        self._skipped = 0
        self._counting = threading.Lock()  # parts are read by several threads

    @property
    def skipped(self) -> int:
        """How many rows were left out so far: bad ones, and those that `drop_nulls` is about."""
        return self._skipped

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        """A part for each file."""
        with self._counted_part():
            for path in expanded(self._path, _ENDINGS):
                if self._bad_rows_file is not None and self._bad_rows_file.is_at(path):
                    msg = f"{path!r} is read, and bad_rows would write it; put it into another folder"
                    raise BuildValueError(msg, path=path)
                yield partial(self._batches, path, self._counted_part())

    def _counted_part(self) -> AbstractContextManager[None]:
        return nullcontext() if self._bad_rows_file is None else self._bad_rows_file.part()

    def _batches(self, path: str, part: AbstractContextManager[None]) -> Iterator[Batch]:
        with part:
            yield from _rebatched(self._pieces(path), self._batch_size)

    def _pieces(self, path: str) -> Iterator[list[Array]]:
        """What the blocks of a file hold, each a list of columns."""
        with opened_text(path) as text:
            rows = RowText(text, self._delimiter)
            names = self._names(path, rows, self.schema.field_names())
            converter = BlockConverter(names, self._delimiter, self.schema, self._null_values, self._nulls)
            for block in rows.blocks():
                bad: list[BadRow] = []
                for piece, dropped in self._good_of(path, block, converter, bad):
                    self._count(dropped)
                    yield piece
                self._count(len(bad))
                if self._bad_rows_file is not None and bad:
                    self._bad_rows_file.add(path, sorted(bad))

    def _good_of(
        self, path: str, block: Block, converter: BlockConverter, bad: list[BadRow]
    ) -> Iterator[tuple[list[Array], int]]:
        """The good rows of a block, in pieces, each with how many rows were dropped of it; the others go to `bad`."""
        if block.fault:
            self._put_aside(path, Row(block.line, block.text), BlockRefusedError(block.fault), bad)
            return
        try:
            yield converter.columns(block.text)
            return
        except BlockRefusedError:
            pending = [self._without_suspects(path, block.rows(self._delimiter), converter, bad)]
        while pending:
            rows = pending.pop()
            if not rows:
                continue
            try:
                yield converter.columns(b"".join(row.text for row in rows))
            except BlockRefusedError as refused:
                if len(rows) == 1:
                    self._put_aside(path, rows[0], refused, bad)
                elif refused.rows == len(rows) and not self._is_strict:
                    bad += [(rows[place], refused.reason) for place in refused.missing]
                    pending.append(_without(rows, refused.missing))
                else:  # the first half comes first, so that the first bad row is the one that is told
                    pending += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]

    def _without_suspects(self, path: str, rows: list[Row], converter: BlockConverter, bad: list[BadRow]) -> list[Row]:
        """The rows without most of the bad ones, which go to `bad`; all, where the first bad one is to be told."""
        if self._is_strict:
            return rows
        found = []
        for place in converter.suspects(rows):
            try:
                converter.columns(rows[place].text)
            except BlockRefusedError as refused:
                self._put_aside(path, rows[place], refused, bad)
                found.append(place)
        return _without(rows, found)

    def _put_aside(self, path: str, row: Row, refused: BlockRefusedError, bad: list[BadRow]) -> None:
        if self._is_strict:
            advice = "bad_rows='skip' leaves such rows out, and a path for it collects them"
            msg = f"{path!r}, line {row.line}: {refused.reason}; {advice}"
            raise BuildValueError(msg, path=path, line=row.line, column=refused.column, row=row.text)
        bad.append((row, refused.reason))

    def _count(self, skipped: int) -> None:
        with self._counting:
            self._skipped += skipped

    def _names(self, path: str, rows: RowText, wanted: Sequence[str] | None) -> list[str]:
        """The names of all columns of a file, in which the wanted ones are once. Its header is read then."""
        try:
            names = names_in(rows.first_row(), self._delimiter) if self._header is True else list(self._header)  # type: ignore[arg-type] # checked
        except UnicodeDecodeError as error:
            msg = f"{path!r} is no text in UTF-8: {error}"
            raise BuildValueError(msg, path=path) from None
        if not names:
            msg = f"{path!r} is empty, and its first row should have the names of the columns"
            raise BuildValueError(msg, path=path)
        for name in names if wanted is None else wanted:
            if name not in names:
                raise unknown_column(repr(path), name, names)
            if names.count(name) > 1:
                msg = f"{path!r} has {names.count(name)} columns {name!r}; name others with columns=[...]"
                raise BuildValueError(msg, path=path, column=name)
        return names

    def _inferred_schema(self, columns: Sequence[str] | None, filled: Collection[str], drop: bool) -> Struct:
        """The columns of the first file, as its first block has them; all other files must have them too."""
        first, *others = expanded(self._path, _ENDINGS)
        with opened_text(first) as text:
            rows = RowText(text, self._delimiter)
            names = self._names(first, rows, columns)
            block = next(rows.blocks(), Block(1, b""))
        types = inferred_types(names, block.text, self._delimiter, self._null_values)
        chosen = names if columns is None else list(columns)
        for path in others:
            with opened_text(path) as text:
                self._names(path, RowText(text, self._delimiter), chosen)
        fields: list[tuple[str, object]] = []
        for name in chosen:
            dtype, is_missing = types[name]
            is_left_missing = is_missing and not drop and name not in filled
            fields.append((name, np.float64 if dtype is np.int64 and is_left_missing else dtype))
        try:
            return Struct(*fields)
        except BuildError as error:
            msg = f"{first!r}: {error}; name other columns with columns=[...], or all with header=[...] or schema"
            raise BuildValueError(msg, path=first) from None


def _check_arguments(batch_size: int, delimiter: str, header: object, columns: object) -> None:
    if batch_size < 1:
        msg = f"batch_size must be at least 1 row, got {batch_size!r}"
        raise BuildValueError(msg)
    check_delimiter(delimiter)
    if header is not True and (isinstance(header, str) or not isinstance(header, Sequence)):
        msg = f"header must be True, or a list with the names of the columns, got {header!r}"
        raise BuildTypeError(msg)
    if isinstance(columns, str):
        msg = f"columns must be a list of names, got {columns!r}"
        raise BuildTypeError(msg)


def check_delimiter(delimiter: str) -> None:
    """Refuse what cannot stand between fields.

    Raises:
        BuildValueError: it is not one ASCII character, or is one of a quote or the end of a line.
    """
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
        msg = f"delimiter must be one ASCII character, neither a quote nor the end of a line, got {delimiter!r}"
        raise BuildValueError(msg)


def _check_types(schema: Struct) -> None:
    """Refuse columns that no field of a CSV file holds."""
    refuse_lists(schema, "a CSV file has none")
    if not schema.field_names():
        msg = "expected at least one column to read"
        raise BuildValueError(msg)
    for name, dtype in zip(schema.field_names(), schema.field_types(), strict=True):
        if dtype.shape or dtype == UNTYPED:
            what = f"the inner shape {dtype.shape}" if dtype.shape else "no type"
            msg = f"column {name!r} has {what}, and a field of a CSV file is one number, bool or text"
            raise BuildValueError(msg, column=name)
        data_type_for_dtype(dtype)


def _bad_rows_path(bad_rows: object) -> str:
    path = path_text(bad_rows) if isinstance(bad_rows, str | os.PathLike) else ""
    if not path.endswith(".csv"):
        msg = f"bad_rows must be 'error', 'skip', or the path of a .csv file for them, got {bad_rows!r}"
        raise BuildValueError(msg)
    return path


def _without(rows: Sequence[Row], places: Collection[int]) -> list[Row]:
    left_out = set(places)
    return [row for place, row in enumerate(rows) if place not in left_out]


def _rebatched(pieces: Iterator[list[Array]], batch_size: int) -> Iterator[Batch]:
    """The same rows in batches of exactly `batch_size`, but for the last."""
    held: list[list[Array]] = []
    rows = 0
    for piece in pieces:
        held.append(piece)
        rows += len(piece[0])
        if rows < batch_size:
            continue
        whole = held[0] if len(held) == 1 else [np.concatenate(parts) for parts in zip(*held, strict=True)]
        for start in range(0, rows - batch_size + 1, batch_size):
            yield tuple(column[start : start + batch_size] for column in whole)
        held = [[column[rows - rows % batch_size :] for column in whole]]
        rows %= batch_size
    if rows:
        yield tuple(np.concatenate(parts) for parts in zip(*held, strict=True))


# Writing


class CsvWriter(FileWriter):
    """Writes records to a CSV file: UTF-8, text in quotes, nan as `nan`, bools as `true` and `false`.

    The file is there when the task has ended well, in the place of an older one; until then it has another name. If
    there are no records it has its header only. Fields of Structs have columns such as `cart:id`::

        pipe(rows, CsvWriter("delays.csv"))

    Args:
        path: the file, or a URL for fsspec; compressed if it ends with `.gz`.
        delimiter: what stands between fields, one character.
        header: whether the first row has the names of the columns.
        name: what messages call it.

    Raises:
        BuildValueError: the delimiter is none. Also when a record is written that has lists or inner shapes, and when
            something else in the group writes the file.
        BuildError: pyarrow is not installed: `pip install taskplan[arrow]`.
    """

    def __init__(self, path: Path, delimiter: str = ",", header: bool = True, *, name: str = "csv") -> None:
        CsvSink(path, {}, delimiter, header)
        super().__init__(path_text(path), partial(_sink_of, path, delimiter, header), name)

    def _take_record(self, fields: Record) -> Fields:
        if isinstance(fields, Field):
            refuse_lists(fields, "a CSV file has none")
            for name, dtype in zip(fields.field_names(), fields.field_types(), strict=True):
                if dtype.shape:
                    msg = f"column {name!r} has the inner shape {dtype.shape}, and a field of a CSV file is one value"
                    raise BuildValueError(msg, column=name)
        return super()._take_record(fields)


def _sink_of(path: Path, delimiter: str, header: bool, columns: Columns) -> CsvSink:
    return CsvSink(path, columns, delimiter, header)


class CsvSink:
    """A CSV file that is written, as a `Sink`; see `CsvWriter` for what it is given.

    Args:
        path: the file.
        columns: their names, in order, each with its type, which is void if it is not known.
        delimiter: what stands between fields.
        header: whether the first row has the names.
    """

    def __init__(self, path: Path, columns: Columns, delimiter: str = ",", header: bool = True) -> None:
        self._path = path_text(path)
        check_delimiter(delimiter)
        package()
        self._columns = columns
        self._delimiter = delimiter
        self._header = header
        self._unfinished = unfinished(self._path)
        self._file: Any = None
        self._types: list[DType] = []
        self._writer: Any = None

    def open(self) -> None:
        """Begin the file."""
        with telling_writes(self._path):
            file = self._unfinished.open()
            is_packed = self._path.endswith(".gz")
            self._file = gzip.GzipFile("", "wb", fileobj=file, mtime=0) if is_packed else file
            if self._header:
                row = io.StringIO()
                csv.writer(row, delimiter=self._delimiter, lineterminator="\n").writerow(self._columns)
                self._file.write(row.getvalue().encode())

    def write(self, columns: Sequence[Array]) -> None:
        """Add a batch, one array a column."""
        if len(columns) != len(self._columns):
            msg = f"{self._path!r} has the columns {list(self._columns)}, got a batch of {len(columns)}"
            raise BuildValueError(msg)
        if self._writer is None:
            self._types = [
                (TEXT if array.dtype.kind in "USO" else array.dtype) if dtype == UNTYPED else dtype
                for dtype, array in zip(self._columns.values(), columns, strict=True)
            ]
        named = zip(self._columns, self._types, columns, strict=True)
        arrays = [leaf_array(name, dtype, array) for name, dtype, array in named]
        table = package().table(arrays, names=list(self._columns))
        with telling_writes(self._path):
            if self._writer is None:
                options = package().csv.WriteOptions(include_header=False, delimiter=self._delimiter)
                self._writer = package().csv.CSVWriter(self._file, table.schema, write_options=options)
            self._writer.write_table(table)

    def commit(self) -> None:
        """Finish the file, and give it its name."""
        with telling_writes(self._path):
            if self._writer is not None:
                self._writer.close()
            if isinstance(self._file, gzip.GzipFile):
                self._file.close()
            self._unfinished.commit()

    def abort(self) -> None:
        """Remove what was written."""
        self._writer = self._file = None
        self._unfinished.abort()
