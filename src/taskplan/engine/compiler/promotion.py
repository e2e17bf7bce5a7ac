"""The way of a region from Python to native code: what is worth it, and when it is taken up."""

from __future__ import annotations

import re
from collections.abc import Callable

from taskplan.engine.compiler.follow import Typing
from taskplan.engine.compiler.machine_code import NotNativeError, Order
from taskplan.engine.compiler.native import NativeFunction, Slots
from taskplan.engine.compiler.source import Source
from taskplan.engine.compiler.writer import native_source
from taskplan.engine.prepare import WayOfRunning
from taskplan.engine.tier import can_be_native

HOT_S = 0.05
"""A region becomes native when it has run in Python for so long: as long as loading native code takes."""

MOST_OPERATORS = 500
"""In native code: compiling takes longer than in proportion."""


class Promotion:
    """Counts how long a region has run in Python, and has native code made when it is worth it.

    Args:
        way: how the region runs.
        typing: what is known of the region now, for native code.
        forced: native code is made at once.

    Attributes:
        native: the native code, once it is there.
    """

    def __init__(self, way: WayOfRunning, typing: Callable[[], Typing], *, forced: bool) -> None:
        self.native: NativeFunction | None = None
        self._way = way
        self._typing = typing
        self._wanted: _Wanted | None = None
        self._over = False
        if forced:
            self._take_up(beside=False)

    def ran(self, elapsed_s: float) -> None:
        """The function has run in Python for so long again."""
        self._way.python_s += elapsed_s
        if self._way.python_s >= HOT_S and not self._over:
            self._take_up(beside=True)

    def _take_up(self, *, beside: bool) -> None:
        """Take native code, or have it made, now or beside the program."""
        try:
            wanted = self._wanted = self._wanted or _Wanted(self._typing(), self._way)
            code = wanted.order.code() if beside else wanted.order.make()
            if code is None:
                wanted.order.place()
                return
        except NotNativeError as error:
            self._way.why_not_native = str(error)
            self._over = True
            return
        self._over = self._way.is_native = True
        self.native = NativeFunction(wanted.typing, wanted.source, wanted.slots, code)


class _Wanted:
    """Native code that is wanted.

    Raises:
        NotNativeError: the region cannot be native, or nothing here can make it so.
    """

    def __init__(self, typing: Typing, way: WayOfRunning) -> None:
        why = typing.why_not_numeric()
        if not why and len(typing.expressions) > MOST_OPERATORS:
            why = f"it has more than {MOST_OPERATORS} operators, and would take long to compile"
        if not why and not can_be_native():
            why = "the packages of the extra 'fast' are not installed"
        if why:
            raise NotNativeError(why)
        self.typing = typing
        self.source = native_source(typing)
        self.slots = Slots(typing, self.source)
        way.native = self.source.text
        text = f"{self.slots.kinds_of_arrays()}{self.source.text}\n\n{self.slots.entry()}"
        self.order = Order(_anonymous(text, self.source))


def _anonymous(text: str, source: Source) -> str:
    """The text without names of blobs and steps, so that all regions that do the same share one native code."""
    numbers = {name: f"v{number}" for number, name in enumerate(source.variables.values())}
    numbers |= {f"{name}_set": f"{short}_set" for name, short in numbers.items()}
    numbers |= {f"{name}_k": f"{short}_k" for name, short in numbers.items()}
    numbers |= {f"at_{name}": f"at_{short}" for name, short in numbers.items()}
    code = re.sub(r" *#.*", "", text).strip()
    return re.sub(r"\w+", lambda word: numbers.get(word[0], word[0]), code)
