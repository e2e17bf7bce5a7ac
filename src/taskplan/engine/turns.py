"""What a simulation does around each operator: whose turn it is, what it touches, what it brings about.

An operator is *visible* if it touches a blob or an object that another strand may touch at the same time, one of them
changing it. Only there does it matter who goes first, so only there is there a choice. Functions of the user are taken
to touch nothing but the blobs that they are given, unless they are handed the workspace.

While nothing orders two such operators (no queue, no join between them), and one of them writes a blob, the blob is in
a race; who is ordered before whom is kept as vector clocks (Mattern, "Virtual time and global states of distributed
systems", 1989).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from taskplan.engine.cells import Cell, CellSpace
from taskplan.engine.faults import FaultPlan
from taskplan.engine.prepare import PreparedOp
from taskplan.engine.stalls import place_of, who_is
from taskplan.engine.strand import CURRENT
from taskplan.errors import Cancelled
from taskplan.operators.registry import SUBNETS, USER_CODE
from taskplan.operators.waiting import Shared
from taskplan.plan.names import Site, function_name

if TYPE_CHECKING:
    from taskplan.engine.interpret import BoundNet, Call
    from taskplan.engine.virtual import Fiber, VirtualDriver


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody touched a blob.

    Attributes:
        who: the task and its node, or the step.
        task: the task, if it is in one.
        operator: the type of the operator.
        site: the line of the user's program.
        writes: whether it wrote the blob, or only read it.
    """

    who: str
    task: str | None
    operator: str
    site: Site
    writes: bool

    def __str__(self) -> str:
        return f"{'written' if self.writes else 'read'} by {self.operator} in {self.who}, {self.site}"


@dataclass(frozen=True, slots=True)
class Race:
    """Two operators touched a blob, one of them wrote it, and nothing says which comes first."""

    blob: str
    first: Access
    second: Access

    def __str__(self) -> str:
        return f"race on blob {self.blob!r}\n  {self.first}\n  {self.second}"


@dataclass(slots=True)
class _Touched:
    """Who touched a blob last: number and epoch of the fiber, and the access."""

    write: tuple[int, int, Access] | None = None
    reads: dict[int, tuple[int, Access]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One operator that had its turn, for the trace of a run."""

    at_s: float
    who: str
    place: str
    site: Site

    def __str__(self) -> str:
        return f"{self.at_s:.6f} s  {self.place or self.who}  # {self.site}"


class Turns:
    """Goes around each operator of a simulated run.

    Args:
        faults: what is to go wrong.
        traced: keep the turns of visible operators, for people.
    """

    def __init__(self, faults: FaultPlan, *, traced: bool = False) -> None:
        self.driver: VirtualDriver
        self.races: list[Race] = []
        self.trace: list[Turn] = []
        self.returned: dict[str, Any] = {}
        """For each function of the user, a running digest of what its operator made of it."""
        self.faults = faults
        self.exempt: Callable[[str, Access, Access], bool] = lambda _blob, _first, _second: False
        """Says of a blob and two accesses that they are no race, though nothing orders them."""
        self._traced = traced
        self._contested: set[Cell] = set()
        self._touched: dict[Cell, _Touched] = {}
        self._raced: set[tuple[str, Site, Site]] = set()

    # --- what is touched by several -----------------------------------------------------------------------------------

    def contend(self, space: CellSpace, names: Iterable[str]) -> None:
        """Steps that touch these blobs, as they are visible in `space`, are about to run at once."""
        for name in names:
            cell = space.find(name)
            if cell is not None:
                self._contested.add(cell)

    # --- around an operator -------------------------------------------------------------------------------------------

    def around(
        self, call: Call, net: BoundNet, prepared: PreparedOp, index: int, sources: Sequence[Cell], targets: list[Cell]
    ) -> Call:
        """The call of an operator, with all that a simulation does around it."""
        declared, op, run = prepared.declared, prepared.op, net.run
        holds_nets = SUBNETS in declared.effects
        reads = tuple(sources[:1] if holds_nets else sources)
        writes = () if holds_nets else tuple(targets)
        anything = prepared.hands_out
        user_code = USER_CODE in declared.effects
        faults = self.faults.of(op, net.prepared.net.name, run.plan)
        cells = {*reads, *writes}
        driver = self.driver

        def around() -> None:
            token = run.token
            driver.operator_begins()
            contested = self._contested
            visible = bool(contested) and (anything or not contested.isdisjoint(cells))
            if visible:
                driver.take_turn()
            if token.cancelled:
                raise Cancelled
            if faults:
                self.faults.strike(faults, driver, token)
            if not visible:
                call()
            else:
                fiber = driver.fiber
                fiber.clock[fiber.number] += 1
                if self._traced:
                    self._trace(net, index, op.site)
                call()
                self._note_accesses(fiber, prepared, reads, writes)
            if user_code:
                self._note_result(prepared, net, index, targets)

        return around

    def _trace(self, net: BoundNet, index: int, site: Site) -> None:
        strand = CURRENT.get()
        place = net.place(index)
        if strand is not None:
            around = place_of(strand)
            place.steps, place.task, place.node = around.steps, around.task, around.node
        self.trace.append(Turn(self.driver.now(), who_is(strand) if strand else "", place.path(), site))

    # --- races --------------------------------------------------------------------------------------------------------

    def _note_accesses(self, fiber: Fiber, prepared: PreparedOp, reads: Sequence[Cell], writes: Sequence[Cell]) -> None:
        strand = CURRENT.get()
        who = who_is(strand) if strand is not None else ""
        op = prepared.op
        task = place_of(strand).task if strand is not None else None
        for cell in dict.fromkeys(writes):
            if cell in self._contested and not isinstance(cell.value, Shared):
                self._note_access(fiber, cell, Access(who, task, op.type, op.site, writes=True))
        for cell in dict.fromkeys(reads):
            if cell in self._contested and cell not in writes and not isinstance(cell.value, Shared):
                self._note_access(fiber, cell, Access(who, task, op.type, op.site, writes=False))

    def _note_access(self, fiber: Fiber, cell: Cell, access: Access) -> None:
        touched = self._touched.get(cell)
        if touched is None:
            touched = self._touched[cell] = _Touched()
        clock, me = fiber.clock, fiber.number
        for number, epoch, other in self._conflicting(touched, access):
            if number != me and clock.get(number, 0) < epoch:
                self._race(cell.name, other, access)
        if access.writes:
            touched.write = me, clock[me], access
            touched.reads.clear()
        else:
            touched.reads[me] = clock[me], access

    def _conflicting(self, touched: _Touched, access: Access) -> Iterator[tuple[int, int, Access]]:
        if touched.write is not None:
            yield touched.write
        if access.writes:
            for number, (epoch, other) in touched.reads.items():
                yield number, epoch, other

    def _race(self, blob: str, first: Access, second: Access) -> None:
        one, other = sorted((first.site, second.site))
        known = blob, one, other
        if known not in self._raced and not self.exempt(blob, first, second):
            self._raced.add(known)
            self.races.append(Race(blob, first, second))

    # --- what functions return ----------------------------------------------------------------------------------------

    def _note_result(self, prepared: PreparedOp, net: BoundNet, index: int, targets: Sequence[Cell]) -> None:
        name = f"{function_name(prepared.op.function)} (net {net.prepared.net.name!r}, op {index + 1})"
        digest = self.returned.get(name)
        if digest is None:
            digest = self.returned[name] = hashlib.blake2b(digest_size=8)
        for cell in targets:
            digest.update(_bytes_of(cell.value))
        digest.update(b"|")


def _bytes_of(value: Any) -> bytes:
    """What two equal values have in common; of objects only their class."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        return f"{array.dtype}{array.shape}".encode() + content
    return value if isinstance(value, bytes) else type(value).__qualname__.encode()
