"""The text of CSV files: opened, cut into blocks of whole rows, and converted block by block."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from taskplan.builder.column_types import TEXT
from taskplan.builder.containers import Struct
from taskplan.data.files.arrow import Arrow, columns_of, package
from taskplan.data.files.filesystems import open_input
from taskplan.data.files.missing_values import MissingValueError, Nulls
from taskplan.errors import BuildValueError
from taskplan.plan.types import Array

_BLOCK_BYTES = 1 << 20
_MOST_ROW_BYTES = 1 << 26
"""A quote that is open for longer than that is taken for one that is never closed."""

_EXACT_IN_DOUBLES = 1 << 53

_NEWLINE, _RETURN, _QUOTE = b'\n\r"'
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NEVER_CLOSED = "a quote is opened here and never closed"

Positions = npt.NDArray[np.intp]


@contextmanager
def opened_text(path: str) -> Iterator[IO[bytes]]:
    """The text of a file, decompressed if its name ends with `.gz` or `.zip`.

    Raises:
        OSError: it cannot be opened.
        BuildValueError: it is damaged, or an archive with another number of members than one.
    """
    try:
        with open_input(path) as file:
            if path.endswith(".gz"):
                with gzip.open(file) as text:
                    yield text  # type: ignore[misc] # it has what is needed of one
            elif path.endswith(".zip"):
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(path, archive)) as text:
                    yield text
            else:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        msg = f"{path!r} is no whole compressed file: {error}"
        raise BuildValueError(msg, path=path) from None


def _only_member(path: str, archive: zipfile.ZipFile) -> str:
    names = [each.filename for each in archive.infolist() if not each.is_dir()]
    shown = [name for name in names if not name.startswith("__MACOSX/")]
    if len(shown) != 1:
        msg = f"{path!r} has {len(shown)} members, {shown[:3]}, expected one; unpack it, and read the folder"
        raise BuildValueError(msg, path=path)
    return shown[0]


class Row(NamedTuple):
    """One row as it stands in its file, with the line in which it begins, from 1."""

    line: int
    text: bytes


class Block(NamedTuple):
    """Whole rows that follow one another.

    Attributes:
        line: the line in which the first row begins, from 1.
        text: the rows.
        fault: why the only row of this block is none; else empty.
    """

    line: int
    text: bytes
    fault: str = ""

    def rows(self, delimiter: str) -> list[Row]:
        """The rows one by one, without blank lines."""
        ends = [*_row_ends(self.text, delimiter).tolist(), len(self.text)]
        starts = [0, *ends[:-1]]
        lines = np.searchsorted(_line_ends(self.text), starts, side="right") + self.line
        found = [Row(*row) for row in zip(lines.tolist(), map(self._cut, starts, ends), strict=True)]
        return [row for row in found if row.text.strip(b"\r\n")]

    def _cut(self, start: int, end: int) -> bytes:
        return self.text[start:end]


class RowText:
    """Gives out the text of a file in blocks of whole rows.

    Args:
        text: the file.
        delimiter: what stands between fields.
    """

    def __init__(self, text: IO[bytes], delimiter: str) -> None:
        self._text = text
        self._delimiter = delimiter
        self._line = 1
        self._at_end = False
        self._rest = text.read(_BLOCK_BYTES).removeprefix(_BYTE_ORDER_MARK)

    def first_row(self) -> bytes:
        """The next row that is no blank line, which then is not in the blocks; b"" at the end."""
        while True:
            ends = _row_ends(self._rest, self._delimiter)
            if not len(ends) and not self._at_end:
                self._read_on()
                continue
            row = self._taken(int(ends[0]) if len(ends) else len(self._rest)).text
            if row.strip(b"\r\n") or not self._rest:
                return row

    def blocks(self) -> Iterator[Block]:
        """All rows that are left."""
        while self._rest or not self._at_end:
            end = _last_row_end(self._rest, self._delimiter)
            if end:
                yield self._taken(end)
            elif (self._at_end or len(self._rest) > _MOST_ROW_BYTES) and _is_quote_open(self._rest, self._delimiter):
                ends = _line_ends(self._rest)
                yield self._taken(int(ends[0]) if len(ends) else len(self._rest))._replace(fault=_NEVER_CLOSED)
            elif self._at_end:
                yield self._taken(len(self._rest))
            else:
                self._read_on()

    def _taken(self, size: int) -> Block:
        block = Block(self._line, self._rest[:size])
        self._rest = self._rest[size:]
        self._line += len(_line_ends(block.text)) if b"\r" in block.text else block.text.count(b"\n")
        return block

    def _read_on(self) -> None:
        # As much as there is already, so that a very long row is not copied too often.
        more = self._text.read(max(_BLOCK_BYTES, len(self._rest)))
        self._at_end = not more
        self._rest += more


def _line_ends(text: bytes) -> Positions:
    r"""The positions behind the ends of lines: `\n`, `\r\n`, and `\r` with something behind it."""
    characters = np.frombuffer(text, np.uint8)
    is_end = characters == _NEWLINE
    if b"\r" in text:
        is_end[:-1] |= (characters[:-1] == _RETURN) & (characters[1:] != _NEWLINE)
    return np.flatnonzero(is_end) + 1


def _row_ends(text: bytes, delimiter: str) -> Positions:
    """The positions behind the ends of lines that are in no quotes; `text` begins with a row."""
    ends = _line_ends(text)
    if b'"' in text:
        ends = ends[np.searchsorted(_quotes(text, delimiter), ends) % 2 == 0]
    return ends


def _last_row_end(text: bytes, delimiter: str) -> int:
    """The last of `_row_ends`, or 0."""
    if b'"' not in text and (newline := text.rfind(b"\n")) >= 0:
        return newline + 1
    ends = _row_ends(text, delimiter)
    return int(ends[-1]) if len(ends) else 0


def _is_quote_open(text: bytes, delimiter: str) -> bool:
    return len(_quotes(text, delimiter)) % 2 == 1


def _quotes(text: bytes, delimiter: str) -> Positions:
    """The positions of the quotes that open and close quoted fields, in turns.

    A quote opens one at the beginning of a field only. Within it a doubled quote stands for itself, which here is a
    quote that closes and one that opens at once. Elsewhere a quote is a character like any other.
    """
    characters = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(characters == _QUOTE)
    begins_field = np.isin(characters[quotes - 1], [ord(delimiter), _NEWLINE, _RETURN]) | (quotes == 0)
    is_doubled = np.diff(quotes, prepend=-2) == 1
    if (begins_field | is_doubled)[::2].all():
        return quotes
    found: list[int] = []
    doubled = -1
    for place, may_open in zip(quotes.tolist(), begins_field.tolist(), strict=True):
        if place == doubled or not (len(found) % 2 or may_open):
            continue
        if len(found) % 2 and text[place + 1 : place + 2] == b'"':
            doubled = place + 1
        else:
            found.append(place)
    return np.array(found, np.intp)


def names_in(row: bytes, delimiter: str) -> list[str]:
    """The names in a header.

    Raises:
        UnicodeDecodeError: it is no UTF-8.
    """
    return next(csv.reader(io.StringIO(row.decode(), newline=""), delimiter=delimiter), [])


# Conversion


class BlockRefusedError(Exception):
    """Some row of a block is bad.

    Args:
        reason: what is wrong with the first that was found.
        column: the column that this is about, if it is about one.
        rows: how many rows the block has, if that is known.
        missing: which of them have no value in that column, if that is what is wrong.
    """

    def __init__(self, reason: str, column: str = "", rows: int = 0, missing: Sequence[int] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column
        self.rows = rows
        self.missing = missing


class BlockConverter:
    """Converts blocks of rows to columns.

    Args:
        names: all columns of the file.
        delimiter: what stands between fields.
        schema: the columns that are wanted, by name.
        null_values: what stands for a missing value.
        nulls: what becomes of these.
    """

    def __init__(
        self, names: Sequence[str], delimiter: str, schema: Struct, null_values: Sequence[str], nulls: Nulls
    ) -> None:
        arrow = package()
        self._names = names
        self._wanted = schema.field_names()
        self._dtypes = dict(zip(self._wanted, schema.field_types(), strict=True))
        self._nulls = nulls
        self._null_values = arrow.array(null_values, arrow.string())
        self._types = {name: _arrow_type(dtype) for name, dtype in self._dtypes.items()}
        self._read = _read_options(names)
        self._parse = partial(arrow.csv.ParseOptions, delimiter=delimiter, newlines_in_values=True)
        self._convert = arrow.csv.ConvertOptions(
            column_types=self._types, include_columns=self._wanted, null_values=list(null_values)
        )
        self._leave = arrow.csv.ConvertOptions(
            column_types=dict.fromkeys(self._wanted, arrow.binary()), include_columns=self._wanted
        )

    def columns(self, text: bytes) -> tuple[list[Array], int]:
        """The columns of whole rows, and how many rows were left out for what is missing in them.

        Raises:
            BlockRefusedError: a row is bad.
        """
        arrow = package()
        try:
            table = self._table(text, self._parse(), self._convert)
        except arrow.ArrowInvalid as error:
            raise self._refused(str(error)) from None
        try:
            arrays, dropped = columns_of(self._with_text_nulls(table), self._wanted, self._nulls)
        except MissingValueError as missing:
            reason = f"column {missing.column!r} has no value; {missing.advice}"
            raise BlockRefusedError(reason, missing.column, table.num_rows, missing.rows.tolist()) from None
        typed = zip(arrays, self._dtypes.values(), strict=True)
        return [array if dtype == TEXT else array.astype(dtype, copy=False) for array, dtype in typed], dropped

    def suspects(self, rows: Sequence[Row]) -> list[int]:
        """Which rows may be bad: found faster than by converting each alone, and not quite by the same rules."""
        ragged: list[Any] = []

        def note(row: Any) -> str:
            ragged.append(row.number)
            return "skip"

        text = b"".join(row.text for row in rows)
        table = self._table(text, self._parse(invalid_row_handler=note), self._leave)
        if None in ragged or table.num_rows + len(ragged) != len(rows):
            return []
        whole = np.delete(np.arange(len(rows)), np.array(ragged, np.intp) - 1)
        found = {number - 1 for number in ragged}
        for name, column in zip(self._wanted, table.columns, strict=True):
            found.update(whole[self._unreadable(column.combine_chunks(), self._types[name])].tolist())
        return sorted(found)

    def _unreadable(self, texts: Arrow, wanted: Arrow) -> list[int]:
        """Which of these texts (binary) are none of the wanted type."""
        arrow = package()
        found = _refused_by(texts, lambda part: part.cast(arrow.string()))
        if wanted == arrow.string() or found:
            return found
        values = arrow.compute.utf8_trim(texts.cast(arrow.string()), " \t")
        is_null = arrow.compute.is_in(values, value_set=self._null_values)
        return _refused_by(arrow.compute.if_else(is_null, None, values), lambda part: part.cast(wanted))

    def _table(self, text: bytes, parse: Any, convert: Any) -> Arrow:
        arrow = package()
        return arrow.csv.read_csv(
            arrow.BufferReader(text), read_options=self._read, parse_options=parse, convert_options=convert
        )

    def _with_text_nulls(self, table: Arrow) -> Arrow:
        compute = package().compute
        for place, (name, dtype) in enumerate(self._dtypes.items()):
            if dtype == TEXT and (self._nulls.drop or name in self._nulls.fill):
                column = table.column(place)
                is_null = compute.is_in(column, value_set=self._null_values)
                table = table.set_column(place, name, compute.if_else(is_null, None, column))
        return table

    def _refused(self, message: str) -> BlockRefusedError:
        """What pyarrow says of a row, in our words."""
        if found := re.search(r"Expected (\d+) columns, got (\d+)", message):
            return BlockRefusedError(f"the row has {found[2]} fields, expected {found[1]}")
        found = re.search(r"In CSV column #(\d+): (?:Row #\d+: )?(.*)", message, re.DOTALL)
        if found is None:
            return BlockRefusedError(message)
        name = self._names[int(found[1])]
        if "UTF8" in found[2]:
            return BlockRefusedError(f"column {name!r} is no UTF-8", name)
        value = re.search(r"invalid value '(.*)'", found[2], re.DOTALL)
        expected = self._dtypes[name].name
        return BlockRefusedError(f"column {name!r} is {value[1] if value else found[2]!r}, expected {expected}", name)


def _refused_by(values: Arrow, cast: Callable[[Arrow], object]) -> list[int]:
    """The places of the values that cannot be cast."""
    found = []
    pending = [(0, len(values))]
    while pending:
        start, size = pending.pop()
        try:
            cast(values.slice(start, size))
        except package().ArrowInvalid:
            if size == 1:
                found.append(start)
            else:
                half = size // 2
                pending += [(start, half), (start + half, size - half)]
    return found


def _read_options(names: Sequence[str]) -> Any:
    # A block is converted as one; the rows of a block that has bad ones are counted.
    return package().csv.ReadOptions(column_names=list(names), use_threads=False, block_size=1 << 30)


def _arrow_type(dtype: np.dtype[Any]) -> Arrow:
    arrow = package()
    if dtype == TEXT:
        return arrow.string()
    return arrow.float64() if dtype == np.float16 else arrow.from_numpy_dtype(dtype)


def inferred_types(
    names: Sequence[str], text: bytes, delimiter: str, null_values: Sequence[str]
) -> Mapping[str, tuple[type, bool]]:
    """What the columns of a block seem to hold: int64, float64, bool or str; and whether something is missing there.

    Nothing counts as missing in a column of integers that doubles do not hold exactly. Rows with another number of
    fields than there are names do not count.
    """
    csv_module = package().csv
    try:
        table = csv_module.read_csv(
            package().BufferReader(text or b"\n"),
            read_options=_read_options(names),
            parse_options=csv_module.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=lambda _: "skip"
            ),
            convert_options=csv_module.ConvertOptions(null_values=list(null_values)),
        )
    except package().ArrowInvalid:
        return dict.fromkeys(names, (str, False))
    return {name: _inferred(column) for name, column in zip(names, table.columns, strict=True)}


def _inferred(column: Arrow) -> tuple[type, bool]:
    found = {"int64": np.int64, "double": np.float64, "bool": np.bool_}.get(str(column.type), str)
    if found is np.int64 and column.null_count:
        least, most = package().compute.min_max(column).as_py().values()
        return found, max(-least, most) < _EXACT_IN_DOUBLES
    return found, column.null_count > 0
