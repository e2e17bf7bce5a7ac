"""Lines: what instances of a task stand in, so that each does something alone, or in the order in which they came.

An instance enters and is alone at the entrance, until it lets the next one in. With that it has a number. Whoever waits
for its turn waits until all with smaller numbers have left the line. To leave is always right: an instance that ends
early leaves too, and holds nobody up.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.operands import I64, Tensor, require_dtype, sole_element
from taskplan.operators.registry import BLOCKS, MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import NOT_YET, Acquires, Follows, NotYet, Releases, Shared


class Line(Shared):
    """An entrance for one at a time, and the order of those who came through it.

    Args:
        name: the blob that holds it, for messages.
    """

    __slots__ = ("_entered", "_left", "_serving", "entrance")

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.entrance = -1  # the number of who stands there
        self._entered = 0
        self._serving = 0
        # Invariant: those who left before their turn, all greater than `_serving`.
        self._left: set[int] = set()

    def try_enter(self) -> int | NotYet:
        """Stand at the entrance; the number that one has from now on."""
        if self.entrance >= 0:
            return NOT_YET
        self.entrance = self._entered
        self._entered += 1
        return self.entrance

    def let_next_in(self, number: int) -> None:
        """Free the entrance, if one stands there."""
        if self.entrance == number:
            self.entrance = -1

    def try_turn(self, number: int) -> bool | NotYet:
        """Whether all who came before have left."""
        return True if number <= self._serving else NOT_YET

    def leave(self, number: int) -> None:
        """Be gone; leaving again, or without having entered, changes nothing."""
        if number < self._serving:
            return
        self.let_next_in(number)
        self._left.add(number)
        while self._serving in self._left:
            self._left.remove(self._serving)
            self._serving += 1

    def describe(self) -> str:
        """One phrase about the line's state."""
        inside = self._entered - self._serving - len(self._left)
        return f"line {self.name!r} ({inside} in it{', one at the entrance' if self.entrance >= 0 else ''})"


def _number(operator: str, number: Tensor) -> int:
    require_dtype(operator, "number", number, {I64})
    return int(sole_element(operator, "number", number))


@operator("CreateLine", outputs=("line",), effects=(MAKES,), infer=no_tensors)
def create_line(*, run: OpRun) -> Line:
    """A new line with nobody in it.

    Outputs:
        line: a line.
    Example:
        CreateLine() -> line
    """
    return Line(run.op.outputs[0])


@operator(
    "EnterLine",
    inputs=("line",),
    outputs=("number",),
    effects=(Acquires("line"), BLOCKS),
    infer=always(TensorSpec(I64)),
)
def enter_line(line: Line, *, run: OpRun) -> np.int64:
    """Stand at the entrance, alone; wait while somebody else does.

    Inputs:
        line: a line.
    Outputs:
        number: int64 of rank 0, how many entered before.
    Example:
        CreateLine() -> line
        EnterLine(line) -> 0 ():i64
        LeaveLine(line, 0 ():i64)
        EnterLine(line) -> 1 ():i64
    """
    return np.int64(run.wait(Acquires(line), line.try_enter))


@operator("LetNextIn", inputs=("line", "number"), effects=(Releases("line"),), infer=no_tensors)
def let_next_in(line: Line, number: Tensor, *, run: OpRun) -> None:
    """Free the entrance, and keep one's place in the line.

    Inputs:
        line: a line.
        number: int64, one element, of `EnterLine`.
    Example:
        CreateLine() -> line
        EnterLine(line) -> n
        LetNextIn(line, n)
        EnterLine(line) -> 1 ():i64
    """
    run.wait(Releases(line), partial(line.let_next_in, _number("LetNextIn", number)))


@operator("AwaitTurn", inputs=("line", "number"), effects=(Follows("line"), BLOCKS), infer=no_tensors)
def await_turn(line: Line, number: Tensor, *, run: OpRun) -> None:
    """Wait until all who entered before have left.

    Inputs:
        line: a line.
        number: int64, one element, of `EnterLine`.
    Example:
        CreateLine() -> line
        EnterLine(line) -> n
        AwaitTurn(line, n)
    """
    run.wait(Follows(line), partial(line.try_turn, _number("AwaitTurn", number)))


@operator("LeaveLine", inputs=("line", "number"), effects=(Releases("line"),), infer=no_tensors)
def leave_line(line: Line, number: Tensor, *, run: OpRun) -> None:
    """Leave the line, from wherever one stands; to leave again, or with a negative number, changes nothing.

    Inputs:
        line: a line.
        number: int64, one element, of `EnterLine`.
    Example:
        CreateLine() -> line
        EnterLine(line) -> n
        LeaveLine(line, n)
        LeaveLine(line, n)
    """
    run.wait(Releases(line), partial(line.leave, _number("LeaveLine", number)))
