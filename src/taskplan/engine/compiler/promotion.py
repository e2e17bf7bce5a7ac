"""The way of a region from Python to native code: what is worth it, and when it is taken up."""

from __future__ import annotations

from taskplan.engine.bound import BoundStep
from taskplan.engine.compiler.follow import Typing
from taskplan.engine.compiler.machine_code import NotNativeError, Order, is_available
from taskplan.engine.compiler.native import NativeFunction, Slots
from taskplan.engine.compiler.writer import native_source
from taskplan.engine.run import Run
from taskplan.engine.tier import Tier

HOT_S = 0.05
"""A region becomes native when it has run in Python for so long: as long as loading native code takes."""


def promotion_of(step: BoundStep, run: Run, typing: Typing) -> Promotion | None:
    """The way of one function of a region; None if it has none."""
    tier, plan = run.shared.tier, run.plan
    why = typing.why_not_numeric()
    if not why and not is_available():
        why = "the packages of the extra 'fast' are not installed"
    if why:
        plan.not_native[id(step.definition)] = why
        return None
    promotion = Promotion(step, run, typing)
    if tier is Tier.NATIVE:
        promotion.take_up()
    return promotion


class Promotion:
    """Counts how long a function has run in Python, and has native code made when it is worth it.

    Attributes:
        native: the native code, once it is there.
    """

    def __init__(self, step: BoundStep, run: Run, typing: Typing) -> None:
        self.native: NativeFunction | None = None
        self._step = step
        self._plan = run.plan
        self._source = native_source(typing)
        self._typing = typing
        self._slots = Slots(typing, self._source)
        self._order: Order | None = None
        self._over = False

    def ran(self, elapsed_s: float) -> None:
        """The function has run in Python for so long again."""
        spent = self._plan.python_s
        key = id(self._step.definition)
        spent[key] = spent.get(key, 0.0) + elapsed_s
        if spent[key] >= HOT_S and not self._over:
            self.take_up(beside=True)

    def take_up(self, *, beside: bool = False) -> None:
        """Take native code, or have it made, now or beside the program."""
        try:
            if self._order is None:
                self._order = Order(f"{self._slots.kinds_of_arrays()}{self._source.text}\n\n{self._slots.entry()}")
            code = self._order.code() if beside else self._order.make()
            if code is None:
                self._order.place()
                return
        except NotNativeError as error:
            self._plan.not_native[id(self._step.definition)] = str(error)
            self._over = True
            return
        self._over = True
        self.native = NativeFunction(self._typing, self._source, self._slots, code)
        self._plan.went_native.add(id(self._step.definition))
