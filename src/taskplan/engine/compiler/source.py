"""The source of a region's function, for Python or for Numba.

The function runs the region from a place at which it can be entered (`at`). It returns place 0 when it is done, or,
when it has used up its `fuel` (a number of rounds), the place where it goes on. It takes and returns the counters of
its loops and the blobs that it keeps in variables. Both sources have the same shape; in native ones integers are cut to
their width, and a variable that holds nothing at first has a mark beside it that says when it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from taskplan.engine.cells import Cell
from taskplan.engine.compiler.tree import Branch, Foreign, Operator, Steps, While

DONE = 0
"""The place that a function returns when the region is at its end."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the function calls: an operator, a condition that has to be looked at, or a step that is performed.

    Attributes:
        node: whose it is.
        steps: the steps around it, from the outside in.
        chain: it is a chain that begins with the operator.
    """

    node: Operator | Branch | While | Steps | Foreign
    steps: tuple[Steps, ...]
    chain: bool = False


@dataclass(slots=True)
class Source:
    """A function as text, and what its names stand for.

    Attributes:
        text: the text.
        counters: the names of the counters, by the number of their step.
        variables: the names of the blobs in variables.
        cells: the names of the blobs that it reads and writes in their cells.
        calls: what it calls, by name.
        lines: the call that stands on a line.
        marked: of a native function, the variables that hold nothing at first.
        arrays: of a native function, those of the variables that are arrays.
        groups: their groups.
        sizes: the names of the sizes of arrays, by group.
        failures: of a native function, the operators that may fail; it returns place -1 for the first of them.
    """

    text: str = ""
    counters: dict[int, str] = field(default_factory=dict)
    variables: dict[Cell, str] = field(default_factory=dict)
    cells: dict[Cell, str] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    lines: dict[int, Call] = field(default_factory=dict)
    marked: tuple[Cell, ...] = ()
    arrays: tuple[Cell, ...] = ()
    groups: dict[Cell, int] = field(default_factory=dict)
    sizes: dict[int, str] = field(default_factory=dict)
    failures: list[Call] = field(default_factory=list)

    @property
    def scalars(self) -> tuple[Cell, ...]:
        """The variables that are no arrays."""
        return tuple(cell for cell in self.variables if cell not in self.arrays)

    @property
    def marks(self) -> list[str]:
        """The names of the marks."""
        return [f"{self.variables[cell]}_set" for cell in self.marked]


def needs_place(call: Call) -> bool:
    """Whether what is called may wait or call user code, so that somebody may ask where it stands."""
    match call.node:
        case Foreign():
            return True
        case Operator() as node:
            declared = node.net.prepared.ops[node.index].declared
            return declared.wants_run or declared.may_wait or bool(declared.effects) or not declared.is_builtin
        case _:
            return False
