"""Random plans: what the checker says of them against what the engine does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.checker.touch import call, net, op, program, step

import taskplan as tp
from taskplan.plan.model import NetDef, OpDef, ProgramDef, StepDef

BLOBS = ("a", "b", "c", "d", "e", "NODE_ID", "GLOBAL_WORKSPACE_ID")
UNDEFINED = ("which nothing before it writes", "which nothing makes")


class Unchecked(tp.LocalSession):
    """Runs whatever it is given."""

    checks = False


@dataclass
class Drawing:
    """Draws a plan; `certain` leaves out steps of which nobody knows beforehand whether they begin."""

    draw: st.DrawFn
    certain: bool
    nets: list[NetDef] = field(default_factory=list)
    steps: int = 0

    def blobs(self, most: int) -> str:
        # Writing comes easier than reading: else nearly every plan would be undefined at its first operator.
        return " ".join(self.draw(st.lists(st.sampled_from(BLOBS[:5]), max_size=most, unique=True)))

    def op(self, depth: int) -> OpDef:
        kind = self.draw(st.sampled_from(["touch"] * 6 + ["read", "if", "number", "alias"]))
        if kind == "if" and depth:
            branches = {
                "then_net": NetDef("then", self.ops(depth - 1)),
                "else_net": NetDef("else", self.ops(depth - 1)),
            }
            reads, writes = self.draw(st.sampled_from(BLOBS[:5])), self.blobs(1)
            return call("If", reads, writes, **branches)
        if kind == "number":
            return call("ConstantFill", "", "NODE_ID", value=1, dtype=2)
        if kind == "read":
            return op(self.draw(st.sampled_from(BLOBS)), "")
        return op("" if self.draw(st.booleans()) else self.blobs(1), self.blobs(2))

    def ops(self, depth: int) -> tuple[OpDef, ...]:
        return tuple(self.op(depth) for _ in range(self.draw(st.integers(0, 3))))

    def net(self) -> str:
        if self.nets and self.draw(st.integers(0, 3)) == 0:
            return self.draw(st.sampled_from(self.nets)).name
        self.nets.append(net(f"net{len(self.nets)}", *self.ops(1)))
        return self.nets[-1].name

    def step(self, depth: int, *, reporter: bool = False) -> StepDef:
        self.steps += 1
        name = f"step{self.steps}"
        own = self.draw(st.integers(0, 3)) == 0
        every_ms = 60_000 if reporter else None
        if not depth or self.draw(st.booleans()):
            parts: Sequence[StepDef | str] = [self.net() for _ in range(self.draw(st.integers(1, 2)))]
        else:
            parts = [self.step(depth - 1) for _ in range(self.draw(st.integers(1, 3)))]
            if self.draw(st.integers(0, 4)) == 0:
                parts = [self.step(0, reporter=True), *parts]
        flags: dict[str, object] = {"create_workspace": own, "every_ms": every_ms}
        flags["concurrent"] = self.draw(st.booleans())
        flags["times"] = self.draw(st.sampled_from([None, None, 1, 2]))
        if not self.certain:
            self.draw_doubts(flags, depth)
        return step(name, *parts, **flags)

    def draw_doubts(self, flags: dict[str, object], depth: int) -> None:
        doubt = self.draw(st.sampled_from(["none", "none", "never", "until", "closing"]))
        if doubt == "never":
            flags["times"] = 0
        elif doubt == "until":
            flags |= {"times": None, "until": self.draw(st.sampled_from(BLOBS[:5])), "only_once": True}
        elif doubt == "closing" and depth:
            flags["closing"] = (self.step(0),)


@st.composite
def programs(draw: st.DrawFn, *, certain: bool) -> ProgramDef:
    drawing = Drawing(draw, certain)
    steps = [drawing.step(2) for _ in range(draw(st.integers(1, 3)))]
    return program(drawing.nets, *steps)


def failure_of_a_run(drawn: ProgramDef) -> BaseException | None:
    with Unchecked(tp.Workspace(), timeout_s=60) as session:
        try:
            session.run(drawn)
        except RuntimeError as error:
            return error
    return None


def is_undefined(failure: BaseException | None) -> bool:
    text = "\n".join([str(failure), *getattr(failure, "__notes__", ())])
    return any(phrase in text for phrase in UNDEFINED)


def outcome(drawn: ProgramDef) -> tuple[set[str], BaseException | None]:
    codes, failure = {problem.code for problem in tp.check_program(drawn)}, failure_of_a_run(drawn)
    event(f"{sorted(codes)}, {type(failure).__name__}")
    return codes, failure


@settings(max_examples=200)
@given(programs(certain=True))
def test_what_passes_the_checker_meets_no_undefined_blob_when_it_runs(drawn):
    codes, failure = outcome(drawn)

    assert "TP106" in codes or not is_undefined(failure)


@settings(max_examples=200)
@given(programs(certain=False))
def test_a_plan_with_an_undefined_blob_fails_when_it_runs(drawn):
    codes, failure = outcome(drawn)

    assert "TP106" not in codes or failure is not None
