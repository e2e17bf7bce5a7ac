"""One reader read in all the ways in which pipelines read, and one writer written to likewise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from taskplan import (
    CallbackWriter,
    IterableReader,
    LocalSession,
    Reader,
    ReaderWithLimit,
    SimulatedSession,
    Struct,
    TaskGroup,
    Workspace,
    Writer,
    fresh_names,
    pipe,
)

Batch = dict[str, Any]
"""A record: arrays by field name."""

_INSTANCES = 4
_HANG_S = 60.0


class ReaderCheckError(AssertionError):
    """A reader does not do what pipelines rely on."""


class WriterCheckError(AssertionError):
    """A writer does not do what pipelines rely on."""


class _StopError(Exception):
    """What the consumers of checks raise."""


def check_reader(make: Callable[[], Reader]) -> list[Batch]:
    """Read with a reader as pipelines do, and check that each way gives the same records.

    It must have a schema, end, begin anew in each task and run, give each record to one of several instances, count
    right under a limit, and let a run end whose consumer fails.

    Args:
        make: makes the reader; called once for each program. It may give batches in any order to several instances.

    Returns:
        The records, as dicts of arrays, in the order in which one instance reads them; for assertions about them.

    Raises:
        ReaderCheckError: it does not; the message says in which way.
        TaskplanError: reading fails; so does whatever the reader's own code raises.

    Example:
        >>> from taskplan import CountUntil
        >>> [batch["iter"].tolist() for batch in check_reader(lambda: CountUntil(3))]
        [[0], [1], [2]]
    """
    expected = _read(make(), 1)
    kinds: list[type[LocalSession]] = [LocalSession, SimulatedSession]
    for kind in kinds:
        in_session = f"in a {kind.__name__}"
        _require_same(f"in another run, {in_session},", _read(make(), 1, session=kind), expected)
        _require_same(f"in the second of two runs of a group, {in_session},", _read_again(make(), kind), expected)
        among = _read(make(), _INSTANCES, session=kind)
        _require_same(f"in {_INSTANCES} instances, {in_session},", _sorted(among), _sorted(expected))
    for limit in sorted({0, 1, len(expected), len(expected) + 1}):
        _require_same(f"under a limit of {limit}", _read(ReaderWithLimit(make(), limit), 1), expected[:limit])
    for batches in _read_by_two_tasks(make()):
        _require_same("in one of two tasks with one reader", batches, expected)
    if expected:
        _require_ends_with_consumer(make())
    return expected


def check_writer(make: Callable[[], Writer], written: Callable[[], Sequence[int]], field: str = "n") -> None:
    """Write to a writer as pipelines do, and check what is there afterwards.

    It gets records of one field of int64. What several instances write must all be there when the run ends well. Of a
    run that fails, what was there before must be left, and nothing else.

    Args:
        make: makes the writer; called once for each program.
        written: the elements that are there now, wherever the writer puts them; those of the last run that ended well
            may have taken the place of older ones.
        field: the name of the field.

    Raises:
        WriterCheckError: it does not; the message says in which way.

    Example:
        >>> found, begun = [], []
        >>> def make():
        ...     begun.clear()
        ...     return CallbackWriter(
        ...         lambda record: begun.extend(record["n"].tolist()), on_commit=lambda: found.__iadd__(begun)
        ...     )
        >>> check_writer(make, lambda: found)
    """
    for instances in (1, _INSTANCES):
        before = list(written())
        _write(make(), _twenty, instances, field)
        after = list(written())
        fresh = after[len(before) :] if after[: len(before)] == before and len(after) > len(before) else after
        if sorted(fresh) != list(range(20)):
            msg = f"after {instances} instances wrote 0 to 19 there is {fresh!r}"
            raise WriterCheckError(msg)
        if instances == 1 and fresh != list(range(20)):
            msg = f"one instance wrote 0 to 19 in this order, and there is {fresh!r}"
            raise WriterCheckError(msg)
    before = list(written())
    try:
        _write(make(), _failing, 1, field)
    except _StopError:
        pass
    else:
        msg = "a run whose source fails has ended well"
        raise WriterCheckError(msg)
    if list(written()) != before:
        msg = f"before a run that failed there was {before!r}, and after it {list(written())!r}"
        raise WriterCheckError(msg)


def _twenty() -> Iterator[Any]:
    yield from np.arange(20).reshape(-1, 1)


def _failing() -> Iterator[Any]:
    yield from np.arange(7).reshape(-1, 1)
    raise _StopError("row 7")


def _write(writer: Writer, source: Callable[[], Iterator[Any]], instances: int, field: str) -> None:
    with fresh_names(), LocalSession(Workspace(), timeout_s=_HANG_S) as session:
        with TaskGroup() as group:
            pipe(IterableReader(source, Struct((field, np.int64))), writer, num_runtime_threads=instances)
        session.run(group)


def _kept(batches: list[Batch]) -> CallbackWriter:
    return CallbackWriter(lambda record: batches.append({name: np.array(value) for name, value in record.items()}))


def _read(reader: Reader, instances: int, session: type[LocalSession] = LocalSession) -> list[Batch]:
    batches: list[Batch] = []
    with fresh_names(), session(Workspace(), timeout_s=_HANG_S) as opened:
        with TaskGroup() as group:
            pipe(reader, _kept(batches), num_runtime_threads=instances)
        reader.schema()
        opened.run(group)
    return batches


def _read_again(reader: Reader, kind: type[LocalSession]) -> list[Batch]:
    batches: list[Batch] = []
    with fresh_names(), kind(Workspace(), timeout_s=_HANG_S) as session:
        with TaskGroup() as group:
            pipe(reader, _kept(batches))
        session.run(group)
        batches.clear()
        session.run(group)
    return batches


def _read_by_two_tasks(reader: Reader) -> tuple[list[Batch], list[Batch]]:
    one: list[Batch] = []
    other: list[Batch] = []
    with fresh_names(), LocalSession(Workspace(), timeout_s=_HANG_S) as session:
        with TaskGroup() as group:
            pipe(reader, _kept(one))
            pipe(reader, _kept(other))
        session.run(group)
    return one, other


def _require_ends_with_consumer(reader: Reader) -> None:
    def stop(record: Mapping[str, Any]) -> None:  # noqa: ARG001 - a callback's
        raise _StopError("the consumer stops")

    with fresh_names(), LocalSession(Workspace(), timeout_s=_HANG_S) as session:
        with TaskGroup() as group:
            pipe(pipe(reader, capacity=1), CallbackWriter(stop))
        try:
            session.run(group)
        except _StopError:
            return
    msg = "a run whose consumer fails has ended well"
    raise ReaderCheckError(msg)


def _sorted(batches: Sequence[Batch]) -> list[Batch]:
    return sorted(batches, key=lambda batch: [(name, value.tolist()) for name, value in batch.items()].__repr__())


def _require_same(when: str, found: Sequence[Batch], expected: Sequence[Batch]) -> None:
    if len(found) != len(expected):
        msg = f"the reader gave {len(found)} records {when} and {len(expected)} at first"
        raise ReaderCheckError(msg)
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        for name, wanted in other.items():
            if not _equal(one[name], wanted):
                msg = (
                    f"the reader gave {one[name]!r:.80} in field {name!r} of record {number} {when} not {wanted!r:.80}"
                )
                raise ReaderCheckError(msg)


def _equal(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
