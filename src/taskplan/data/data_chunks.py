"""Chunks of rows on their way from those who fetch them to those who make batches of them."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Sequence

import numpy as np

from taskplan.errors import DtypeError, RunError, ShapeError
from taskplan.operators.operands import dtype_name, settled
from taskplan.operators.python_handles import tensor_from_user
from taskplan.plan.types import Array

Chunk = tuple[Array, ...]
"""Arrays of the same rows, one for each blob."""

LAST_CALLS_S = 5.0
"""How long the other fetchers of a source that failed may take to end the calls that they are in."""


class Layout:
    """How the arrays of a source are to look.

    Args:
        source: its name, for messages.
        blobs: the name of the blob of each array.
        axes: the axis of each array along which its rows are.
        rebatched: whether batches are made of the chunks; else they are handed on as they are.
    """

    def __init__(self, source: str, blobs: Sequence[str], axes: Sequence[int], *, rebatched: bool) -> None:
        self.source = source
        self.blobs = tuple(blobs)
        self.axes = tuple(axes)
        self.rebatched = rebatched

    def taken(self, given: object) -> Chunk:
        """A copy of what a function returned, so that it may use its arrays again.

        Raises:
            RunError: it is not one array for each blob.
            DtypeError, ShapeError: an array cannot be a tensor, or has other rows than the first.
        """
        if not isinstance(given, list | tuple) or len(given) != len(self.blobs):
            got = f"{len(given)} of them" if isinstance(given, list | tuple) else repr(given)[:80]
            msg = f"{self}: fetch_fun must return a list of {len(self.blobs)} arrays, one for each blob, got {got}"
            raise RunError(msg)
        for blob, array in zip(self.blobs, given, strict=True):
            if not isinstance(array, np.ndarray):
                msg = f"{self}: fetch_fun must return arrays, got {array!r:.80} for blob {blob!r}"
                raise RunError(msg)
        chunk = tuple([tensor_from_user(str(self), blob, each) for blob, each in zip(self.blobs, given, strict=True)])
        if not self.rebatched:
            return chunk
        self._require_rows(chunk)
        return chunk

    def _require_rows(self, chunk: Chunk) -> None:
        for blob, axis, array in zip(self.blobs, self.axes, chunk, strict=True):
            if array.ndim <= axis:
                msg = f"{self}: the array for blob {blob!r} has shape {array.shape}, and no axis {axis} for its rows"
                raise ShapeError(msg)
            if array.shape[axis] != self.rows(chunk):
                shapes = ", ".join(f"{name!r} {each.shape}" for name, each in zip(self.blobs, chunk, strict=True))
                along = f" along axes {self.axes}" if any(self.axes) else ""
                msg = f"{self}: the arrays of a chunk must have equally many rows{along}, got {shapes}"
                raise ShapeError(msg)

    def rows(self, chunk: Chunk) -> int:
        """How many rows a chunk has."""
        shape = chunk[0].shape
        return shape[self.axes[0]] if len(shape) > self.axes[0] else 1

    def require_like(self, first: Chunk, chunk: Chunk) -> None:
        """Raise DtypeError or ShapeError unless a chunk's rows can stand beside those of the first one."""
        for blob, axis, known, array in zip(self.blobs, self.axes, first, chunk, strict=True):
            if array.dtype != known.dtype:
                types = f"{dtype_name(known.dtype)} first, and now {dtype_name(array.dtype)}"
                msg = f"{self}: the arrays for blob {blob!r} must be of one dtype, got {types}"
                raise DtypeError(msg)
            if without(array.shape, axis) != without(known.shape, axis):
                shapes = f"{known.shape} first, and now {array.shape}"
                msg = f"{self}: the arrays for blob {blob!r} must be alike but for axis {axis}, got {shapes}"
                raise ShapeError(msg)

    def __str__(self) -> str:
        return f"data source {self.source!r}"


def without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """A shape less one of its axes."""
    return shape[:axis] + shape[axis + 1 :]


class Batches:
    """Makes batches of one size of chunks of any size; each row is copied once at most.

    Example:
        >>> batches = Batches(Layout("train", ["x"], [0], rebatched=True))
        >>> batches.add((np.arange(5),))
        >>> [batch.tolist() for batch in batches.take(3) or ()], batches.take(3), batches.rows
        ([[0, 1, 2]], None, 2)

    Args:
        layout: how the chunks look.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._chunks: deque[Chunk] = deque()
        self.rows = 0

    def add(self, chunk: Chunk) -> None:
        """Take the rows of a chunk, behind those that are there."""
        if self._layout.rows(chunk):
            self._chunks.append(chunk)
            self.rows += self._layout.rows(chunk)

    def take(self, size: int) -> Chunk | None:
        """The `size` rows that came first; None if there are fewer."""
        if not 0 < size <= self.rows:
            return None
        self.rows -= size
        pieces = []
        while size:
            chunk = self._chunks.popleft()
            rows = self._layout.rows(chunk)
            if rows > size:
                self._chunks.appendleft(self._part(chunk, size, rows))
                chunk, rows = self._part(chunk, 0, size), size
            size -= rows
            pieces.append(chunk)
        if len(pieces) == 1:
            return pieces[0]
        columns = zip(*pieces, strict=True)
        return tuple([np.concatenate(each, axis) for each, axis in zip(columns, self._layout.axes, strict=True)])

    def _part(self, chunk: Chunk, start: int, stop: int) -> Chunk:
        axes = self._layout.axes
        return tuple(
            [each[(slice(None),) * axis + (slice(start, stop),)] for each, axis in zip(chunk, axes, strict=True)]
        )


class ChunkBuffer:
    """The chunks of one source between its fetchers and its enqueuers.

    It ends in one of two ways. When it is *stopped* nothing more comes out. When its source *failed*, all comes out
    that was fetched, also by calls that had begun, unless these take more than `LAST_CALLS_S`; then comes the end.

    Args:
        layout: how the chunks look.
        capacity: how many chunks it holds before fetchers wait.

    Attributes:
        error: why its source failed, if it did.
        undelivered_rows: how many rows were fetched that no queue took.
        ending: is set when no more is to be fetched.
    """

    def __init__(self, layout: Layout, capacity: int) -> None:
        self.layout = layout
        self.ending = threading.Event()
        self.error: BaseException | None = None
        self.undelivered_rows = 0
        self._capacity = capacity
        self._chunks: deque[Chunk] = deque()
        self._first: Chunk | None = None
        self._fetchers = self._takers = 0
        self._stopped = False
        self._last_calls_until_s = math.inf
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._chunks)

    def open_for(self, fetchers: int) -> None:
        """There are so many more fetchers, and one more that takes chunks out."""
        with self._changed:
            self._fetchers += fetchers
            self._takers += 1

    def put(self, chunk: Chunk) -> bool:
        """Append a chunk; wait while the buffer is full. Says whether it will come out again.

        Raises:
            DtypeError, ShapeError: the chunk is not like the first one.
        """
        with self._changed:
            if self.layout.rebatched:
                self._first = chunk if self._first is None else self._first
                self.layout.require_like(self._first, chunk)
            self._changed.wait_for(lambda: self._stopped or len(self._chunks) < self._capacity)
            if self._stopped:
                self.undelivered_rows += self.layout.rows(chunk)
                return False
            self._chunks.append(chunk)
            self._changed.notify_all()
            return True

    def get(self) -> Chunk | None:
        """Take the oldest chunk; wait for one. None at the end."""
        with self._changed:
            while not self._stopped and not self._chunks:
                left_s = self._last_calls_until_s - time.monotonic()
                if self.error is not None and (not self._fetchers or left_s <= 0):
                    return None
                self._changed.wait(None if left_s == math.inf else left_s)
            if self._stopped:
                return None
            chunk = self._chunks.popleft()
            self._changed.notify_all()
            return chunk

    def fail(self, error: BaseException) -> None:
        """The source failed; only the first error counts, and none after the stop."""
        with self._changed:
            if self.error is None and not self._stopped:
                self.error = error
                self._last_calls_until_s = time.monotonic() + LAST_CALLS_S
                self.ending.set()
            self._changed.notify_all()

    def end_fetching(self) -> None:
        """One fetcher is done."""
        with self._changed:
            self._fetchers -= 1
            self._changed.notify_all()

    def end_taking(self, rows_left: int) -> None:
        """Whoever took chunks out is done and has so many rows left; when all are, nothing needs to be fetched."""
        with self._changed:
            self.undelivered_rows += rows_left
            self._takers -= 1
            if not self._takers:
                self._stop()

    def stop(self) -> None:
        """Let whoever waits go on, and give nothing more out."""
        with self._changed:
            self._stop()

    def _stop(self) -> None:
        self._stopped = True
        self.ending.set()
        self.undelivered_rows += sum(map(self.layout.rows, self._chunks))
        self._chunks.clear()
        self._changed.notify_all()


def as_values(chunk: Chunk) -> tuple[object, ...]:
    """The arrays of a chunk as the values of blobs."""
    return tuple(map(settled, chunk))
