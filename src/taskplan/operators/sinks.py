"""Sinks: objects of the user that take batches, and make them visible all at once when there are no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np

from taskplan.errors import Cancelled
from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.operands import I64, refuse
from taskplan.operators.python import build_function, function_of
from taskplan.operators.python_handles import shown, tensors_for_user
from taskplan.operators.registry import BLOCKS, MAKES, USER_CODE, operator
from taskplan.operators.run import OpRun, Unset
from taskplan.operators.sources import rows_of
from taskplan.operators.waiting import NOT_YET, Acquires, Closes, NotYet, Reads, Releases, Shared
from taskplan.plan.types import Array


@runtime_checkable
class Sink(Protocol):
    """What batches are written to. It is made anew for each run, and used by one step at a time."""

    def open(self) -> None:
        """Begin, under a temporary name."""

    def write(self, columns: Sequence[Array]) -> None:
        """Take one batch: an array a column, all of the same first size, at least 1. They cannot be written into."""

    def commit(self) -> None:
        """Make what was written visible under its final name, in one step."""

    def abort(self) -> None:
        """Throw away what was written: after `open`, instead of `commit`. Nothing to throw away is no error."""


class SinkHandle(Shared):
    """A sink that was opened, and whether somebody uses it now.

    Args:
        sink: the user's object.
        name: the blob that holds the handle, for messages.

    Attributes:
        committed: what was written is visible.
        batches: how many were written.
        rows: how many these had.
    """

    __slots__ = ("_busy", "_closed", "_failed", "batches", "committed", "rows", "sink")

    def __init__(self, sink: Sink, name: str = "") -> None:
        super().__init__(name)
        self.sink = sink
        self.committed = False
        self.batches = 0
        self.rows = 0
        self._busy = False
        self._failed = False
        self._closed = False

    def try_begin(self, operator: str) -> bool | NotYet:
        """An attempt: have the sink for oneself. Where it has failed, that never comes to be: the run is about to end.

        Raises:
            OperatorError: it takes nothing more.
        """
        if self._closed or self.committed:
            raise refuse(operator, f"sink {self.name!r} is {'committed' if self.committed else 'closed'} already")
        if self._busy or self._failed:
            return NOT_YET
        self._busy = True
        return True

    def end(self, rows: int, failed: bool) -> bool:
        """Give the sink back, with so many rows more; true if it was closed meanwhile and the caller has to abort."""
        self._busy = False
        self._failed = failed
        self.batches += rows > 0
        self.rows += rows
        return self._closed and not self.committed

    def close(self) -> bool:
        """Refuse writers from now on; true if the caller has to abort, which else whoever uses it now does."""
        must_abort = not (self._closed or self.committed or self._busy)
        self._closed = True
        return must_abort

    def counts(self) -> tuple[int, int]:
        """How many batches and rows were written."""
        return self.batches, self.rows

    def describe(self) -> str:
        """One phrase about the sink's state."""
        used = "used now" if self._busy else "not used now"
        state = "committed" if self.committed else "closed" if self._closed else used
        return f"sink {self.name!r} ({state})"


_ALONE = (Acquires("sink"), Releases("sink"), BLOCKS, USER_CODE)


def _alone(operator: str, sink: SinkHandle, run: OpRun, work: Callable[[], None], rows: int = 0) -> None:
    """Call a method of the sink while nobody else does."""
    run.wait(Acquires(sink), partial(sink.try_begin, operator))
    failed = True
    try:
        run.user_call(work)
        failed = False
    finally:
        if run.wait(Releases(sink), partial(sink.end, 0 if failed else rows, failed)):
            _abort(sink.sink, run)


def _abort(sink: Sink, run: OpRun) -> None:
    """After a failure, which is the one to tell."""
    with suppress(Exception, Cancelled):
        run.user_call(sink.abort)


@operator("OpenSink", outputs=("sink",), effects=(MAKES, USER_CODE), prepare=build_function, infer=no_tensors)
def open_sink(*, token: str = "", pickled_builder: bytes = b"", run: OpRun) -> SinkHandle:
    """Call a function, without arguments, that returns a sink, and open that.

    A sink has ``open()``, ``write(columns)``, ``commit()`` and ``abort()``.

    Outputs:
        sink: a sink.
    Raises:
        OperatorError: the function is not known, or returned no sink.
        Exception: whatever the function or the sink raises, as it is.
    Example:
        OpenSink(; token="f") -> sink
    """
    sink = run.user_call(function_of(run, token, pickled_builder))
    if not isinstance(sink, Sink):
        text = f"the function must return a sink, which has open, write, commit and abort; it returned {sink!r:.80}"
        raise refuse("OpenSink", text)
    try:
        run.user_call(sink.open)
    except BaseException:
        _abort(sink, run)
        raise
    return SinkHandle(sink, run.op.outputs[0])


@operator("WriteSink", inputs=("sink", "columns+"), effects=_ALONE, infer=no_tensors)
def write_sink(sink: SinkHandle, *columns: object, row_columns: Sequence[int] = (), run: OpRun) -> None:
    """Give a batch to a sink, which nobody else uses meanwhile. A batch without rows is passed over.

    The sink gets arrays that cannot be written into. ``row_columns`` are the numbers of the columns with a row for each
    record, which have equal sizes; all if not given.

    Inputs:
        sink: a sink.
        columns: tensors, with a row for each record; or all of rank 0, which make one row.
    Raises:
        OperatorError: a column is no tensor, or the sink is committed or closed.
        ShapeError: they differ in their number of rows.
        Exception: whatever the sink raises, as it is.
    Example:
        OpenSink(; token="f") -> sink
        WriteSink(sink, [1 2])
    """
    names = run.op.inputs[1:]
    arrays = [shown(tensor) for tensor in tensors_for_user("WriteSink", names, columns)]
    if all(array.ndim == 0 for array in arrays):
        arrays = [array.reshape(1) for array in arrays]
    rows = rows_of("WriteSink", f"a batch for sink {sink.name!r}", names, arrays, row_columns)
    if rows:
        _alone("WriteSink", sink, run, partial(sink.sink.write, arrays), rows)


@operator("CommitSink", inputs=("sink",), effects=_ALONE, infer=no_tensors)
def commit_sink(sink: SinkHandle, *, run: OpRun) -> None:
    """Make what was written to a sink visible. It takes nothing more.

    Inputs:
        sink: a sink.
    Raises:
        OperatorError: the sink is committed or closed.
        Exception: whatever the sink raises, as it is; then it is not committed.
    Example:
        OpenSink(; token="f") -> sink
        WriteSink(sink, [1 2])
        CommitSink(sink)
    """

    def commit() -> None:
        sink.sink.commit()
        sink.committed = True  # here, since a run that ends meanwhile goes no further than the end of this function

    _alone("CommitSink", sink, run, commit)


@operator("CloseSink", inputs=("sink",), effects=(Closes("sink"), USER_CODE), infer=no_tensors)
def close_sink(sink: SinkHandle | Unset, *, run: OpRun) -> None:
    """Throw away what was written to a sink, unless it is committed. Closing again changes nothing.

    If the sink is used at this moment that happens when that has ended. Nothing happens if it could not be opened.

    Inputs:
        sink: a sink.
    Raises:
        Exception: whatever the sink raises, as it is.
    Example:
        OpenSink(; token="f") -> sink
        WriteSink(sink, [1 2])
        CloseSink(sink)
    """
    if isinstance(sink, Unset):
        return
    if not isinstance(sink, SinkHandle):
        msg = f"expected a SinkHandle, got {sink!r}"
        raise TypeError(msg)
    if run.wait(Closes(sink), sink.close):
        run.user_call(sink.sink.abort)


@operator(
    "SinkCounts",
    inputs=("sink",),
    outputs=("batches", "rows"),
    effects=(Reads("sink"),),
    infer=always(TensorSpec(I64), TensorSpec(I64)),
)
def sink_counts(sink: SinkHandle, *, run: OpRun) -> tuple[np.int64, np.int64]:
    """How much was written to a sink so far. It may be committed, or closed.

    Inputs:
        sink: a sink.
    Outputs:
        batches: int64 of rank 0, the batches that were written.
        rows: int64 of rank 0, the rows of these.
    Example:
        OpenSink(; token="f") -> sink
        WriteSink(sink, [1 2])
        SinkCounts(sink) -> 1 ():i64, 2 ():i64
    """
    batches, rows = run.wait(Reads(sink), sink.counts)
    return np.int64(batches), np.int64(rows)
