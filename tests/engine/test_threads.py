"""The driver of threads: parking and handing over, time-outs, cancellation; and the pool under it."""

from __future__ import annotations

import gc
import math
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Any

import pytest
from tests.engine.compiler.programs import TIERS
from tests.engine.eventually import HANGS_AFTER_S, eventually

import taskplan as tp
from taskplan import ops
from taskplan.cancel import CancelToken
from taskplan.engine import threads
from taskplan.engine.threads import ThreadDriver, ThreadPool
from taskplan.errors import Cancelled
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.waiting import (
    NOT_YET,
    TIMED_OUT,
    Changes,
    Closes,
    Joins,
    NotYet,
    Puts,
    Shared,
    Takes,
)


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool()
    yield pool
    pool.close()
    assert pool.alive() == 0


@pytest.fixture
def driver(pool: ThreadPool) -> ThreadDriver:
    return ThreadDriver(pool, grace_s=HANGS_AFTER_S)


@pytest.fixture
def token(driver: ThreadDriver) -> CancelToken:
    return CancelToken(driver.cancel)


@pytest.fixture
def queue() -> BlobsQueue:
    return BlobsQueue("queue", capacity=2, columns=1)


@dataclass
class Waiting:
    """A wait on a thread of its own, and how it ended."""

    driver: ThreadDriver
    ended: threading.Event = field(default_factory=threading.Event)
    result: Any = None

    def start(self, *arguments: Any, **options: Any) -> Waiting:
        def job() -> None:
            try:
                self.result = self.driver.wait(*arguments, **options)
            except BaseException as error:
                self.result = error
            self.ended.set()

        self.driver.spawn(job, brief=False)
        return self

    def answer(self) -> Any:
        assert self.ended.wait(HANGS_AFTER_S), "it waits for ever"
        return self.result


@pytest.fixture
def taking(driver: ThreadDriver, queue: BlobsQueue, token: CancelToken) -> Callable[..., Waiting]:
    """Starts a reader of the queue; returns once it is parked."""

    def start(attempt: Callable[[], Any] = queue.try_take, *, under: CancelToken = token, **options: Any) -> Waiting:
        before = len(queue.parked.get(Takes, ()))
        waiting = Waiting(driver).start(Takes(queue), attempt, under, **options)
        eventually(lambda: len(queue.parked.get(Takes, ())) == before + 1)
        return waiting

    return start


@pytest.fixture
def put(driver: ThreadDriver, queue: BlobsQueue, token: CancelToken) -> Callable[[object], object]:
    return lambda value: driver.wait(Puts(queue), partial(queue.try_put, (value,)), token)


# --- handing over -----------------------------------------------------------------------------------------------------


def test_an_attempt_that_can_go_on_answers_at_once(driver, queue, token):
    assert driver.wait(Puts(queue), partial(queue.try_put, ("a",)), token) is True
    assert driver.wait(Takes(queue), queue.try_take, token) == ("a",)
    assert not queue.parked


def test_those_that_wait_are_served_first_come_first_served(taking, put):
    readers = [taking() for _ in range(5)]

    for value in range(5):
        put(value)

    assert [reader.answer() for reader in readers] == [(value,) for value in range(5)]


def test_a_record_is_handed_over_before_the_writer_goes_on(taking, put, queue):
    """Nobody who comes later can take it away."""
    reader = taking()

    put("a")

    assert queue.fill == 0
    assert not queue.parked
    assert reader.answer() == ("a",)


def test_who_comes_later_does_not_overtake(taking, queue, driver, token):
    """The first wants two records, and the one that is there is enough for the second."""
    first = taking(partial(queue.try_take_many, 2, lambda records: None))
    driver.wait(Puts(queue), partial(queue.try_put, ("a",)), token)

    second = taking()

    assert (queue.fill, first.ended.is_set(), second.ended.is_set()) == (1, False, False)
    driver.wait(Closes(queue), queue.close, token)
    assert first.answer() == [("a",)]
    assert second.answer() is None


def test_one_change_lets_a_chain_of_waiters_go_on(driver, queue, token, put, taking):
    """The record that is taken makes room for a writer, whose record serves the next reader."""
    for value in range(2):
        put(value)
    writers = [Waiting(driver).start(Puts(queue), partial(queue.try_put, (value,)), token) for value in ("x", "y")]
    eventually(lambda: len(queue.parked.get(Puts, ())) == 2)

    taken = driver.wait(Takes(queue), partial(queue.try_take_many, 2, lambda records: None), token)

    assert taken == [(0,), (1,)]
    assert [writer.answer() for writer in writers] == [True, True]
    assert queue.fill == 2


def test_closing_wakes_everyone(taking, driver, queue, token):
    readers = [taking() for _ in range(3)]

    driver.wait(Closes(queue), queue.close, token)

    assert [reader.answer() for reader in readers] == [None, None, None]


def test_the_error_of_an_attempt_is_raised_where_the_wait_was_asked_for(taking, put, queue):
    def refuse() -> object:
        if queue.fill:
            raise ValueError("not this one")
        return NOT_YET

    reader = taking(refuse)

    assert put("a") is True
    assert repr(reader.answer()) == "ValueError('not this one')"
    assert queue.fill == 1


def test_an_attempt_that_raises_at_once_leaves_the_object_free(driver, queue, token):
    def refuse() -> object:
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        driver.wait(Takes(queue), refuse, token)

    assert not queue.lock.locked()
    assert not queue.parked


# --- time-outs --------------------------------------------------------------------------------------------------------


def test_a_wait_without_time_answers_at_once(driver, queue, token):
    assert driver.wait(Takes(queue), queue.try_take, token, 0.0) is TIMED_OUT
    assert not queue.parked


def test_a_wait_that_times_out_leaves_nothing_parked(driver, queue, token, put):
    before = driver.now()

    assert driver.wait(Takes(queue), queue.try_take, token, 0.02) is TIMED_OUT

    assert driver.now() - before >= 0.02
    assert not queue.parked
    put("a")
    assert queue.fill == 1


def test_when_the_first_times_out_those_behind_it_go_on(taking, queue, put):
    """The first wanted more than there was; what there is serves the second."""
    first = taking(partial(queue.try_take_many, 2, lambda records: None), timeout_s=0.3)
    second = taking()
    put("a")

    assert first.answer() is TIMED_OUT
    assert second.answer() == ("a",)


# --- cancellation -----------------------------------------------------------------------------------------------------


def test_cancellation_ends_the_waits_of_its_token_and_no_other(taking, put, token, driver):
    other = CancelToken(driver.cancel)
    mine, theirs = taking(), taking(under=other)

    token.cancel()

    assert isinstance(mine.answer(), Cancelled)
    assert not theirs.ended.is_set()
    put("a")
    assert theirs.answer() == ("a",)


def test_a_wait_under_a_cancelled_token_ends(driver, queue, token):
    token.cancel()

    with pytest.raises(Cancelled):
        driver.wait(Takes(queue), queue.try_take, token)
    assert not queue.parked


def test_a_cancelled_reader_takes_no_record_with_it(taking, put, token, queue, driver):
    reader = taking()
    token.cancel()
    reader.answer()

    put("a")

    assert queue.fill == 1


def test_when_the_first_is_cancelled_those_behind_it_go_on(taking, queue, put, token, driver):
    other = CancelToken(driver.cancel)
    first = taking(partial(queue.try_take_many, 2, lambda records: None))
    second = taking(under=other)
    driver.wait(Puts(queue), partial(queue.try_put, ("a",)), other)

    token.cancel()

    assert isinstance(first.answer(), Cancelled)
    assert second.answer() == ("a",)


class Gate(Shared):
    """Opens once."""

    def __init__(self) -> None:
        super().__init__("gate")
        self.is_open = False

    def open(self) -> None:
        self.is_open = True

    def pass_through(self) -> bool | NotYet:
        return self.is_open or NOT_YET


def test_a_shielded_wait_outlives_cancellation(driver, token):
    """So joins wait for the members of a group, who have been cancelled too."""
    gate = Gate()
    join = Waiting(driver).start(Joins(gate), gate.pass_through, token, shielded=True)
    eventually(lambda: gate.parked)

    token.cancel()
    assert not join.ended.wait(0.02)
    driver.wait(Changes(gate), gate.open, token)

    assert join.answer() is True


def test_a_shielded_wait_ends_after_the_grace_period(pool):
    driver = ThreadDriver(pool, grace_s=0.02)
    token, gate = CancelToken(driver.cancel), Gate()
    token.cancel()

    assert driver.wait(Joins(gate), gate.pass_through, token, shielded=True) is TIMED_OUT
    assert not gate.parked


def test_a_signals_handler_that_raises_leaves_nothing_parked(driver, queue, token, put, monkeypatch):
    """Else the next record would go to a reader who is gone."""

    class AlarmError(Exception):
        pass

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(AlarmError):
            driver.wait(Takes(queue), queue.try_take, token)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert not queue.parked
    put("a")
    assert queue.fill == 1


# --- under stress -----------------------------------------------------------------------------------------------------


class Fair:
    """Writers and readers of one queue, some of whom give up: what each of them put and took."""

    def __init__(self, driver: ThreadDriver, seed: int) -> None:
        draw = random.Random(seed)
        self.driver = driver
        self.queue = BlobsQueue("queue", capacity=draw.randint(1, 3), columns=1)
        self.token = CancelToken(driver.cancel)
        self.put: list[tuple[int, int]] = []
        self.taken: list[list[tuple[int, int]]] = []
        self._writers = [draw.randrange(2**32) for _ in range(draw.randint(1, 4))]
        self._readers = [draw.randrange(2**32) for _ in range(draw.randint(1, 4))]
        self._left = threading.Semaphore(0)

    def run(self) -> None:
        """Until all writers have put what they had, and all readers have found the end."""
        for number, seed in enumerate(self._writers):
            self._start(partial(self._write, number, random.Random(seed)))
        for seed in self._readers:
            self._start(partial(self._read, random.Random(seed)))
        self._wait_for(len(self._writers))
        self.driver.wait(Closes(self.queue), self.queue.close, self.token)
        self._wait_for(len(self._readers))

    def _start(self, work: Callable[[], None]) -> None:
        def job() -> None:
            work()
            self._left.release()

        self.driver.spawn(job, brief=False)

    def _wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self._left.acquire(timeout=HANGS_AFTER_S), f"somebody waits for ever: {self.queue.describe()}"

    def _write(self, number: int, draw: random.Random) -> None:
        for value in range(200):
            attempt = partial(self.queue.try_put, ((number, value),))
            if self._try(draw, Puts(self.queue), attempt) is True:
                self.put.append((number, value))

    def _read(self, draw: random.Random) -> None:
        mine: list[tuple[int, int]] = []
        self.taken.append(mine)
        while True:
            if draw.random() < 0.2:
                attempt = partial(self.queue.try_take_many, self.queue.capacity, lambda records: None)
                taken = self._try(draw, Takes(self.queue), attempt)
            else:
                taken = self._try(draw, Takes(self.queue), self.queue.try_take)
                taken = taken if taken in (None, TIMED_OUT) else [taken]
            if taken is None:
                return
            if taken is not TIMED_OUT:
                mine += [record[0] for record in taken]

    def _try(self, draw: random.Random, reason: Any, attempt: Callable[[], Any]) -> Any:
        """With patience of some length; or cancelled by another thread at any moment."""
        chance = draw.random()
        if chance < 0.8:
            return self.driver.wait(reason, attempt, self.token, draw.choice([0.0, 0.0005, math.inf, math.inf]))
        token = CancelToken(self.driver.cancel)

        def cancel() -> None:
            token.cancel()

        self.driver.spawn(cancel, brief=True)
        try:
            return self.driver.wait(reason, attempt, token)
        except Cancelled:
            return TIMED_OUT


@pytest.mark.parametrize("seed", range(12))
def test_under_stress_every_record_is_taken_once_and_nobody_waits_for_ever(driver, seed):
    """Whoever gave up put nothing and took nothing; records of one writer come to one reader in order."""
    fair = Fair(driver, seed)

    fair.run()

    assert sorted(record for mine in fair.taken for record in mine) == sorted(fair.put)
    for mine in fair.taken:
        for number in {number for number, _ in mine}:
            values = [value for writer, value in mine if writer == number]
            assert values == sorted(values)
    assert not fair.queue.parked
    fair.queue.check_invariants()


# --- the pool ---------------------------------------------------------------------------------------------------------


def test_jobs_of_their_own_run_at_once_however_many(pool):
    meeting = threading.Barrier(20)

    for _ in range(19):
        pool.submit(partial(meeting.wait, HANGS_AFTER_S))

    meeting.wait(HANGS_AFTER_S)


def test_threads_that_have_done_their_jobs_get_the_next_ones(pool):
    done = threading.Semaphore(0)

    for _ in range(200):
        pool.submit(partial(done.release))
        assert done.acquire(timeout=HANGS_AFTER_S)
        eventually(lambda: pool.idle() == pool.alive())

    assert pool.alive() == 1


def test_brief_jobs_share_as_many_threads_as_there_are_cores(pool):
    cores = os.cpu_count() or 1
    go_on, done = threading.Event(), threading.Semaphore(0)

    def job() -> None:
        go_on.wait(HANGS_AFTER_S)
        done.release()

    for _ in range(10 * cores):
        pool.submit_brief(job)
    eventually(lambda: pool.alive() == cores)
    go_on.set()

    assert all(done.acquire(timeout=HANGS_AFTER_S) for _ in range(10 * cores))
    assert pool.alive() == cores


def test_idle_threads_end_by_themselves(pool, monkeypatch):
    monkeypatch.setattr(threads, "IDLE_S", 0.01)
    meeting = threading.Barrier(3)
    for _ in range(3):
        pool.submit(partial(meeting.wait, HANGS_AFTER_S))

    eventually(lambda: pool.alive() == 0)


def test_a_job_that_meets_a_thread_on_its_way_out_is_done(pool, monkeypatch):
    """The thread has given up waiting just when it was taken from the list of the idle."""
    monkeypatch.setattr(threads, "IDLE_S", 0.0)
    done = threading.Semaphore(0)

    for _ in range(500):
        pool.submit(partial(done.release))
        assert done.acquire(timeout=HANGS_AFTER_S)


def test_closing_joins_all_threads(pool):
    meeting = threading.Barrier(4)
    for _ in range(3):
        pool.submit(partial(meeting.wait, HANGS_AFTER_S))
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("taskplan-")]
    meeting.wait(HANGS_AFTER_S)

    pool.close()

    assert not [thread for thread in ours if thread.is_alive()]
    assert pool.alive() == 0


def test_closing_leaves_a_thread_behind_that_does_not_come_back(pool):
    stuck = threading.Event()
    pool.submit(partial(stuck.wait, HANGS_AFTER_S))

    pool.close(timeout_s=0.01)

    assert pool.alive() == 1
    stuck.set()
    eventually(lambda: pool.alive() == 0)


def test_a_job_may_close_its_own_pool(pool):
    closed = threading.Event()

    def job() -> None:
        pool.close()
        closed.set()

    pool.submit(job)

    assert closed.wait(HANGS_AFTER_S)
    eventually(lambda: pool.alive() == 0)


def test_a_job_for_which_there_is_no_thread_is_refused_and_the_pool_goes_on(pool, monkeypatch):
    def exhausted(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    done = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", exhausted)
        for submit in (pool.submit, pool.submit_brief):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                submit(pytest.fail)
    pool.submit_brief(done.set)

    assert done.wait(HANGS_AFTER_S)


# --- runs -------------------------------------------------------------------------------------------------------------


def waiting_tasks(begun: threading.Semaphore, ended: list[str]) -> tp.TaskGroup:
    """Three tasks that wait for a record that never comes, and say so when they begin and when they are closed."""
    with tp.fresh_names(), tp.TaskGroup() as group:
        with tp.Task(name="make"), ops.local_init():
            ops.CreateBlobsQueue([], "queue")
            ops.Python(lambda inputs, outputs, space: None, pass_workspace=True)([], [])  # so this is no stall
        for name in ("a", "b", "c"):
            with tp.Task(name=name):
                with ops.task_finally():
                    ops.call(partial(ended.append, name), outputs=0)
                ops.call(begun.release, outputs=0)
                ops.DequeueBlobs("queue", "x")
    return group


def test_what_a_signals_handler_raises_ends_the_run_like_any_failure():
    """Everything has been closed, and nothing runs any more, when the caller gets it."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(3)

    def send_when_all_have_begun() -> None:
        if all(begun.acquire(timeout=HANGS_AFTER_S) for _ in range(3)):
            os.kill(os.getpid(), signal.SIGALRM)

    begun, ended = threading.Semaphore(0), list[str]()
    group = waiting_tasks(begun, ended)
    before = signal.signal(signal.SIGALRM, leave)
    sender = threading.Thread(target=send_when_all_have_begun)
    try:
        with tp.LocalSession(tp.Workspace()) as session:
            sender.start()
            with pytest.raises(SystemExit):
                session.run(group, timeout_s=HANGS_AFTER_S)
            assert sorted(ended) == ["a", "b", "c"]
    finally:
        sender.join()
        signal.signal(signal.SIGALRM, before)


def test_a_run_for_which_there_are_not_enough_threads_fails_and_leaves_nothing_behind(monkeypatch):
    start, started = threading.Thread.start, []

    def exhausted_soon(self: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    with tp.LocalSession(tp.Workspace()) as session:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", exhausted_soon)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                session.run(waiting_tasks(threading.Semaphore(0), []))
        session.run(tp.Net("works again"))


@pytest.mark.parametrize("tier", TIERS)
def test_a_run_leaves_no_cycles_for_the_garbage_collector(tier):
    """Else a program that runs again and again pays for them at moments of the collector's choice."""
    with tp.TaskGroup() as group, tp.Task(num_instances=2):
        with ops.task_init():
            counter = ops.CreateCounter([], init_count=5)
        with ops.task_reporter(interval_ms=5):
            ops.Const(1)
        with ops.loop(3) as loop, ops.If(ops.EQ([loop.iter(), ops.Const(1)])):
            ops.CountUp(counter)
        with ops.loop(1000):
            ops.Add([ops.Const(1), ops.Const(2)])
        ops.call(lambda: 3.0)
    with tp.LocalSession(tp.Workspace(), tier=tier) as session:
        session.run(group)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            session.run(group)
            gc.collect()
            found = [each for each in gc.garbage if type(each).__module__.startswith("taskplan")]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()

    assert found == []
