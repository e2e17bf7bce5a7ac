"""Control inside a net: operators that run the nets which they are given as arguments.

What a subnet writes it has written; so the bodies here return None, and the outputs of their operators only say what
may change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.operands import BOOL, BOOLS, Tensor, argument_error, refuse, require_dtype, sole_element
from taskplan.operators.registry import ANY_PAIR, BLOCKS, IO, MAKES, SUBNETS, operator
from taskplan.operators.run import OpRun, Scope
from taskplan.operators.statistics import publish
from taskplan.operators.waiting import NOT_YET, Shared, Takes
from taskplan.plan.model import NetDef, OpDef


def holds(operator: str, condition: Tensor) -> bool:
    """Whether the condition of an operator is true.

    Raises:
        DtypeError, ShapeError: it is no bool, or not one.
    """
    if isinstance(condition, np.bool_):
        return bool(condition)
    require_dtype(operator, "condition", condition, BOOLS)
    return bool(sole_element(operator, "condition", condition))


class _Alarm(Shared):
    """What a step that sleeps waits for; nobody changes it."""

    __slots__ = ()

    def describe(self) -> str:
        """One phrase about it."""
        return "its alarm"


def _check_sleep(*, seconds: float) -> None:
    if not 0 <= seconds < math.inf:
        raise argument_error("Sleep", "seconds", f"must be a number of seconds from 0 on, got {seconds}")


@operator("Sleep", effects=(BLOCKS,), check=_check_sleep, infer=no_tensors)
def sleep(*, seconds: float, run: OpRun) -> None:
    """Do nothing for so long, by the session's clock.

    Example:
        Sleep(; seconds=0.001)
    """
    alarm = run.state.setdefault("alarm", _Alarm("alarm"))
    run.wait(Takes(alarm), lambda: NOT_YET, seconds)


@operator("CountIf", inputs=("condition",), effects=(IO,), infer=no_tensors)
def count_if(condition: Tensor, *, stat_name: str, message: str = "", run: OpRun) -> None:
    """Where a condition is true, add 1 to the statistic ``stat_name`` of the process, and log ``message``, if any.

    Inputs:
        condition: bool, one element.
    Example:
        CountIf(T (); stat_name="odd_rows", message="an odd row")
    """
    if holds("CountIf", condition):
        publish(run, [(stat_name, 1)])
        if message:
            run.log(message)


@operator(
    "If",
    inputs=("condition", "blobs*"),
    outputs=("blobs*",),
    in_place=ANY_PAIR,
    effects=(SUBNETS,),
    inexact="what the nets write",
)
def if_(
    condition: Tensor,
    *_blobs: object,
    then_net: NetDef,  # noqa: ARG001 - run by its name
    else_net: NetDef | None = None,
    run: OpRun,
) -> None:
    """Run one of two nets, in the same workspace.

    Inputs:
        condition: bool, one element, any rank.
        blobs: what the nets read.
    Outputs:
        blobs: what the nets write.
    Raises:
        DtypeError, ShapeError: the condition is no bool, or not one.
    Example:
        If(c; then_net={r = 1}, else_net={r = 2}) -> r
    """
    if holds("If", condition):
        run.run_net("then_net")
    elif else_net is not None:
        run.run_net("else_net")


_LOOK_AT = 200
"""Before this round it is asked whether there is a quicker way: until then compiling would take longer."""


@operator(
    "While",
    inputs=("condition", "blobs*"),
    outputs=("blobs*",),
    in_place=ANY_PAIR,
    effects=(SUBNETS,),
    inexact="what the nets write",
)
def while_(
    _condition: Tensor,
    *_blobs: object,
    loop_net: NetDef,  # noqa: ARG001 - run by its name
    cond_net: NetDef | None = None,
    run: OpRun,
) -> None:
    """Run a net again and again while the condition holds, in the same workspace.

    Each time ``cond_net`` runs first, if there is one; then the condition is read, and ``loop_net`` runs if it is true.

    Inputs:
        condition: bool, one element, any rank; one of the nets writes it.
        blobs: what the nets read.
    Outputs:
        blobs: what the nets write.
    Raises:
        DtypeError, ShapeError: the condition is no bool, or not one.
    Example:
        While(c; loop_net={...}, cond_net={c = n > 0}) -> n
    """
    rounds = 0
    while True:
        if rounds == _LOOK_AT and run.finish_loop():
            return
        rounds += 1
        if cond_net is not None:
            run.run_net("cond_net")
        if not holds("While", run.input(0)):
            return
        run.run_net("loop_net")


def _check_do(
    *,
    inner_blobs: Sequence[str],
    outer_blobs_idx: Sequence[int],
    reuse_workspace: bool,
    copy_external_blobs: bool,
    **_: object,
) -> None:
    if len(inner_blobs) != len(outer_blobs_idx):
        text = f"has {len(inner_blobs)} names for {len(outer_blobs_idx)} of 'outer_blobs_idx'; give as many of each"
        raise argument_error("Do", "inner_blobs", text)
    if len(set(inner_blobs)) != len(inner_blobs):
        raise argument_error("Do", "inner_blobs", f"binds a name twice: {list(inner_blobs)}")
    if len(set(outer_blobs_idx)) != len(outer_blobs_idx) or min(outer_blobs_idx, default=0) < 0:
        text = f"must hold different numbers of inputs and outputs, counted from 0, got {list(outer_blobs_idx)}"
        raise argument_error("Do", "outer_blobs_idx", text)
    if reuse_workspace and copy_external_blobs:
        text = "keeps copies in each workspace, so it does not go together with 'reuse_workspace'"
        raise argument_error("Do", "copy_external_blobs", text)


@operator(
    "Do",
    inputs=("blobs*", "scope"),
    outputs=("blobs*", "scope"),
    in_place=ANY_PAIR,
    must_in_place=(("scope", "scope"),),
    effects=(SUBNETS,),
    check=_check_do,
    inexact="what the net writes",
)
def do(
    *blobs_and_scope: object,
    net: NetDef,
    inner_blobs: Sequence[str] = (),
    outer_blobs_idx: Sequence[int] = (),
    reuse_workspace: bool = False,
    copy_external_blobs: bool = False,
    saved_fwd_blobs: Sequence[str] = (),  # noqa: ARG001 - Caffe2's, for gradients
    run: OpRun,
) -> None:
    """Run a net in a workspace of its own, which stays in the scope.

    The inner blob ``inner_blobs[k]`` *is* the outer blob number ``outer_blobs_idx[k]``, counted through the inputs and
    then the outputs, both without the scope. No other outer blob is visible inside, and no other inner blob outside.
    With ``reuse_workspace`` the net runs in the newest workspace of the scope, if it has one. With
    ``copy_external_blobs`` the workspace keeps what the bound blobs held when the net had run.

    Inputs:
        blobs: what the net reads; each blob is bound once.
        scope: the handle that `CreateScope` makes.
    Outputs:
        blobs: what the net writes; each blob is bound once.
        scope: the same blob as the input.
    Raises:
        OperatorError: a blob is named twice on one side, bound twice or not at all, or a number is too large.
    Example:
        Do(X, sc -> Y, sc; net={t = x + x; y = t}, inner_blobs=[x, y], outer_blobs_idx=[0, 1])
    """
    scope = blobs_and_scope[-1]
    if not isinstance(scope, Scope):
        text = f"the last input, {run.op.inputs[-1]!r}, must be a scope, got {scope!r}; make it by CreateScope"
        raise refuse("Do", text)
    if "bound_names" not in run.state:
        run.state["bound_names"] = _bound_names(run.op, inner_blobs, outer_blobs_idx)
    bound: Mapping[str, str] = run.state["bound_names"]
    run.run_in_scope(net, bound, scope, reuse=reuse_workspace, keep_copies=copy_external_blobs)


def _bound_names(op: OpDef, inner_blobs: Sequence[str], outer_blobs_idx: Sequence[int]) -> Mapping[str, str]:
    """Inner names to outer names."""
    inputs, outputs = op.inputs[:-1], op.outputs[:-1]
    outer = inputs + outputs
    for side, names in (("inputs", inputs), ("outputs", outputs)):
        if len(set(names)) != len(names):
            raise refuse("Do", f"a blob stands twice among the {side} {', '.join(map(repr, names))}")
    if max(outer_blobs_idx, default=-1) >= len(outer):
        raise refuse("Do", f"outer_blobs_idx={list(outer_blobs_idx)} goes beyond the {len(outer)} inputs and outputs")
    bound = [outer[index] for index in outer_blobs_idx]
    twice = sorted({name for name in bound if bound.count(name) > 1})
    if twice:
        raise refuse("Do", f"outer_blobs_idx binds {', '.join(map(repr, twice))} twice")
    unbound = sorted(set(outer).difference(bound))
    if unbound:
        raise refuse("Do", f"outer_blobs_idx binds {', '.join(map(repr, unbound))} to no inner blob")
    return dict(zip(inner_blobs, bound, strict=True))


@operator("CreateScope", outputs=("scope",), effects=(MAKES,), infer=no_tensors)
def create_scope() -> Scope:
    """A scope without workspaces, for `Do` to fill; what one in its place held is given up.

    Outputs:
        scope: a scope.
    Example:
        CreateScope() -> sc
    """
    return Scope()


@operator("HasScope", inputs=("scope",), outputs=("has",), infer=always(TensorSpec(BOOL, (1,))))
def has_scope(scope: Scope) -> Tensor:
    """Whether the scope holds a workspace.

    Inputs:
        scope: a scope.
    Outputs:
        has: bool of shape (1,).
    Example:
        CreateScope() -> sc
        HasScope(sc) -> [F]
    """
    return np.array([bool(scope.workspaces)])
