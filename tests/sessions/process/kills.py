"""Runs on processes that are hurt at a random moment: nodes killed or stopped, functions that fail, cancels, stalls.

A number says all that is random. However a run ends, it ends with the right error, the nodes that live have kept what
they had, the next run is right, and the session leaves nothing behind when it is closed.
"""

from __future__ import annotations

import math
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sessions.process.programs import HANG_S, eventually
from tests.soak.draws import Draws
from tests.soak.hurt_pipelines import ENDLESS, HurtError, HurtPipeline, Order, has_news

import taskplan as tp
from taskplan.sessions.spread import SpreadSession

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}

RECORDS = 60
"""Of a run that is to end well."""


@dataclass(frozen=True)
class Hurt:
    """What happens to a run, and when.

    Attributes:
        what: `kill`, `stop`, `raise`, `cancel`, `time out` or `stall`.
        when: as the nodes are `starting`, at once when the run has begun (`preparing`), when a record passes on a
            node (`record`), or when the run is `over`.
        victim: the node that is killed or stopped.
        node: where the record passes.
        record: which one.
        delay_s: how long after that moment.
        closes: the session is closed at once then, while the run goes on.
    """

    what: str
    when: str
    victim: str
    node: str
    record: int
    delay_s: float
    closes: bool

    def __str__(self) -> str:
        return f"{self.what} when {self.when}{', then close' if self.closes else ''}"


@dataclass
class Ending:
    """How a run ended.

    Attributes:
        what: the type of the error, or `right`.
        end_s: from what ended it to its end; None if nothing did, or if the moment is not known.
        unfinished: how many hidden files of writers are left.
        close_s: how long closing the session took.
    """

    what: str
    end_s: float | None = None
    unfinished: int = 0
    close_s: float = 0.0


class HurtRun:
    """A run that is hurt.

    Args:
        number: says all that is random.
        folder: for what the program writes.
        signals: whether a node is to be killed or stopped; something else happens if not.
        waits: whether things may happen a moment after an event, instead of with it.

    Attributes:
        node_timeout_s: of the session.
        killed: what the error says of a node that was killed.
    """

    node_timeout_s = 1.0
    killed = "is lost: its process was killed by SIGKILL"

    def __init__(self, number: int, folder: Path, *, signals: bool = True, waits: bool = True) -> None:
        self._draws = Draws(f"hurt run {number}")
        self._folder = folder
        self._program = self._drawn_program(folder)
        self.hurt = self._drawn_hurt(signals, waits)

    def _drawn_program(self, folder: Path) -> HurtPipeline:
        return HurtPipeline(self._draws, folder)

    def _drawn_hurt(self, signals: bool, waits: bool) -> Hurt:
        draws, program = self._draws, self._program
        others = ["raise", "raise", "cancel", "cancel", "time out", *(["stall"] * 2 if program.can_stall else [])]
        what = draws.choice(["kill", "kill", "stop"] if signals else others)
        whens = {
            "kill": ["record"] * 6 + ["preparing"] * 2 + ["over", "starting"],
            "stop": ["record"] * 6 + ["preparing"] * 2 + ["over"],
            "cancel": ["record"] * 3 + ["preparing"],
        }
        record = draws.choice([0, draws.randint(0, 10), draws.randint(0, 200)])
        delay_s = draws.choice([0.0, draws.uniform(0.0, 0.005), draws.uniform(0.0, 0.05)]) if waits else 0.0
        node = draws.choice(list(program.tasks))
        when, victim = draws.choice(whens.get(what, ["record"])), draws.choice(program.away)
        closes = what in SIGNALS and when in ("record", "preparing") and draws.chance(0.15)
        return Hurt(what, when, victim, node, record, delay_s, closes)

    def perform(self) -> Ending:
        """Run it, and check all that can be seen from outside.

        Raises:
            AssertionError: something is not as it must be.
        """
        with self._nothing_left_behind():
            with self._opened() as session:
                ending = self._starting(session) if self.hurt.when == "starting" else self._run(session)
                closed_at = time.monotonic()
            ending.close_s += time.monotonic() - closed_at
            assert ending.close_s < HANG_S, f"closing took {ending.close_s:g} s"
        ending.unfinished = self._unfinished()
        return ending

    def _opened(self) -> SpreadSession:
        return tp.ProcessSession(tp.Workspace(), timeout_s=60, grace_s=3, node_timeout_s=self.node_timeout_s)

    def _nothing_left_behind(self) -> AbstractContextManager[None]:
        return nothing_left_behind(self._folder)

    # --- ways to be hurt ----------------------------------------------------------------------------------------------

    def _starting(self, session: SpreadSession) -> Ending:
        """A process is killed as soon as it is there; if the run has not used it yet, it may start another."""
        self._program.desk.give(Order(RECORDS))
        before = children()
        run = session.start(self._program.group)
        eventually(lambda: len(children() - before) == len(self._program.away), "the processes of the nodes")
        time.sleep(self.hurt.delay_s)
        hurt_at = time.monotonic()
        os.kill(self._draws.choice(sorted(children() - before)), signal.SIGKILL)
        error = self._end_of(run)
        ending = Ending(type(error).__name__, time.monotonic() - hurt_at)
        if error is None:
            self._check_right(error)
        else:
            assert isinstance(error, tp.PlacementError | tp.NodeLostError), repr(error)
            assert "its process was killed by SIGKILL" in str(error), str(error)
        self._runs_again(session)
        return ending

    def _run(self, session: SpreadSession) -> Ending:
        before = self._prepare(session)
        news = self._program.desk.open_news()
        try:
            run, hurt_at = self._hurt_one(session, news)
            if self.hurt.closes:
                session.close()
            error = self._end_of(run)
        finally:
            os.close(news)
        ended_at = time.monotonic()
        if self.hurt.closes:
            assert isinstance(error, tp.NodeLostError | tp.RunCancelledError), repr(error)
            return Ending(type(error).__name__, close_s=ended_at - hurt_at)
        self._judge(error, ended_at - hurt_at)
        if self.hurt.when == "over":
            self._hurt_after(session)
        self._check_survivors(session, before)
        if self.hurt.when == "over" or self._draws.chance(0.7):
            self._runs_again(session)
        if error is None or self.hurt.what in ("time out", "stall"):
            return Ending(type(error).__name__ if error else "right")
        return Ending(type(error).__name__, ended_at - (error.at_s if isinstance(error, HurtError) else hurt_at))

    def _prepare(self, session: SpreadSession) -> dict[str, int]:
        """Start the nodes, and leave something in their workspaces; their process ids."""
        with tp.fresh_names(), tp.TaskGroup() as group:
            for node in self._program.away:
                with self._program.node(node), tp.Task():
                    tp.ops.Const(1)
        session.run(group)
        for node in self._program.away:
            session.feed(node, "kept", node)
        if self._draws.chance(0.4):
            self._runs_again(session)
        return session.pids()

    def _hurt_one(self, session: SpreadSession, news: int) -> tuple[tp.StartedRun, float]:
        """Start a run, and do to it what is to happen; the run, and when that was."""
        hurt, program = self.hurt, self._program
        ends = hurt.when == "over" or hurt.what == "stall"
        order = Order(RECORDS if ends else ENDLESS, hurt.node, hurt.record, hurt.what == "raise", hurt.what == "stall")
        program.desk.give(order)
        limit_s = 0.01 + 10 * hurt.delay_s if hurt.what == "time out" else math.inf
        victims = self._victims(session)
        run = session.start(program.group, timeout_s=limit_s)
        if hurt.when == "record" and (hurt.what in SIGNALS or hurt.what == "cancel"):
            assert has_news(news, HANG_S), f"no record {hurt.record} on node {hurt.node!r}\n{run.why()}"
        if hurt.what in SIGNALS or hurt.what == "cancel":
            time.sleep(hurt.delay_s)
        hurt_at = time.monotonic()
        if hurt.what in SIGNALS and hurt.when != "over":
            self._send_signal(victims)
        elif hurt.what == "cancel":
            run.cancel()
        return run, hurt_at

    def _hurt_after(self, session: SpreadSession) -> None:
        """A node is hurt between runs; a run that begins before that is noticed may fail of it."""
        self._send_signal(self._victims(session))
        if self._draws.chance(0.5):
            eventually(lambda: self._lost().isdisjoint(session.pids()), "the loss to be noticed")
        else:
            error = self._end_of(session.start(self._program.group))
            if error is not None:
                self._check_loss(error)

    def _lost(self) -> set[str]:
        """The nodes that are killed or stopped."""
        return {self.hurt.victim} if self.hurt.what in SIGNALS else set()

    def _victims(self, session: SpreadSession) -> list[int]:
        """The processes that get the signal, one after the other."""
        return [session.pids()[node] for node in self._lost()]

    def _send_signal(self, victims: list[int]) -> None:
        for pid in victims:
            os.kill(pid, SIGNALS[self.hurt.what])

    # --- checks -------------------------------------------------------------------------------------------------------

    def _judge(self, error: BaseException | None, end_s: float) -> None:
        hurt = self.hurt
        if hurt.when == "over":
            self._check_right(error)
        elif hurt.what in SIGNALS:
            self._check_loss(error)
            loss_s = 1.5 * self.node_timeout_s + 3.0  # on a machine that is busy
            assert end_s < (HANG_S if hurt.what == "kill" else loss_s), f"the run ended after {end_s:g} s"
        else:
            kinds = {
                "raise": HurtError,
                "cancel": tp.RunCancelledError,
                "time out": tp.TimedOutError,
                "stall": tp.StalledError,
            }
            assert type(error) is kinds[hurt.what], f"expected {kinds[hurt.what].__name__}, got {error!r}"
        if hurt.what == "raise":
            assert error is not None
            assert str(error) == f"record {hurt.record} on node {hurt.node!r}"
            assert f" on node {hurt.node!r} > " in "\n".join(error.__notes__)
        if hurt.what == "stall":
            assert all(f"task '{node}/agree'" in str(error) for node in ("reader", "worker")), str(error)

    def _check_loss(self, error: BaseException | None) -> None:
        """It says which node, how, and what it had to do."""
        lost = self._lost()
        assert isinstance(error, tp.NodeLostError), f"expected the loss of {lost}, got {error!r}"
        assert error.node in lost, f"expected the loss of {lost}, got {error!r}"
        tasks = self._program.tasks[error.node]
        assert sorted(error.tasks) == sorted(tasks), f"its tasks are {error.tasks}: {error!r}"
        stopped = f"did not answer for {self.node_timeout_s:g} s, so its process was killed"
        assert (self.killed if self.hurt.what == "kill" else stopped) in str(error), str(error)

    def _check_right(self, error: BaseException | None) -> None:
        assert error is None, f"expected no error, got {error!r}"
        mistake = self._program.mistake(RECORDS)
        assert not mistake, mistake

    def _check_survivors(self, session: SpreadSession, before: dict[str, int]) -> None:
        """Nodes that were not hurt run on, with what was in their workspaces and nothing of the run."""
        for node in set(self._program.away) - self._lost():
            assert session.pids().get(node) == before[node], f"node {node!r} is not what it was"
            assert session.fetch(node, "kept") == node.encode()
            left = [name for name in session.workspace(node).names() if name.startswith(("channel:", "collective:"))]
            assert left == [], f"node {node!r} has {left}"
        assert session.abandoned() == [], session.abandoned()

    def _runs_again(self, session: SpreadSession) -> None:
        """A run that nothing happens to is right."""
        self._program.desk.give(Order(RECORDS))
        self._check_right(self._end_of(session.start(self._program.group)))

    def _end_of(self, run: tp.StartedRun) -> BaseException | None:
        try:
            ended = run.wait(timeout_s=HANG_S)
        except Exception as error:
            return error
        assert ended, f"the run does not end:\n{run.why()}"
        return None

    def _unfinished(self) -> int:
        """How many hidden files are left; those of writers that were killed may be, and nothing else."""
        left = [path for path in self._folder.iterdir() if path.name not in ("order.json", "news", "temporary")]
        hidden = [path for path in left if path.suffix == ".unfinished"]
        may_be = "writer" in self._lost() or (self.hurt.what in SIGNALS and self.hurt.when == "starting")
        results = [path for path in left if path not in hidden]
        assert not hidden or may_be, f"files are left: {hidden}"
        # A writer that has ended before the others have stalled has done what it had to do.
        assert not results or self.hurt.what == "stall", f"a run that failed has left {results}"
        return len(hidden)


# --- what is left behind ----------------------------------------------------------------------------------------------


@contextmanager
def nothing_left_behind(folder: Path) -> Iterator[None]:
    """Within it processes, threads, open sockets and pipes, and temporary files come and go.

    Args:
        folder: temporary files of the nodes are made here.
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    known = children(), open_things()
    before, os.environ["TMPDIR"] = os.environ.get("TMPDIR"), str(temporary)
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        if before is not None:
            os.environ["TMPDIR"] = before
    assert children() - known[0] == set(), "processes are left"
    assert open_things() - known[1] == set(), "sockets or pipes are left open"
    assert list(temporary.iterdir()) == [], "temporary files are left"
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("taskplan-")]
    assert left == [], f"threads are left: {left}"


def children() -> set[int]:
    """The processes that this one has started and not waited for, whether they run or not."""
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return {int(child) for task in tasks for child in _read(task / "children").split()}


def open_things() -> set[str]:
    """The sockets and pipes that are open in this process, those that listen too."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(path)
        except FileNotFoundError:  # it was the one by which the folder is read
            continue
        if target.startswith(("socket:", "pipe:")):
            found.add(target)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # a thread that has just ended
        return ""


def hurt_run(
    number: int, *, signals: bool = True, waits: bool = True, kind: type[HurtRun] = HurtRun
) -> tuple[Hurt, Ending]:
    """Perform a run in a folder of its own; see `HurtRun`."""
    with tempfile.TemporaryDirectory() as folder:
        run = kind(number, Path(folder), signals=signals, waits=waits)
        try:
            return run.hurt, run.perform()
        except BaseException as error:
            error.add_note(f"run {number}: {run.hurt!r}")
            raise
