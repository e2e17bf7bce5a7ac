"""Sources: objects of the user that yield batches, read by any number of steps at once.

A source has parts, files for instance, and a part is read by one step at a time. A step checks a part out, reads one
batch from it while nobody's lock is held, and checks it in again, so that what the user's code does takes as long as it
likes.
"""

from __future__ import annotations

import numbers
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from taskplan.errors import Cancelled, ShapeError
from taskplan.operators.inference import Inferred, TensorSpec, always, no_tensors
from taskplan.operators.operands import BOOL, I64, Tensor, argument_error, refuse
from taskplan.operators.python import build_function, function_of
from taskplan.operators.python_handles import tensor_handed_over
from taskplan.operators.registry import BLOCKS, MAKES, USER_CODE, operator
from taskplan.operators.run import OpRun, Unset
from taskplan.operators.waiting import NOT_YET, Acquires, Closes, NotYet, Reads, Releases, Shared
from taskplan.plan.types import Array

Batch = tuple[Array, ...]
"""One array a column, all of the same first size, which is at least 1. Strings are arrays of objects, bytes or str.

Columns of the elements of lists, in records that have some, have a size of their own.
"""

Part = Callable[[], Iterator[Batch]]
"""Opens a part of a source and iterates over its batches."""


@runtime_checkable
class Source(Protocol):
    """What batches are read from. It is made anew for each run."""

    def parts(self) -> Iterator[Part]:
        """The parts, in order. Several may be read at once, each by one step at a time."""

    @property
    def skipped(self) -> int:
        """How many records were left out so far, as bad rows are, in all parts."""


class _End:
    __slots__ = ()


_END: Final = _End()
_ADVANCE: Final = _End()
"""Answers whoever wants to read: it is your turn to ask the source for its next part."""
_FAILED: Final = _End()
"""Stands for the part that asking did not give."""


class Reading:
    """A part of a source that is read: opened for its first batch, and closed by whoever has it then."""

    __slots__ = ("_batches", "_part")

    def __init__(self, part: Part) -> None:
        self._part = part
        self._batches: Iterator[Batch] | None = None

    def next(self) -> object:
        """The next batch; `_END` if there is none."""
        if self._batches is None:
            self._batches = iter(self._part())
        return next(self._batches, _END)

    def close(self) -> None:
        """Let go of what it reads."""
        _close(self._batches)


def _close(iterator: object) -> None:
    close = getattr(iterator, "close", None)
    if callable(close):
        close()


class SourceHandle(Shared):
    """A source that was opened, and who reads what of it.

    Args:
        source: the user's object.
        parts: its parts.
        name: the blob that holds the handle, for messages.

    Attributes:
        batches: how many were read.
        rows: how many these had.
    """

    __slots__ = ("_advancing", "_closed", "_failed", "_free", "_out", "batches", "parts", "rows", "source")

    # Invariant: a reading is in `_free`, or in the hands of exactly one step, who will check it in or drop it; `_out`
    # counts the latter.

    def __init__(self, source: Source, parts: Iterator[Part], name: str = "") -> None:
        super().__init__(name)
        self.source = source
        self.parts: Iterator[Part] | None = parts
        self.batches = 0
        self.rows = 0
        self._free: deque[Reading] = deque()
        self._out = 0
        self._advancing = False
        self._failed = False
        self._closed = False

    def try_check_out(self) -> Reading | _End | NotYet | None:
        """An attempt: something to read, or `_ADVANCE`; None at the end, when no part is left and nobody reads.

        Where asking for a part has failed there is neither: the run is about to end.

        Raises:
            OperatorError: the source is closed.
        """
        if self._closed:
            raise refuse("ReadSource", f"source {self.name!r} is closed")
        if self._free:
            self._out += 1
            return self._free.popleft()
        if self._failed:
            return NOT_YET
        if self.parts is not None and not self._advancing:
            self._advancing = True
            return _ADVANCE
        return NOT_YET if self._out or self._advancing else None

    def advanced(self, part: Part | _End) -> Reading | None:
        """After `_ADVANCE`: here is the next part, or `_END`, or `_FAILED`. The caller has the part checked out."""
        self._advancing = False
        self._failed = part is _FAILED
        if part is _END:
            self.parts = None
        if isinstance(part, _End):
            return None
        self._out += 1
        return Reading(part)

    def check_in(self, reading: Reading, rows: int) -> bool:
        """Give a reading back; false if the source was closed meanwhile, and the caller has to close the reading."""
        self._out -= 1
        self.batches += rows > 0
        self.rows += rows
        if not self._closed:
            self._free.append(reading)
        return not self._closed

    def drop(self) -> None:
        """A reading that was checked out is at its end."""
        self._out -= 1

    def counts(self) -> tuple[int, int]:
        """How many batches and rows were read."""
        return self.batches, self.rows

    def close(self) -> list[Callable[[], None]]:
        """Refuse readers from now on; what to call then, to close what nobody reads now."""
        closing: list[Callable[[], None]] = [reading.close for reading in self._free]
        if not self._advancing and not self._closed:
            closing.append(partial(_close, self.parts))
        self._closed = True
        self._free.clear()
        self.parts = None
        return closing

    def describe(self) -> str:
        """One phrase about the source's state."""
        state = "closed" if self._closed else f"{self._out} of its parts read now"
        return f"source {self.name!r} ({state})"


@operator(
    "OpenSource",
    outputs=("source",),
    effects=(MAKES, USER_CODE),
    prepare=build_function,
    infer=no_tensors,
)
def open_source(*, token: str = "", pickled_builder: bytes = b"", run: OpRun) -> SourceHandle:
    """Call a function, without arguments, that returns a source, and open that.

    A source has ``parts()``, which iterates over functions, each of which iterates over the batches of one part; and
    ``skipped``, the number of records that were left out so far.

    Outputs:
        source: a source.
    Raises:
        OperatorError: the function is not known, or returned no source.
        Exception: whatever the function raises, as it is.
    Example:
        OpenSource(; token="f") -> source
    """
    source = run.user_call(function_of(run, token, pickled_builder))
    if not isinstance(source, Source):
        text = f"the function must return a source, which has parts() and skipped; it returned {source!r:.80}"
        raise refuse("OpenSource", text)
    return SourceHandle(source, run.user_call(lambda: iter(source.parts())), run.op.outputs[0])


def _stop_last(*_: object, outputs: int) -> Inferred:
    return (*(None,) * (outputs - 1), TensorSpec(BOOL))


@operator(
    "ReadSource",
    inputs=("source",),
    outputs=("columns+", "should_stop"),
    effects=(Acquires("source"), Releases("source"), BLOCKS, USER_CODE),
    infer=_stop_last,
    inexact="what the source yields",
)
def read_source(source: SourceHandle, *, row_columns: Sequence[int] = (), run: OpRun) -> tuple[object, ...]:
    """The next batch of a source; at the end a flag says so.

    One reader gets the batches in the order of the source. Several at once each read a part of their own, where there
    are so many. Batches without rows are passed over. What comes is copied, so the source may go on using it.
    ``row_columns`` are the numbers of the columns with a row for each record, which have equal sizes; all if not given.

    Inputs:
        source: a source.
    Outputs:
        columns: one for each array of a batch; at the end they keep what they hold.
        should_stop: bool of rank 0; true means "nothing read".
    Raises:
        OperatorError: a batch has another number of columns, or the source is closed.
        DtypeError: it has what no tensor can hold.
        ShapeError: its columns differ in their number of rows.
        Exception: whatever the source raises, as it is.
    Example:
        OpenSource(; token="f") -> source
        ReadSource(source) -> [1 2], F ()
    """
    width = len(run.op.outputs) - 1
    while (reading := _checked_out(source, run)) is not None:
        columns = _batch(source, reading, row_columns, run)
        if columns:
            return (*columns, np.False_)
    return (*map(run.previous, range(width)), np.True_)


def _checked_out(source: SourceHandle, run: OpRun) -> Reading | None:
    """Something to read; None at the end."""
    while True:
        found = run.wait(Acquires(source), source.try_check_out)
        if found is not _ADVANCE:
            return found  # type: ignore[no-any-return] # a Reading or None
        part: Any = _FAILED
        try:
            part = run.user_call(next, source.parts, _END)
        finally:
            reading = run.wait(Releases(source), partial(source.advanced, part))
        if reading is not None:
            return reading  # type: ignore[no-any-return] # a Reading


def _batch(source: SourceHandle, reading: Reading, row_columns: Sequence[int], run: OpRun) -> tuple[Array, ...]:
    """The columns of the next batch of a part that was checked out, which then is not any more; () if it has none."""
    try:
        batch = run.user_call(reading.next)
        columns = () if batch is _END else _columns(source, batch, run)
        what = f"a batch of source {source.name!r}"
        rows = rows_of("ReadSource", what, run.op.outputs, columns, row_columns) if columns else 0
    except BaseException:
        run.wait(Releases(source), source.drop)
        with suppress(Exception, Cancelled):  # the first failure is the one to tell
            run.user_call(reading.close)
        raise
    if batch is _END:
        run.wait(Releases(source), source.drop)
        run.user_call(reading.close)
    elif not run.wait(Releases(source), partial(source.check_in, reading, rows)):
        run.user_call(reading.close)
    return columns if rows else ()


def _columns(source: SourceHandle, batch: object, run: OpRun) -> tuple[Array, ...]:
    names = run.op.outputs[:-1]
    if not isinstance(batch, tuple | list):
        text = f"source {source.name!r} gave {batch!r:.80}, expected a tuple with an array for each column"
        raise refuse("ReadSource", text)
    if len(batch) != len(names):
        text = f"a batch of source {source.name!r} has {len(batch)} columns, expected {len(names)}"
        raise refuse("ReadSource", text)
    return tuple([tensor_handed_over("ReadSource", name, data) for name, data in zip(names, batch, strict=True)])


def rows_of(
    operator: str, what: str, names: Sequence[str], columns: Sequence[Tensor], row_columns: Sequence[int]
) -> int:
    """How many rows the columns of a batch have.

    Args:
        operator: who asks.
        what: what messages call the batch.
        names: the blobs of the columns, and maybe more.
        columns: the arrays, at least one.
        row_columns: the numbers of those that have a row for each record; all if there are none.

    Raises:
        ShapeError: one has no rows, as it is of rank 0, or those with a row for each record differ in their number.
        ArgumentError: there is no column of one of the numbers.
    """
    for name, column in zip(names, columns, strict=False):
        if column.ndim == 0:
            msg = f"{operator}: column {name!r} of {what} is of rank 0, expected a row for each record"
            raise ShapeError(msg, operator=operator)
    places = row_columns or range(len(columns))
    if not 0 <= min(places) <= max(places) < len(columns):
        raise argument_error(operator, "row_columns", f"is {[*places]}, and {what} has {len(columns)} columns")
    first = places[0]
    for place in places:
        if len(columns[place]) != len(columns[first]):
            sizes = f"{names[first]!r} has {len(columns[first])} rows and {names[place]!r} has {len(columns[place])}"
            msg = f"{operator}: {sizes} in {what}; the columns of a batch have as many each"
            raise ShapeError(msg, operator=operator)
    return len(columns[first])


@operator("CloseSource", inputs=("source",), effects=(Closes("source"), USER_CODE), infer=no_tensors)
def close_source(source: SourceHandle | Unset, *, run: OpRun) -> None:
    """Close what a source has open; readers are refused from now on. Closing again changes nothing.

    What is read at this moment is closed when that has ended. Nothing happens if the source could not be opened.

    Inputs:
        source: a source.
    Raises:
        Exception: what the source raises when it is closed, the first if there are several; all is closed before.
    Example:
        OpenSource(; token="f") -> source
        CloseSource(source)
    """
    if isinstance(source, Unset):
        return
    if not isinstance(source, SourceHandle):
        msg = f"expected a SourceHandle, got {source!r}"
        raise TypeError(msg)
    failures: list[Exception] = []
    for close in run.wait(Closes(source), source.close):
        try:
            run.user_call(close)
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0]


@operator(
    "SourceCounts",
    inputs=("source",),
    outputs=("batches", "rows", "skipped"),
    effects=(Reads("source"), USER_CODE),
    infer=always(*[TensorSpec(I64)] * 3),
)
def source_counts(source: SourceHandle, *, run: OpRun) -> tuple[np.int64, np.int64, np.int64]:
    """How much of a source was read so far. It may be closed.

    Inputs:
        source: a source.
    Outputs:
        batches: int64 of rank 0, the batches that were read.
        rows: int64 of rank 0, the rows of these.
        skipped: int64 of rank 0, the records that the source says it left out.
    Raises:
        OperatorError: what the source says is no number.
    Example:
        OpenSource(; token="f") -> source
        SourceCounts(source) -> 0 ():i64, 0 ():i64, 0 ():i64
    """
    batches, rows = run.wait(Reads(source), source.counts)
    skipped = run.user_call(lambda: source.source.skipped)
    if not isinstance(skipped, numbers.Integral):
        raise refuse("SourceCounts", f"skipped of source {source.name!r} is {skipped!r:.80}, expected a number")
    return np.int64(batches), np.int64(rows), np.int64(skipped)
