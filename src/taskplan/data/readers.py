"""Readers that count, and readers that limit, delay or join others.

They wrap any reader, and each other, in any order. A limit that stands behind a queue leaves what the queue has taken
from its writers by then; in front of it, it is exact about what is taken from the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from taskplan.builder.blobs import BlobReference
from taskplan.builder.columns import equal_schemas
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Fields, NotProvidedError, Reader, ReaderBuilder
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.data.ends import HasReader, has_reader, reader_of
from taskplan.data.latches import latch
from taskplan.data.wrapping import WrappingReader
from taskplan.errors import BuildError, BuildKeyError, BuildTypeError, BuildValueError
from taskplan.plan.types import DataType


class CounterReader(Reader):
    """Reads 0, 1, 2, ... in its only field `iter`, int64 of rank 0, and never ends; each task counts from 0.

    Several instances of a task share the count.
    """

    def __init__(self) -> None:
        super().__init__(Struct(("iter", np.int64)))
        self._counter: BlobReference | None = None

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:  # noqa: ARG002 - a reader's
        """Make the counter."""
        self._counter = init_net.CreateCounter([], init_net.NextName("counter"), init_count=0)

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Fields]:  # noqa: ARG002 - a reader's
        """One net, which counts; the stop blob is always false."""
        net = Net("limited_reader_counter")
        should_stop, fields = self.read(net)
        return [net], should_stop, fields

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Add the operators that count.

        Raises:
            BuildError: `setup_ex` was not called.
        """
        count = read_net.CountUp([_set_up(self._counter)], 1)
        return _never(read_net), [count]

    def reset(self, net: Net) -> None:
        """Count from 0 again."""
        net.ResetCounter([_set_up(self._counter)], [])


def CountUntil(num_iter: int) -> ReaderWithLimit:  # noqa: N802 - the task system's name
    """Reads 0 to `num_iter` - 1, once over all instances of a task."""
    return ReaderWithLimit(CounterReader(), num_iter)


class ReaderWithLimitBase(WrappingReader):
    """Reads from another reader until a condition holds; a subclass says which.

    Args:
        reader: what is read from; a queue, a channel or a dataset will do too.
    """

    def __init__(self, reader: Reader | HasReader) -> None:
        super().__init__(reader_of(reader))
        self.net = Net("reader_with_limit")
        self._data_finished = BlobReference(self.net.NextName("data_finished"), self.net)

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Set up the reader and the limit."""
        super().setup_ex(init_net, finish_net)
        init_net.ConstantFill([], [self._data_finished], shape=[], value=False, dtype=DataType.BOOL)
        self.setup_limiter(init_net, finish_net)

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Fields]:
        """The limit's net, and those of the reader with one after each that looks whether the reader has ended."""
        condition_net = Net("limited_reader_condition")
        should_stop = self.check_limiter_condition(condition_net)
        nets, ended, fields = self.reader.read_ex(local_init_net, local_finish_net)
        _not_yet(local_init_net, ended)
        post_net = Net("limited_reader_post")
        # The loop looks at one stop blob only. That of the limit has been looked at by now, and may be used again.
        post_net.Copy(ended, should_stop)
        latch(post_net, self._data_finished, ended)
        return [condition_net, *(each for net in nets for each in (net, post_net))], should_stop, fields

    def data_finished(self) -> BlobReference:
        """A bool blob: whether a read has met the end of the reader; in the task's workspace."""
        return self._data_finished

    def setup_limiter(self, init_net: Net, finish_net: Net) -> None:  # noqa: ARG002 - for subclasses
        """Add what the condition needs, once for each task."""
        msg = f"{type(self).__name__} has no setup_limiter(init_net, finish_net)"
        raise NotProvidedError(msg)

    def check_limiter_condition(self, net: Net) -> BlobReference:  # noqa: ARG002 - for subclasses
        """Add the operators of the condition; returns a bool blob that is true if nothing more is to be read."""
        msg = f"{type(self).__name__} has no check_limiter_condition(net)"
        raise NotProvidedError(msg)


class ReaderWithLimit(ReaderWithLimitBase):
    """Reads at most so many records from another reader, counted over all instances of a task.

    `data_finished()` is true if the reader had no more: with as many records as the limit it is false.

    Args:
        reader: what is read from.
        num_iter: how many records; None, or less than 0, for all.

    Raises:
        BuildTypeError: `num_iter` is no number.
        BuildValueError: it is no whole number.
    """

    def __init__(self, reader: Reader | HasReader, num_iter: int | None = 1) -> None:
        super().__init__(reader)
        number = None if num_iter is None else _whole(num_iter)
        self.num_iter = None if number is None or number < 0 else number
        self.counter: BlobReference | None = None

    def setup_limiter(self, init_net: Net, finish_net: Net) -> None:  # noqa: ARG002 - the base's
        """Make the counter."""
        if self.num_iter is not None:
            self.counter = init_net.CreateCounter([], init_net.NextName("counter"), init_count=self.num_iter)

    def check_limiter_condition(self, net: Net) -> BlobReference:
        """Count down."""
        if self.num_iter is None:
            return _never(net)
        done: BlobReference = net.CountDown([_set_up(self.counter)], 1)
        return done


class ReaderWithTimeLimit(ReaderWithLimitBase):
    """Reads from another reader for so long, from the setup of the task on.

    The time is looked at before each read. A read that has begun is not interrupted.

    Args:
        reader: what is read from.
        duration: in seconds; None, 0 or less for any time.
    """

    def __init__(self, reader: Reader | HasReader, duration: float | None = 0) -> None:
        super().__init__(reader)
        self.duration_ns = max(0, int((duration or 0) * 1e9))
        self._timer: BlobReference | None = None
        self._limit: BlobReference | None = None

    def setup_limiter(self, init_net: Net, finish_net: Net) -> None:
        """Start the timer."""
        if not self.duration_ns:
            return
        self._timer = init_net.TimerBegin([], init_net.NextName("timer"), counter_name="epoch_timer")
        self._limit = init_net.GivenTensorInt64Fill([], 1, shape=[], values=[self.duration_ns])
        finish_net.TimerEnd([_set_up(self._timer)], [])

    def check_limiter_condition(self, net: Net) -> BlobReference:
        """Compare the time."""
        if not self.duration_ns:
            return _never(net)
        passed = net.TimerGet([_set_up(self._timer)], 1)
        over: BlobReference = net.GE([passed, _set_up(self._limit)])
        return over


class ReaderWithDelay(WrappingReader):
    """Waits before each read from another reader, by the session's clock; for tests of slow sources.

    Args:
        reader: what is read from.
        delay: in seconds.
    """

    def __init__(self, reader: Reader | HasReader, delay: float) -> None:
        super().__init__(reader_of(reader))
        self.delay = delay

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Fields]:
        """A net that sleeps, and those of the reader."""
        net = Net("delay")
        net.Sleep([], [], seconds=float(self.delay))
        nets, should_stop, fields = self.reader.read_ex(local_init_net, local_finish_net)
        return [net, *nets], should_stop, fields

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Sleep, and read."""
        read_net.Sleep([], [], seconds=float(self.delay))
        return self.reader.read(read_net)


class CompositeReader(Reader):
    """Reads from several readers at once, and joins what they read to one record; ends when any of them does.

    The parts of a record belong together, however many instances of the task read. If a part ends when others have been
    read already, what they gave is no record: a log line says so, and it is counted as the statistic
    `<name of the net>/incomplete_records`.

    Example::

        CompositeReader(["images", "labels"], [images.reader(), labels.reader()])    # images:..., labels:...

    Args:
        names: of the parts in the record.
        readers: as many, all with schemas.

    Raises:
        BuildError: there is not one name for each reader, or a reader has no schema.
    """

    def __init__(self, names: Sequence[str], readers: Sequence[Reader | HasReader]) -> None:
        if len(names) != len(readers) or not names:
            msg = f"a composite reader needs a name for each of its readers, got {list(names)!r} for {len(readers)}"
            raise BuildError(msg)
        self.names = list(names)
        self.readers = [reader_of(reader) for reader in readers]
        super().__init__(Struct(*((name, reader.schema()) for name, reader in zip(names, self.readers, strict=True))))
        self._line: BlobReference | None = None
        self._ended: BlobReference | None = None

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Set up all parts, and what keeps instances apart while they read."""
        for reader in self.readers:
            reader.setup_ex(init_net, finish_net)
        self._line = init_net.CreateLine([], init_net.NextName("line"))
        self._ended = BlobReference(init_net.NextName("ended"), init_net)
        init_net.ConstantFill([], [self._ended], shape=[], value=False, dtype=DataType.BOOL)

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Fields]:
        """A net that waits until no other instance reads, those of the parts in order, and one that lets others read.

        Raises:
            BuildError: `setup_ex` was not called.
        """
        line, one_ended = _set_up(self._line), _set_up(self._ended)
        enter_net, leave_net = Net("composite_enter"), Net("composite_leave")
        number = local_init_net.GivenTensorInt64Fill([], 1, shape=[], values=[-1])
        enter_net.EnterLine([line], [number])
        leave_net.LeaveLine([line, number], [])
        local_finish_net.LeaveLine([line, number], [])
        # If another instance has met the end, this one ends before it takes anything.
        should_stop = enter_net.Copy(one_ended)
        nets, fields = [enter_net], []
        for index, (name, reader) in enumerate(zip(self.names, self.readers, strict=True)):
            part_nets, ended, record = reader.read_record_ex(local_init_net, local_finish_net)
            fields += record.field_blobs()
            _not_yet(local_init_net, ended)
            stop_net = Net(f"{name}_stop")
            stop_net.Copy(ended, should_stop)
            latch(stop_net, one_ended, ended)
            if index:
                names = ", ".join(map(repr, self.names[:index]))
                stop_net.CountIf(
                    [ended],
                    [],
                    stat_name=f"{enter_net.Name()}/incomplete_records",
                    message=f"part {name!r} has ended; what was read of {names} with it is no record, and is dropped",
                )
            # After each of them, since the loop looks at one stop blob only.
            nets += [each for net in part_nets for each in (net, stop_net)]
        return [*nets, leave_net], should_stop, fields

    def reset(self, net: Net) -> None:
        """Let all parts begin again."""
        for reader in self.readers:
            reader.reset(net)


class CompositeReaderBuilder(ReaderBuilder):
    """Builds a `CompositeReader` of what other builders build.

    Args:
        names: of the parts.
        reader_builders: as many.

    Raises:
        BuildError: there is not one name for each builder.
    """

    def __init__(self, names: Sequence[str], reader_builders: Sequence[ReaderBuilder]) -> None:
        if len(names) != len(reader_builders) or not names:
            msg = f"a composite needs a name for each builder, got {list(names)!r} for {len(reader_builders)}"
            raise BuildError(msg)
        self._names = list(names)
        self._builders = list(reader_builders)
        self._schema = Struct(
            *((name, builder.schema()) for name, builder in zip(self._names, self._builders, strict=True))
        )

    def schema(self) -> Field:
        """The schemas of the parts, under their names."""
        return self._schema

    def setup(self, **kwargs: Any) -> dict[str, BlobReference]:
        """Set up all parts; `limiter` goes to the last one only, since all end with it.

        Returns:
            What the parts return, in one.

        Raises:
            BuildKeyError: two parts return the same name, or the same blob.
        """
        found: dict[str, BlobReference] = {}
        limiter = kwargs.pop("limiter", None)
        for index, builder in enumerate(self._builders):
            is_last = index == len(self._builders) - 1
            given = builder.setup(**kwargs, **({"limiter": limiter} if is_last and limiter is not None else {})) or {}
            twice = [name for name, blob in given.items() if name in found or blob in found.values()]
            if twice:
                msg = f"part {self._names[index]!r} has {twice[0]!r} as another part has; each needs names of its own"
                raise BuildKeyError(msg)
            found.update(given)
        return found

    def new_reader(self, **kwargs: Any) -> CompositeReader:
        """A reader of all parts.

        Raises:
            BuildValueError: a builder makes something that is no reader and has none.
            BuildError: a part's reader has another schema than its builder.
        """
        readers = []
        for name, builder in zip(self._names, self._builders, strict=True):
            made: Any = builder.new_reader(**kwargs)
            if not has_reader(made):
                msg = f"the builder of part {name!r} made {made!r}, which is no reader and has none"
                raise BuildValueError(msg)
            readers.append(reader_of(made))
        reader = CompositeReader(self._names, readers)
        if not equal_schemas(reader.schema(), self._schema):
            msg = f"the readers have the schema\n{reader.schema()!r}\ntheir builders have\n{self._schema!r}"
            raise BuildError(msg)
        return reader


class PipedReaderBuilder(ReaderBuilder):
    """Builds what `piper` makes of the reader of another builder.

    Args:
        builder: makes the inner reader; schema and setup are its.
        piper: is called as `piper(reader=..., **kwargs)` with all that `new_reader` was given; returns a reader or
            something that has one, such as what `pipe` returns.
    """

    def __init__(self, builder: ReaderBuilder, piper: Any) -> None:
        self._builder = builder
        self._piper = piper

    def schema(self) -> Field:
        """The schema of the inner reader."""
        return self._builder.schema()

    def setup(self, **kwargs: Any) -> Mapping[str, BlobReference] | None:
        """Set up the inner builder."""
        return self._builder.setup(**kwargs)

    def new_reader(self, **kwargs: Any) -> Reader:
        """A reader of what `piper` returns.

        Raises:
            BuildTypeError: that is no reader, and has none.
        """
        made = self._piper(reader=self._builder.new_reader(**kwargs), **kwargs)
        if not has_reader(made):
            msg = f"the piper must return a reader or something with reader(), got {made!r}"
            raise BuildTypeError(msg)
        return reader_of(made)


def _whole(num_iter: object) -> int:
    if isinstance(num_iter, Integral):
        return int(num_iter)
    if not isinstance(num_iter, Real):
        msg = f"num_iter is a number of records, or None for all, got {num_iter!r:.80}"
        raise BuildTypeError(msg)
    if not float(num_iter).is_integer():
        msg = f"num_iter is a whole number of records, or None for all, got {num_iter!r}"
        raise BuildValueError(msg)
    return int(float(num_iter))


def _set_up(blob: BlobReference | None) -> BlobReference:
    """A blob that `setup_ex` makes. Raises BuildError: it was not called."""
    if blob is None:
        msg = "the reader is not set up: setup_ex comes before its nets are made"
        raise BuildError(msg)
    return blob


def _not_yet(init_net: Net, ended: BlobReference) -> None:
    """Let a stop blob be false before the first net that writes it."""
    init_net.ConstantFill([], [ended], shape=[], value=False, dtype=DataType.BOOL)


def _never(net: Net) -> BlobReference:
    blob: BlobReference = net.ConstantFill([], 1, shape=[], value=False, dtype=DataType.BOOL)
    return blob
