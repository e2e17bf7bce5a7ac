"""Rows of tab-separated text files."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from taskplan.operators.inference import no_tensors
from taskplan.operators.operands import F32, F64, I32, I64, Tensor, argument_error, refuse, string_tensor
from taskplan.operators.registry import IO, MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.text_rows import NoNumberError, end_of_rows, is_escaped, numbers, split_rows
from taskplan.operators.waiting import Changes, Shared
from taskplan.plan.types import DataType

_BLOCK_BYTES = 1 << 18


class _Stretch(NamedTuple):
    """Rows that follow each other in a file: the place of the first among those taken, and its number in the file."""

    begin: int
    row: int


def _row_number(place: int, stretches: Sequence[_Stretch]) -> int:
    """The number in the file, from 1 on, of the row at a place among those taken."""
    begin, row = next(each for each in reversed(stretches) if each.begin <= place)
    return row + place - begin


class TextReader(Shared):
    """Gives out the rows of a file, once or several times over, to any number of steps.

    The file is open as long as there is something to read in it. The rows before one that cannot be read are given out;
    it is an error of every read from then on.

    Args:
        path: the file.
        types: for each field of a row the `DataType` of strings, floats, doubles, or integers of 32 or 64 bits.
        passes: how often the file is read.
        name: the blob that holds the reader, for messages.
        strict: refuse fields that only begin with a number.

    Raises:
        OSError: the file cannot be opened.
    """

    __slots__ = (
        *("_at", "_fault", "_fields", "_file", "_first", "_is_fresh", "_passes_left", "_rest", "_row"),
        *("path", "strict", "types"),
    )

    def __init__(self, path: str, types: Sequence[int], passes: int, name: str = "", *, strict: bool = False) -> None:
        super().__init__(name)
        self.path = path
        self.types = tuple(types)
        self.strict = strict
        self._passes_left = passes
        self._is_fresh = True
        self._rest = b""
        self._row = 0
        self._fields: list[bytes] = []
        self._first = 0  # how many rows of the pass come before those of `_fields`
        self._at = 0
        self._fault = ""
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by the finalizer, or at the end
        weakref.finalize(self, self._file.close)

    def take(self, rows: int) -> list[Tensor]:
        """An attempt: a vector for each field of the next `rows` rows, of fewer at the end or before a bad row.

        Raises:
            OperatorError: the file cannot be read, a row has another number of fields, or a field is no number.
        """
        width = len(self.types)
        fields, stretches = self._take_fields(rows * width)
        columns: list[Tensor] = []
        good = len(fields) // width
        for place, number in enumerate(self.types):
            texts = fields[place::width][:good]
            try:
                columns.append(_column(texts, number, self.strict))
            except NoNumberError as error:
                text, good = error.args
                fault = f"field {place} of a row of {self.path!r} is {text!r}, expected {_WANTED[number]}"
                invalid = f"Invalid float in row {_row_number(good, stretches)}: " if number in _FLOATS else ""
                self._stop_at(f"{invalid}{fault}")
                columns.append(_column(texts[:good], number, self.strict))
        if self._fault and not good:
            raise refuse("TextFileReaderRead", self._fault)
        return [column[:good] for column in columns]

    def _take_fields(self, wanted: int) -> tuple[list[bytes], list[_Stretch]]:
        """The fields of the next rows, and the stretches of the file that these rows are."""
        taken: list[bytes] = []
        stretches: list[_Stretch] = []
        width = len(self.types)
        while len(taken) < wanted and self._has_more():
            stretches.append(_Stretch(len(taken) // width, self._first + self._at // width + 1))
            part = self._fields[self._at : self._at + wanted - len(taken)]
            self._at += len(part)
            taken += part
        return taken, stretches

    def _has_more(self) -> bool:
        if self._at == len(self._fields) and not self._fault:
            self._fields, self._at = self._next_fields(), 0
        return self._at < len(self._fields)

    def _stop_at(self, fault: str) -> None:
        """From now on there are no rows, but this fault."""
        self._fault = fault
        self._fields, self._at = [], 0

    def _next_fields(self) -> list[bytes]:
        """The fields of the rows that come next, up to one that cannot be read; none at the end."""
        try:
            text = self._next_rows()
        except OSError as error:
            self._fault = f"cannot read {self.path!r}: {error.strerror}"
            return []
        fields, separators = split_rows(text)
        width, rows = len(self.types), separators.count(b"\n")
        if separators != (b"\t" * (width - 1) + b"\n") * rows:
            tabs = [len(row) for row in separators.split(b"\n")]
            good = next(place for place, count in enumerate(tabs) if count != width - 1)
            where = f"row {self._row + good + 1} of {self.path!r}"
            self._fault = f"{where} has {tabs[good] + 1} fields, expected {width} with tabs between them"
            fields = fields[: good * width]
        self._first = self._row
        self._row += rows
        return fields

    def _next_rows(self) -> bytes:
        """The next rows, as many as a block has; b"" after the last pass."""
        while self._passes_left > 0:
            if self._is_fresh:
                self._row = 0
            # As much as there is already, so that a very long row is not copied too often.
            block = self._file.read(max(_BLOCK_BYTES, len(self._rest)))
            if not block:
                last = self._end_pass()
                if last or self._fault:
                    return last
                continue
            self._is_fresh = False
            text = self._rest + block
            end = end_of_rows(text)
            self._rest = text[end:]
            if end:
                return text[:end]
        return b""

    def _end_pass(self) -> bytes:
        """Go back to the beginning, if there is another pass; the last row, if it had no newline."""
        last = self._rest and self._rest + b"\n"
        if last and is_escaped(last, len(last) - 1):
            self._fault = f"{self.path!r} ends with a byte 0, behind which another has to stand"
            last = b""
        self._passes_left = 0 if self._is_fresh else self._passes_left - 1
        self._is_fresh = True
        self._rest = b""
        if self._passes_left:
            self._file.seek(0)
        else:
            self._file.close()
        return last

    def describe(self) -> str:
        """One phrase about the reader."""
        return f"text reader {self.name!r} of {self.path!r}"


_DTYPES = {DataType.FLOAT: F32, DataType.INT32: I32, DataType.INT64: I64, DataType.DOUBLE: F64}
_FLOATS = {each for each, dtype in _DTYPES.items() if dtype.kind == "f"}
_WANTED = {each: "a number" if each in _FLOATS else f"an {dtype.name}" for each, dtype in _DTYPES.items()}
_READABLE = {
    DataType.FLOAT: "FLOAT (1)",
    DataType.INT32: "INT32 (2)",
    DataType.STRING: "STRING (4)",
    DataType.INT64: "INT64 (10)",
    DataType.DOUBLE: "DOUBLE (13)",
}


def _column(texts: list[bytes], number: int, strict: bool) -> Tensor:
    dtype = _DTYPES.get(number)
    return string_tensor(texts, [len(texts)]) if dtype is None else numbers(texts, dtype, strict=strict)


def _check_file(*, filename: str, field_types: Sequence[int], **_: object) -> None:
    if not filename:
        raise argument_error("CreateTextFileReader", "filename", "must name a file")
    if not field_types or not _READABLE.keys() >= set(field_types):
        allowed = ", ".join(_READABLE.values())
        unsupported = ": Unsupported type." if field_types else ""  # Caffe2's words
        text = f"must have one of {allowed} for each field of a row, got {list(field_types)}{unsupported}"
        raise argument_error("CreateTextFileReader", "field_types", text)


@operator("CreateTextFileReader", outputs=("handler",), effects=(MAKES, IO), check=_check_file, infer=no_tensors)
def create_text_file_reader(
    *, filename: str = "", num_passes: int = 1, field_types: Sequence[int] = (), strict: bool = False, run: OpRun
) -> TextReader:
    """A reader at the beginning of a text file, which it gives out ``num_passes`` times.

    Rows end with a newline, fields stand between tabs. There are no quotes; the byte 0 makes a tab, a newline or a byte
    0 behind it a part of the field. ``filename`` is used as it is: a relative one begins in the working directory.

    ``field_types`` says for each field of a row whether it is FLOAT (1), INT32 (2), STRING (4), INT64 (10) or DOUBLE
    (13). A number is what a field begins with, as C reads it; with ``strict`` it is all of the field but blanks around.

    Outputs:
        handler: a text reader.
    Raises:
        OperatorError: the file cannot be opened.
    Example:
        CreateTextFileReader(; filename="t.txt", field_types=[4,1]) -> r
    """
    try:
        return TextReader(filename, field_types, num_passes, run.op.outputs[0], strict=strict)
    except OSError as error:
        raise refuse("CreateTextFileReader", f"cannot open {filename!r}: {error.strerror}") from None


def _check_batch_size(*, batch_size: int) -> None:
    if batch_size < 1:
        raise argument_error("TextFileReaderRead", "batch_size", f"must be at least 1, got {batch_size}")


@operator(
    "TextFileReaderRead",
    inputs=("handler",),
    outputs=("fields+",),
    effects=(Changes("handler"), IO),
    check=_check_batch_size,
    inexact="the types of the fields, and the number of rows",
)
def text_file_reader_read(reader: TextReader, *, batch_size: int = 1, run: OpRun) -> tuple[Tensor, ...]:
    """The next rows of a text file, a vector for each field. Rows of two passes may come together.

    An empty line is a row of one empty field. The last row may lack its newline. Rows that come before a bad one are
    given out first.

    Inputs:
        handler: a text reader.
    Outputs:
        fields: one for each field of a row, of its type, ``batch_size`` elements; fewer at the end, then none.
    Raises:
        OperatorError: a row has another number of fields, a field is no number, or the file cannot be read.
    Example:
        CreateTextFileReader(; filename="t.txt", field_types=[4,1]) -> r
        TextFileReaderRead(r; batch_size=2) -> ["a" "b"]:str, [1.5 2]
    """
    width = len(reader.types)
    if len(run.op.outputs) != width:
        raise refuse(
            "TextFileReaderRead", f"rows of {reader.path!r} have {width} fields, got {len(run.op.outputs)} outputs"
        )
    columns: list[Tensor] = run.wait(Changes(reader), partial(reader.take, batch_size))
    return tuple(columns)
