"""What of a run is compiled, and when. The engine knows no more of the compiler than this."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from taskplan.engine.bound import BoundStep, limit_of
from taskplan.engine.interpret import BoundNet
from taskplan.engine.run import Run
from taskplan.engine.tier import Tier

if TYPE_CHECKING:
    from taskplan.engine.compiler.region import Compiled, Perform

HOT_ROUNDS = 200
"""A loop is compiled when so many of its rounds have been interpreted: that took about as long as compiling takes. One
round is interpreted in any case, so that there is something in all blobs to go by."""


class Compiler:
    """Compiles what is hot, or all that can be.

    Args:
        tier: `AUTO` compiles what is hot; `PYTHON` and `NATIVE` all that can be, at once.
    """

    def __init__(self, tier: Tier) -> None:
        self.tier = tier

    def first_look(self, step: BoundStep, run: Run, limit: float) -> float:
        """The round before which `take_up` is to be asked for the first time."""
        if not run.plan.facts(step.definition).sequential:
            return math.inf
        if self.tier is not Tier.AUTO:
            return 0
        if limit <= 1:
            return math.inf
        return max(1, HOT_ROUNDS - run.plan.way(step.definition).rounds)

    def take_up(self, step: BoundStep, run: Run, perform: Perform) -> Compiled | None:
        """The step compiled; None if it is interpreted all the same."""
        from taskplan.engine.compiler.region import Compiled
        from taskplan.engine.compiler.tree import NotCompiledError, region_of

        way = run.plan.way(step.definition)
        if way.why_interpreted:
            return None

        def compiled() -> Compiled:
            return Compiled(region_of(step, run, limit_of(step.definition)), run, perform, self.tier)

        try:
            return run.compiled(step.space, id(step), compiled)
        except NotCompiledError as error:
            way.why_interpreted = str(error)
            return None

    def finish_loop(self, net: BoundNet, index: int) -> bool:
        """Do the rounds of an operator `While` that are left; False if that cannot be done."""
        from taskplan.engine.compiler.region import Compiled
        from taskplan.engine.compiler.tree import NotCompiledError, region_of_while

        def compiled() -> Compiled:
            return Compiled(region_of_while(net, index), net.run, _nothing, self.tier)

        try:
            loop = net.run.compiled(net.space, (net, index), compiled)
        except NotCompiledError:
            return False
        loop.finish()
        return True

    def chained(self, net: BoundNet) -> list[tuple[int, Callable[[], None]]]:
        """See `taskplan.engine.compiler.chains.chained`."""
        if self.tier is Tier.PYTHON:
            return list(enumerate(net.calls))
        from taskplan.engine.compiler.chains import chained

        return chained(net, forced=self.tier is Tier.NATIVE)


def compiler_of(tier: Tier) -> Compiler | None:
    """The compiler of a tier; none for the interpreter."""
    return None if tier is Tier.INTERPRET else Compiler(tier)


def _nothing(step: BoundStep, run: Run) -> None:
    """What stands in an operator is no step."""
