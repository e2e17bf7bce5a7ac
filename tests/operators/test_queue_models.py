"""Any sequence of attempts on a queue: it answers as a deque with a capacity does, and loses nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from taskplan.errors import ShapeError
from taskplan.operators.queue_objects import BlobsQueue, RebatchingQueue, Record, Refusal, Rows
from taskplan.operators.waiting import NOT_YET


class QueueAgainstModel(RuleBasedStateMachine):
    """Any sequence of attempts: the queue answers as a deque with a capacity does, and loses none. Items 30 and 44."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = BlobsQueue("q", capacity=3, columns=1, writers=2)
        self.held: deque[Record] = deque()
        self.expected: list[int] = []
        self.closed = self.failed = False
        self.writers = 2
        self.readers = 0
        self.abandoned = False
        self.brought = self.given = self.refused = 0

    @rule()
    def put(self) -> None:
        record = (self.brought,)
        answer = self.queue.try_put(record)

        if self.closed:
            assert answer is False
            self.refused += 1
        elif len(self.held) >= max([3, *self.expected]):
            assert answer is NOT_YET
        else:
            assert answer is True
            self.held.append(record)
            self.brought += 1

    @rule()
    def take(self) -> None:
        answer = self.queue.try_take()

        if self.failed:
            assert answer is None
        elif self.held:
            assert answer == self.held.popleft()
            self.given += 1
        else:
            assert answer is (None if self.closed else NOT_YET)

    @rule(count=st.integers(1, 5), refuse=st.booleans())
    def take_many(self, count: int, refuse: bool) -> None:
        def check(records: Sequence[Record]) -> None:
            if refuse:
                raise ShapeError

        ready = self.held and not self.failed and (self.closed or len(self.held) >= count)
        if ready and refuse:
            with pytest.raises(ShapeError):
                self.queue.try_take_many(count, check)
            return
        answer = self.queue.try_take_many(count, check)

        if ready:
            assert answer == [self.held.popleft() for _ in range(min(count, len(self.held)))]
            self.given += len(answer) if isinstance(answer, list) else 0
        else:
            assert answer is (None if self.closed else NOT_YET)

    @rule(count=st.integers(4, 6))
    def expect(self, count: int) -> None:
        self.queue.expect(count)
        self.expected.append(count)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        count = data.draw(st.sampled_from(self.expected))
        self.queue.settle(count)
        self.expected.remove(count)

    @rule()
    def end_writes(self) -> None:
        self.queue.end_writes()
        self.writers = max(0, self.writers - 1)
        self.closed = self.closed or not self.writers

    @rule()
    def begin_writes(self) -> None:
        assert self.queue.begin_writes() is not self.closed
        self.writers += not self.closed

    @rule()
    def begin_reads(self) -> None:
        self.queue.begin_reads()
        self.readers += 1

    @rule()
    def end_reads(self) -> None:
        self.queue.end_reads()
        self.readers = max(0, self.readers - 1)
        self.abandoned = self.abandoned or not self.readers
        self.closed = self.closed or not self.readers

    @rule(failed=st.booleans())
    def close(self, failed: bool) -> None:
        self.queue.close(failed=failed)
        self.failed = self.failed or (failed and not self.closed)
        self.closed = True

    @invariant()
    def nothing_is_lost(self) -> None:
        self.queue.check_invariants()
        statistics = self.queue.statistics()
        assert (statistics.put, statistics.taken) == (self.brought, self.given)
        assert statistics.fill == len(self.held)
        assert statistics.refused == self.refused
        assert statistics.undelivered == (len(self.held) if self.abandoned or self.failed else 0)
        assert (statistics.closed, statistics.failed) == (self.closed, self.failed)


TestQueueAgainstModel = QueueAgainstModel.TestCase


class RowsAgainstModel(RuleBasedStateMachine):
    """Any sequence of attempts: rows come out as from a deque with a capacity, and none is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = RebatchingQueue("q", capacity=4, columns=2)
        self.held: deque[int] = deque()
        self.next = 0
        self.closed = False

    @rule(count=st.integers(0, 6))
    def put(self, count: int) -> None:
        numbers = np.arange(self.next, self.next + count)
        answer = self.queue.try_put_rows(Rows((numbers, numbers * 2.0), 0, count))

        room = 4 - len(self.held)
        if self.closed:
            assert answer is Refusal.CLOSED
        elif count and room == 0:
            assert answer is NOT_YET
        else:
            assert answer == min(count, room)
            self.held.extend(range(self.next, self.next + min(count, room)))
            self.next += min(count, room)

    @rule(count=st.integers(1, 5))
    def take(self, count: int) -> None:
        answer = self.queue.try_take_rows(count)

        if not self.closed and len(self.held) < count:
            assert answer is NOT_YET
        elif not self.held:
            assert answer is None
        else:
            assert isinstance(answer, list)
            expected = [self.held.popleft() for _ in range(min(count, len(self.held)))]
            assert np.concatenate([rows.column(0) for rows in answer]).tolist() == expected
            assert np.concatenate([rows.column(1) for rows in answer]).tolist() == [2.0 * each for each in expected]

    @rule()
    def close(self) -> None:
        self.queue.close()
        self.closed = True

    @invariant()
    def nothing_is_lost(self) -> None:
        self.queue.check_invariants()
        assert self.queue.fill == len(self.held)


TestRowsAgainstModel = RowsAgainstModel.TestCase
