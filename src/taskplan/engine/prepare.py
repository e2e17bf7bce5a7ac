"""What can be settled about a plan before it has a workspace.

Declarations are looked up, arguments decoded, threads counted.

A prepared plan is made once and run any number of times.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from taskplan.engine.reach import Reach, contested_names, exposed_names, reach_of
from taskplan.errors import PlanError, TaskplanError, WorkspaceError
from taskplan.operators import registry
from taskplan.operators.registry import Declaration, check_arity, declaration, decode_arguments
from taskplan.operators.uses import reaches_workspace
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef
from taskplan.plan.order import ordinary_children, reporters, runs_together, stands

logger = logging.getLogger("taskplan")

NET_TYPES = frozenset(
    (
        *("simple", "dag", "async_dag", "async_scheduling", "parallel"),
        *("async_polling", "async_simple", "prof_dag", "rnn", "simple_refcount"),
    )
)
"""All run their operators in order, which every one of these executors allows."""

BRIEF_ROUNDS = 10_000
"""A step with more rounds than this has a thread of its own, so that it does not keep its siblings waiting."""

KEPT_BYTES = 1 << 12
"""Constants below this size are kept with the plan."""

QUEUE_MAKERS = frozenset({"CreateBlobsQueue", "CreateRebatchingQueue"})


@dataclass(frozen=True, slots=True)
class PreparedOp:
    """An operator call with its declaration and the arguments that it gives; and whether it hands out its workspace.

    `body` is the operator's with these arguments; of a declaration that wants a run, each instance makes its own.
    """

    op: OpDef
    declared: Declaration
    arguments: Mapping[str, Any]
    hands_out: bool
    body: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class PreparedNet:
    """A net ready to be bound to a workspace. `waits`: whether running it may wait or call user code."""

    net: NetDef
    ops: tuple[PreparedOp, ...]
    waits: bool


def prepare_op(op: OpDef) -> PreparedOp:
    """Look up and decode one call; unknown arguments are ignored here, since plans come from other programs too.

    Raises:
        TaskplanError: there is no such operator, or its counts or arguments are wrong; with a note of the user's line.
    """
    try:
        if op.node_name:
            msg = f"{op.type} asks for node {op.node_name!r} in its device option; place tasks using `with Node`"
            raise WorkspaceError(msg)
        declared = declaration(op.type)
        check_arity(declared, op.inputs, op.outputs)
        decoded = decode_arguments(declared, op.arguments, ignore_unknown=True)
        if not op.arguments.keys() <= declared.arguments.keys():
            unknown = ", ".join(sorted(op.arguments.keys() - declared.arguments.keys()))
            logger.warning("%s ignores the unknown argument %s; added %s", op.type, unknown, op.site)
    except TaskplanError as error:
        error.add_note(f"  added  {op.site}")
        raise
    arguments = {name: decoded[name] for name in op.arguments if name in decoded}
    body = declared.body if declared.wants_run else with_arguments(declared.body, arguments)
    if not op.inputs and declared.is_builtin and not declared.effects and not declared.wants_run:
        body = _kept(body)
    return PreparedOp(op, declared, arguments, reaches_workspace(op), body)


def with_arguments(body: Callable[..., Any], arguments: Mapping[str, Any]) -> Callable[..., Any]:
    """As `partial(body, **arguments)`; a function gets defaults of its own, which are quicker than keywords."""
    if not arguments:
        return body
    if type(body) is not FunctionType or not arguments.keys() <= _keyword_only(body.__code__):
        return partial(body, **arguments)
    bound = FunctionType(body.__code__, body.__globals__, body.__name__, body.__defaults__, body.__closure__)
    bound.__kwdefaults__ = {**(body.__kwdefaults__ or {}), **arguments}
    return bound


def _keyword_only(code: CodeType) -> set[str]:
    return set(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])


def _kept(body: Callable[..., Any]) -> Callable[..., Any]:
    """A pure function of nothing gives the same value each time: what is small is kept as long as the plan."""
    values: list[Any] = []

    def call() -> Any:
        if values:
            return values[0]
        value = body()
        if getattr(value, "nbytes", KEPT_BYTES) < KEPT_BYTES:
            values.append(value)
        return value

    return call


def prepare_net(net: NetDef) -> PreparedNet:
    """Prepare all operators of a net and check that its external blobs hang together.

    Raises:
        TaskplanError: an operator is wrong.
        WorkspaceError: the type of net is unknown, an input is neither external nor written before, or an external
            output is written by nobody.
    """
    if net.type and net.type not in NET_TYPES:
        msg = f"net {net.name!r} has type {net.type!r}; known types are {', '.join(sorted(NET_TYPES))}"
        raise WorkspaceError(msg)
    defined = set(net.external_inputs)
    for op in net.ops:
        if net.external_inputs:
            for blob in op.inputs:
                if blob not in defined:
                    msg = f"net {net.name!r}: {op.type} reads {blob!r}, no external input and not written before it"
                    error = WorkspaceError(msg, blob=blob)
                    error.add_note(f"  added  {op.site}")
                    raise error
        defined.update(op.outputs)
    for blob in net.external_outputs:
        if blob not in defined:
            msg = (
                f"net {net.name!r} declares the external output {blob!r}, which it neither writes nor takes as an input"
            )
            raise WorkspaceError(msg, blob=blob)
    ops = tuple(map(prepare_op, net.ops))
    return PreparedNet(net, ops, any(_waits(each) for each in ops))


def _waits(prepared: PreparedOp) -> bool:
    # A subnet may hold anything, an endless While among them.
    return prepared.declared.may_wait or registry.SUBNETS in prepared.declared.effects


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What is known of a step before it has a workspace.

    Attributes:
        ordinary: its children that are no reporters.
        reporters: its children that are.
        together: the ordinary children run at once.
        sequential: nothing in it, however deep, runs beside anything else in it.
        rounds: how often the leaves below it run, at the most, as far as its loops are counted.
        fault: how it contradicts itself; empty if it does not.
    """

    ordinary: tuple[StepDef, ...]
    reporters: tuple[StepDef, ...]
    together: bool
    sequential: bool
    rounds: int
    fault: str


@dataclass(slots=True)
class WayOfRunning:
    """How a step has run.

    Attributes:
        step: the step.
        rounds: how many rounds have been interpreted.
        python: its function in generated Python, as text, once it had one.
        python_s: how long that has run.
        native: its function for Numba, once it was to be native.
        is_native: native code has run.
        why_interpreted: why it is interpreted though all in it is done one after the other.
        why_not_native: why it has no native code though it is hot.
    """

    step: StepDef
    rounds: int = 0
    python: str = ""
    python_s: float = 0.0
    native: str = ""
    is_native: bool = False
    why_interpreted: str = ""
    why_not_native: str = ""


class PreparedPlan:
    """A plan with its nets prepared on first need, and what is known about its steps."""

    def __init__(self, plan: PlanDef) -> None:
        names = [net.name for net in plan.nets]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            msg = f"plan {plan.name!r} has several nets called {', '.join(map(repr, twice))}"
            raise PlanError(msg)
        self.plan = plan
        self._defs = {net.name: net for net in plan.nets}
        self._nets: dict[str, PreparedNet] = {}
        self._brief: dict[int, bool] = {}
        self._facts: dict[int, StepFacts] = {}
        self._contested: dict[int, frozenset[str]] = {}
        self._around: dict[int, tuple[StepDef, ...]] = {}
        self._exposed: dict[tuple[int, ...], frozenset[str] | None] = {}
        self._ways: dict[int, WayOfRunning] = {}
        self._owners: dict[str, tuple[str | None, str | None]] = {}
        self._reach: dict[tuple[int, ...], tuple[Sequence[StepDef], Reach]] = {}

    def net(self, name: str) -> PreparedNet:
        """The prepared net of that name.

        Raises:
            WorkspaceError: the plan has no such net.
        """
        prepared = self._nets.get(name)
        if prepared is None:
            definition = self._defs.get(name)
            if definition is None:
                msg = f"a step of plan {self.plan.name!r} runs net {name!r}, which the plan does not have"
                raise WorkspaceError(msg)
            prepared = self._nets[name] = prepare_net(definition)
        return prepared

    def definition(self, name: str) -> NetDef | None:
        """The net of that name as the plan has it."""
        return self._defs.get(name)

    def reach(self, steps: Sequence[StepDef]) -> Reach:
        """What steps of this plan may do to shared objects, looked at once."""
        key = tuple(map(id, steps))
        known = self._reach.get(key)
        if known is None:
            known = self._reach[key] = steps, reach_of(self, steps)  # with the steps, so that no other has their ids
        return known[1]

    def contested(self, step: StepDef) -> frozenset[str]:
        """The blobs that parts of a step which run at once contend for, looked at once."""
        known = self._contested.get(id(step))
        if known is None:
            known = self._contested[id(step)] = contested_names(self, step)
        return known

    def way(self, step: StepDef) -> WayOfRunning:
        """How a step runs, over all runs of this plan so far."""
        known = self._ways.get(id(step))
        if known is None:
            known = self._ways.setdefault(id(step), WayOfRunning(step))
        return known

    def ways(self) -> list[WayOfRunning]:
        """How the steps run that have been interpreted for more than a round, or compiled."""
        return list(self._ways.values())

    def exposed(self, step: StepDef) -> frozenset[str] | None:
        """The blobs that something beside a step may touch while it runs, one of them writing; None if any may be."""
        if not self._around:
            found: dict[int, tuple[StepDef, ...]] = {}
            _note_around(self.plan.steps, (), found)
            self._around = found  # all at once: others ask at the same time
        around = self._around[id(step)]
        key = tuple(map(id, around))
        if key not in self._exposed:
            self._exposed[key] = exposed_names(self, around)
        return self._exposed[key]

    def owner(self, net: str) -> tuple[str | None, str | None]:
        """The task and node of the steps that run a net; None for what is in no task."""
        if not self._owners:
            self._owners = {
                name: (task, node) for step, task, node in stands(self.plan.steps) for name in step.net_names()
            }
        return self._owners.get(net, (None, None))

    def is_brief(self, step: StepDef) -> bool:
        """Whether an execution of the step must end by itself: no waiting, user code, open loop, nothing concurrent."""
        known = self._brief.get(id(step))
        if known is None:
            known = self._brief[id(step)] = (
                (step.until is None or step.only_once is True)
                and self.facts(step).sequential
                and step.timeout_s is None
                and self.facts(step).rounds <= BRIEF_ROUNDS
                and all(self.is_brief(child) for child in step.steps)
                and not any(self._may_wait(name) for name in step.nets)
            )
        return known

    def _may_wait(self, net: str) -> bool:
        try:
            return self.net(net).waits
        except TaskplanError:
            return True  # what is wrong with it is said when it is made, in its place

    def facts(self, step: StepDef) -> StepFacts:
        """What is known of a step, looked at once."""
        known = self._facts.get(id(step))
        if known is None:
            known = self._facts[id(step)] = self._look_at(step)
        return known

    def _look_at(self, step: StepDef) -> StepFacts:
        ordinary, beside, together = ordinary_children(step), reporters(step), runs_together(step)
        alone = not together and not beside and not step.report_net
        return StepFacts(
            ordinary=ordinary,
            reporters=beside,
            together=together,
            sequential=alone and all(self.facts(child).sequential for child in ordinary),
            rounds=max(1, step.times or 1) * max(1, sum(self.facts(child).rounds for child in ordinary)),
            fault=_fault(step, ordinary),
        )

    def queue_blobs(self) -> list[str]:
        """The blobs in which operators of this plan make queues."""
        return [op.outputs[0] for net in self.plan.nets for op in net.ops if op.type in QUEUE_MAKERS]

    def threads(self) -> int:
        """How many threads of their own the plan's steps may need at once."""
        return max((self._threads(step) for step in self.plan.steps), default=0)

    def _threads(self, step: StepDef) -> int:
        facts = self.facts(step)
        watched = step.timeout_s is not None
        beside = len(facts.reporters) + bool(step.report_net) + watched + sum(map(self._threads, facts.reporters))
        if facts.together:
            children = sum((not self.is_brief(child)) + self._threads(child) for child in facts.ordinary)
            children *= max(1, step.instances or 1)
        else:
            children = max(map(self._threads, facts.ordinary), default=0)
        # A closing block comes after all else, and beside it somebody watches its time.
        return max([beside + children, *(1 + self._threads(closing) for closing in step.closing)])


def _note_around(steps: Sequence[StepDef], around: tuple[StepDef, ...], found: dict[int, tuple[StepDef, ...]]) -> None:
    """Note by its identity in which steps each step stands, from the outside in."""
    for step in steps:
        found[id(step)] = around
        _note_around((*step.steps, *step.closing), (*around, step), found)


def _fault(step: StepDef, ordinary: Sequence[StepDef]) -> str:
    """How a step contradicts itself, or nothing."""
    if step.steps and step.nets:
        return "holds both nets and steps"
    if step.only_once is not None and step.until is None:
        return "is marked only_once without a stop blob"
    if step.times is not None and step.until is not None:
        return f"has both num_iter={step.times} and stop blob {step.until!r}"
    if step.report_net is not None and step.report_interval_s is None:
        return f"has report net {step.report_net!r} without an interval"
    if step.until is not None and not step.nets and not ordinary:
        return f"waits for stop blob {step.until!r} and has nothing to run but reporters"
    return ""
