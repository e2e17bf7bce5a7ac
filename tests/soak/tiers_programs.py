"""Random programs for the comparison of tiers: loops and branches of scalars, and what may stand around them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.soak.changes import Total, isolated, run_at_once
from tests.soak.draws import Draws
from tests.soak.functions import fails_at, glance
from tests.soak.tiers_operators import DTYPES, Operators, digest, some_value

import taskplan as tp
from taskplan import ops

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMERIC_SHARE = 0.3
"""Of the programs, those of nothing but operators that compiled code computes by itself."""

MOST_OPERATORS = 20_000
"""About so many does a program run."""

SMALL = 2_000
"""So many does a small program run."""

SMALL_BLOCKS = 2
"""So many loops and branches it has."""

COUNTS = (0, 1, 1, 2, 3, 3, 5, 10, 40, 300, 2500)
"""Of rounds."""


class Program:
    """A program, drawn from a seed and written at once, so inside `fresh_names()`.

    Args:
        seed: says what is drawn.
        small: it is exact, and short, since native code takes long to make.

    Attributes:
        exact: it has only operators that compiled code computes by itself.
        runnable: for a session.
        fed: the blobs that its workspace has before.
        small: as above.
        several: what is written now runs beside other tasks, or several times at once.
        numeric: it should become native code, and has only scalars.
        compares_after_failure: what its workspace holds after a failure does not depend on the schedule.
    """

    def __init__(self, seed: int, *, small: bool = False) -> None:
        draws = self._draws = Draws(f"tiers {seed}")
        self.small = small
        self._blocks = 0
        self.several = False
        self.exact = small or draws.chance(NUMERIC_SHARE)
        most = SMALL if small else MOST_OPERATORS
        self._depth, self.statements = (2, 2) if small else (3, 6)
        self._left = float(int(most ** draws.uniform(0.6, 1.0)))
        self._arrays = draws.chance(0.15 if self.exact else 0.4)
        self._mistake = None if self.exact or draws.chance(0.5) else draws.choice(["div", "call", "type", "flag"])
        self.numeric = self.exact and not self._arrays
        self.fed = {f"in_{letter}{number}": some_value(draws, letter) for letter in DTYPES for number in range(2)}
        self._inputs = {letter: [f"in_{letter}0", f"in_{letter}1"] for letter in DTYPES}
        self.compares_after_failure = True
        of_tasks = draws.chance(0.3 if small else 0.6)
        self.runnable: Any = self._group() if of_tasks else self._step()

    # --- the whole ----------------------------------------------------------------------------------------------------

    def _step(self) -> tp.ExecutionStep:
        """A step whose blobs stay in the workspace of the session."""
        draws = self._draws
        with tp.NetBuilder("program") as builder:
            operators = self._operators("")
            operators.begin(ops, self._inputs)
            _Body(self, operators).write(self._depth)
        step = tp.to_execution_step(builder)
        return tp.execution_step("again", [step], num_iter=2) if draws.chance(0.2) else step

    def _group(self) -> tp.TaskGroup:
        draws = self._draws
        count = 1 if self.exact else draws.choice([1, 1, 2, 3])
        everywhere = draws.chance(0.3)
        self.several = count > 1  # of two tasks that fail, which is first depends on the schedule
        with tp.TaskGroup(tp.WorkspaceType.GLOBAL if everywhere else None) as group:
            for number in range(count):
                instances = 2 if not self.exact and not everywhere and draws.chance(0.3) else 1
                if instances * count > 1:
                    self.compares_after_failure = False
                self._left /= instances
                with tp.Task(name=f"task{number}", num_instances=instances):
                    self._task(f"t{number}_", instances)
        return group

    def _task(self, prefix: str, instances: int) -> None:
        draws = self._draws
        operators = self._operators(prefix)
        if instances > 1:
            with ops.task_init():
                total = Total(f"{prefix}total")
            operators.begin(ops, self._inputs)
            with self._no_mistake():
                _Body(self, operators).write(self._depth)
            total.add(ops.call(digest, *operators.names()))
            with ops.task_exit():
                tp.final_output(ops.Copy(total.blob, f"{prefix}out"))
            return
        if not self.exact and draws.chance(0.25):
            with ops.task_init():
                operators.begin(ops, self._inputs)
            with ops.task_reporter(draws.choice([1, 5, 50])):
                ops.call(glance, *draws.sample(operators.names(), 3), outputs=0)
            for name in operators.names():  # so that operators with nets know them
                ops.Copy([name], [operators.new_name("seen")])
        else:
            operators.begin(ops, self._inputs)
        _Body(self, operators).write(self._depth)
        for name in operators.names():
            tp.final_output(ops.Copy([name], [f"{name}_out"]))

    def _operators(self, prefix: str) -> Operators:
        return Operators(self._draws, prefix, numeric=self.exact, arrays=self._arrays, most=1 if self.small else 3)

    @contextmanager
    def _no_mistake(self) -> Iterator[None]:
        """For what runs several times at once: which of them fails first depends on the schedule."""
        kept, self._mistake = self._mistake, None
        before, self.several = self.several, True
        yield
        self._mistake, self.several = kept, before

    # --- what bodies share --------------------------------------------------------------------------------------------

    def takes_mistake(self, probability: float) -> str | None:
        """The mistake of the program, if it is to be made here."""
        if self._mistake is None or not self._draws.chance(probability):
            return None
        mistake, self._mistake = self._mistake, None
        return mistake

    def takes_block(self) -> bool:
        """Whether there may be one more block; small programs have few, since each takes long to compile."""
        self._blocks += 1
        return not self.small or self._blocks <= SMALL_BLOCKS

    def spend(self, operators: float) -> None:
        """So many operators run."""
        self._left -= operators

    def is_spent(self, operators: float = 0) -> bool:
        """Whether there is no room for so many more."""
        return self._left < operators


class _Body:
    """Writes statements into the open builder.

    Args:
        program: whose they are.
        operators: over which blobs.
        rounds: how often they run.
        counters: int64 blobs that count the rounds of the loops around them.
    """

    def __init__(
        self, program: Program, operators: Operators, rounds: float = 1, counters: tuple[Any, ...] = ()
    ) -> None:
        self._program = program
        self._draws = program._draws
        self._operators = operators
        self._rounds = rounds
        self._counters = counters

    def write(self, depth: int, *, most: int = 6) -> None:
        """Write some statements, with so many blocks in each other at most."""
        for _ in range(self._draws.randint(1, min(most, self._program.statements))):
            if self._program.is_spent():
                break
            if depth > 0 and self._program.small and not self._counters and self._program.takes_block():
                self._draws.choice([self._loop, self._counted_step, self._loop_until])(depth - 1)
            elif depth > 0 and self._draws.chance(0.5) and self._program.takes_block():
                self._block(depth - 1)
            else:
                self._simple(ops)
            if self._counters:
                mistake = self._program.takes_mistake(0.4)
                if mistake is not None:
                    self._wrong(mistake)

    def _simple(self, writer: Any) -> None:
        for _ in range(1 if self._program.small else self._draws.randint(1, 3)):
            self._operators.operator(writer)
            self._program.spend(self._rounds * 1.5)

    def _inner(self, rounds: float = 1, counter: Any = None) -> _Body:
        counters = (*self._counters, counter) if counter is not None else self._counters
        return _Body(self._program, self._operators, self._rounds * rounds, counters)

    def _count(self) -> int:
        """Of the rounds of a loop, for which there is room."""
        count = self._draws.choice(COUNTS)
        while count > 3 and self._program.is_spent(self._rounds * count * 12):
            count //= 3
        return count

    def _const(self, value: int) -> Any:
        return ops.Const(np.int64(value))

    def _flag(self) -> Any:
        """A bool blob."""
        draws = self._draws
        if self._counters and draws.chance(0.4):
            kind = draws.choice(["LT", "GE", "EQ"])
            return getattr(ops, kind)([draws.choice(self._counters), self._const(draws.randint(0, 5))])
        if draws.chance(0.4):
            return self._operators.a("b")
        letter = draws.choice("fdil")
        return getattr(ops, draws.choice(["LT", "GE"]))([self._operators.a(letter), self._operators.a(letter)])

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _block(self, depth: int) -> None:
        kinds: list[Callable[[int], None]] = [
            *[self._counted_step, self._loop, self._loop_until, self._branch] * 2,
            self._step_until,
            self._once,
            self._guard,
            self._if_operator,
            self._while_operator,
            self._if_net,
            self._first_written_inside,
            self._changes_type,
        ]
        if not self._program.exact:
            kinds += [self._counter_object, self._alone, self._in_time, self._while_net, self._at_once]
        self._draws.choice(kinds)(depth)

    def _counted_step(self, depth: int) -> None:
        count = self._count()
        counter = self._const(0)
        with tp.NetBuilder("counted") as builder:
            self._inner(count, counter).write(depth, most=4)
            ops.Add([counter, self._const(1)], [counter])
        ops.net(tp.execution_step("counted rounds", [tp.to_execution_step(builder)], num_iter=count))

    def _loop(self, depth: int) -> None:
        count = self._count()
        with ops.loop(count) as loop:
            self._inner(count, loop.iter()).write(depth, most=4)
            if self._draws.chance(0.2):
                ops.stop_if(self._flag())
                self._simple(ops)

    def _loop_until(self, depth: int) -> None:
        count = max(1, self._count())
        counter = self._const(0)
        with ops.loop():
            ops.Add([counter, self._const(1)], [counter])
            if self._draws.chance(0.3):
                self._inner(count, counter).write(0, most=2)
            ops.stop_if(ops.GE([counter, self._const(count)]))
            self._inner(count, counter).write(depth, most=3)

    def _step_until(self, depth: int) -> None:
        """A step of several nets, after each of which its stop blob is looked at."""
        count = max(1, self._count())
        counter, one, limit = self._const(0), self._const(1), self._const(count)
        stop = ops.Const(False)
        nets = [tp.Net("part") for _ in range(self._draws.randint(1, 3))]
        for net in nets:
            for _ in range(self._draws.randint(0, 2)):
                self._operators.operator(net)
                self._program.spend(self._rounds * count)
        counting = self._draws.choice(nets)
        counting.Add([counter, one], [counter])
        counting.GE([counter, limit], [stop])
        once = self._draws.choice([None, False, True])
        ops.net(tp.execution_step("until", nets, should_stop_blob=stop, only_once=once))

    def _once(self, depth: int) -> None:
        """Children that run once at the most; the stop blob skips the rest."""
        stop = ops.Const(False)
        steps = []
        for _ in range(2):
            with tp.NetBuilder("part") as builder:
                self._inner().write(depth, most=2)
                ops.Copy([self._flag()], [stop])
            steps.append(tp.to_execution_step(builder))
        ops.net(tp.execution_step("once", steps, should_stop_blob=stop, only_once=True))

    def _branch(self, depth: int) -> None:
        with ops.If(self._flag()) as branch:
            self._inner().write(depth, most=3)
        if self._draws.chance(0.4):
            with branch.Elif(self._flag()):
                self._inner().write(depth, most=2)
        if self._draws.chance(0.6):
            with branch.Else():
                self._inner().write(depth, most=2)

    def _guard(self, depth: int) -> None:
        with ops.stop_guard() as guard:
            self._inner().write(depth, most=2)
            ops.stop_if(self._flag())
            self._inner().write(depth, most=2)
        ops.Copy([guard.has_stopped()], [self._operators.a("b")])

    def _net(self, rounds: float = 1) -> tp.Net:
        net = tp.Net("inner")
        self._inner(rounds)._simple(net)
        return net

    def _if_operator(self, depth: int) -> None:
        branches = {"then_net": self._net()}
        if self._draws.chance(0.6):
            branches["else_net"] = self._net()
        if depth and self._draws.chance(0.4):
            branches["then_net"].If([self._operators.a("b")], [], then_net=self._net())
        ops.net().If([self._flag()], [], **branches)

    def _while_operator(self, depth: int) -> None:
        count = self._count()
        counter, one, limit = self._const(0), self._const(1), self._const(count)
        going = ops.LT([counter, limit])
        body = self._net(count)
        options: dict[str, Any] = {}
        body.Add([counter, one], [counter])
        if self._draws.chance(0.5):
            before = options["cond_net"] = tp.Net("before")
            self._operators.operator(before)
            before.LT([counter, limit], [going])
        else:
            body.LT([counter, limit], [going])
        ops.net().While([going], [], loop_net=body, **options)

    def _if_net(self, depth: int) -> None:
        flag = self._flag()
        if self._program.exact:
            return  # it runs in a workspace of its own
        with ops.IfNet(flag):
            self._simple(ops)
        if self._draws.chance(0.5):
            with ops.Else():
                self._simple(ops)

    def _while_net(self, depth: int) -> None:
        count = min(self._count(), 40)
        counter, limit, one = self._const(0), self._const(count), self._const(1)
        with ops.WhileNet():
            with ops.Condition():
                ops.LT([counter, limit])
            self._inner(count)._simple(ops)
            ops.Add([counter, one], [counter])

    def _first_written_inside(self, depth: int) -> None:
        """A blob that a branch writes first, and that is read behind the branch."""
        if self._program.exact and self._draws.chance(0.95):
            return  # behind it nothing is known of the blob, so the loop is not native
        letter = self._draws.choice("fil")
        new = self._operators.new_name("n")
        with ops.If(self._flag()) as branch:
            ops.Const(some_value(self._draws, letter), blob_out=new)
            self._inner().write(depth, most=2)
        if self._program.exact or self._program.several or self._draws.chance(0.9):
            with branch.Else():
                ops.Const(some_value(self._draws, letter), blob_out=new)
        ops.Copy([new], [self._operators.a(letter)])

    def _changes_type(self, depth: int) -> None:
        """A loop in which a blob has another element type from some round on."""
        if self._program.exact and self._draws.chance(0.8):
            return
        count = self._count()
        blob = self._operators.new_name("n")
        ops.Copy([self._operators.a("i")], [blob])
        with ops.loop(count) as loop:
            with ops.If(ops.EQ([loop.iter(), self._const(self._draws.randint(0, count))])):
                ops.Cast([self._operators.a("l")], [blob], to=self._draws.choice(["float", "int64", "bool"]))
            self._inner(count, loop.iter()).write(depth, most=2)
            result = ops.Cast([blob], to="float")
            ops.Copy([result], [self._operators.a("f")])
        self._program.spend(self._rounds * count * 6)

    # --- blocks that are not native -----------------------------------------------------------------------------------

    def _counter_object(self, depth: int) -> None:
        count = min(self._count(), 300)
        counter = ops.CreateCounter([], 1, init_count=count)
        with ops.loop():
            ops.stop_if(ops.CountDown([counter]))
            self._inner(count).write(depth, most=2)
        ops.Copy([ops.RetrieveCount([counter])], [self._operators.a("l")])

    def _alone(self, depth: int) -> None:
        """A step with a workspace of its own, in a loop."""
        count = min(self._count(), 10)
        with tp.NetBuilder("alone") as builder:
            ops.Const(np.int32(3), blob_out=self._operators.new_name("own"))
            self._inner(count).write(depth, most=3)
        ops.net(
            tp.execution_step(
                "alone rounds",
                [tp.execution_step("alone", [tp.to_execution_step(builder)], create_workspace=True)],
                count,
            )
        )

    def _in_time(self, depth: int) -> None:
        with ops.timeout(1000.0):
            self._inner().write(depth, most=2)

    def _at_once(self, depth: int) -> None:
        """Steps that run at once, on blobs of their own, and add to one number."""
        if self._rounds > 20:
            return
        total = Total()
        steps = [isolated("beside", partial(self._beside, total, depth)) for _ in range(self._draws.randint(1, 2))]
        self._program.compares_after_failure = False
        run_at_once(steps, self._draws.choice([1, 2]))
        ops.Copy([total.blob], [self._operators.a("l")])

    def _beside(self, total: Total, depth: int) -> None:
        operators = self._program._operators(self._operators.new_name("s"))
        operators.begin(ops, self._program._inputs)
        with self._program._no_mistake():
            _Body(self._program, operators, self._rounds * 2).write(depth, most=3)
        total.add(ops.call(digest, *operators.names()))

    # --- mistakes -----------------------------------------------------------------------------------------------------

    def _wrong(self, mistake: str) -> None:
        """An operator that fails in some round of the loops around it, if that comes."""
        counter, number = self._draws.choice(self._counters), self._draws.choice([0, 1, 2, 3, 30])
        match mistake:
            case "div":
                ops.Div([self._const(7), ops.Sub([self._const(number), counter])], [self._operators.new_name("q")])
            case "call":
                ops.call(fails_at(number), counter)
            case "type":
                with self._odd_blob(counter, number, "f", "int32") as blob:
                    ops.Add([blob, self._operators.a("f")], [self._operators.new_name("q")])
            case _:
                with self._odd_blob(counter, number, "b", "int32") as blob:
                    ops.net().If([blob], [], then_net=self._net())

    @contextmanager
    def _odd_blob(self, counter: Any, number: int, letter: str, other: str) -> Iterator[str]:
        """A blob that has another type in one round."""
        blob = self._operators.new_name("odd")
        ops.Copy([self._operators.a(letter)], [blob])
        with ops.If(ops.EQ([counter, self._const(number)])):
            ops.Cast([self._operators.a("l")], [blob], to=other)
        yield blob
