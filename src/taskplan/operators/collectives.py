"""Operators in which tasks of several nodes take part together, and the arithmetic of what they give.

They are written as `ops.barrier`, `ops.broadcast` and `ops.allreduce`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key, partial
from itertools import pairwise

import numpy as np

from taskplan.errors import DtypeError, OperatorError, ShapeError
from taskplan.operators.collective_objects import Collective, Failure, Fold, Meets, Offer, Seat, seat_of
from taskplan.operators.inference import Inferred, TensorSpec, no_tensors
from taskplan.operators.operands import (
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    Tensor,
    argument_error,
    dtype_name,
    require_dtype,
    require_tensor,
)
from taskplan.operators.registry import BLOCKS, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import Changes
from taskplan.plan.model import CollectiveDef

BARRIER, BROADCAST, ALLREDUCE = "CollectiveBarrier", "CollectiveBroadcast", "CollectiveAllReduce"

REDUCTIONS: dict[str, np.ufunc] = {"sum": np.add, "mean": np.add, "min": np.minimum, "max": np.maximum}

_MEETS = (Meets("collective"), BLOCKS)

_REDUCED = frozenset({F16, F32, F64, I8, I16, I32, I64, U8, U16})
_AVERAGED = frozenset({F16, F32, F64})

_ERRORS: dict[str, type[OperatorError]] = {each.__name__: each for each in (DtypeError, ShapeError)}

_CHUNK_BYTES = 1 << 12


@operator(BARRIER, inputs=("collective",), effects=_MEETS, infer=no_tensors)
def barrier(collective: Collective | Seat, *, run: OpRun) -> None:
    """Wait until all parties are there: every task in which a barrier of that name is written, and each instance of it.

    Inputs:
        collective: what the session makes for the name of the barrier; see `ops.barrier`.
    Example:
        CollectiveBarrier(epoch)
    """
    _meet(BARRIER, seat_of(collective), None, run)


def _given(_: TensorSpec | None, given: TensorSpec | None = None) -> Inferred:
    return given


@operator(BROADCAST, inputs=("collective", "X?"), outputs=("Y",), effects=_MEETS, infer=_given)
def broadcast(
    collective: Collective | Seat,
    x: Tensor | None = None,
    *,
    root: str = "",  # noqa: ARG001 - says which party has an X
    run: OpRun,
) -> Tensor:
    """Y = the X of the root, for every party. All parties wait for each other.

    Inputs:
        collective: what the session makes for the name of the broadcast; see `ops.broadcast`.
        X: any tensor, of the party on the node ``root``; the others have none.
    Outputs:
        Y: X.
    Example:
        CollectiveBroadcast(weights, X; root="trainer:0") -> Y
    """
    if x is not None:
        require_tensor(BROADCAST, "X", x)
    [y] = _meet(BROADCAST, seat_of(collective), None if x is None else (x,), run)
    return y


def _check_reduction(*, reduction: str) -> None:
    if reduction not in REDUCTIONS:
        text = f"must be one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}"
        raise argument_error(ALLREDUCE, "reduction", text)


def _as_given(_: TensorSpec | None, *given: TensorSpec | None) -> Inferred:
    return given


@operator(
    ALLREDUCE,
    inputs=("collective", "inputs+"),
    outputs=("outputs+",),
    in_place=(("inputs", "outputs"),),
    effects=_MEETS,
    check=_check_reduction,
    infer=_as_given,
)
def allreduce(collective: Collective | Seat, *inputs: Tensor, reduction: str = "sum", run: OpRun) -> tuple[Tensor, ...]:
    """The sum, mean, least or greatest of what all parties give, element by element; the same bits for every party.

    What the parties of one node give is folded in the order of its bytes, and then the nodes in the order of the
    program, so the result does not depend on who comes first. A mean is the sum divided by the number of parties, in
    the dtype of the inputs. All parties wait for each other.

    Inputs:
        collective: what the session makes for the name of the allreduce; see `ops.allreduce`.
        inputs: floats, or with "sum", "min" and "max" also integers; of the same shapes and dtypes in all parties.
    Outputs:
        outputs: one for each of the inputs, of its shape and dtype. Sums of integers wrap around.
    Raises:
        DtypeError: an input has another dtype, or that of another party; the message names both parties.
        ShapeError: parties give different shapes, or different numbers of blobs; the message names both parties.
    Example:
        CollectiveAllReduce(gradients, X; reduction="mean") -> Y
    """
    allowed = _AVERAGED if reduction == "mean" else _REDUCED
    for number, value in enumerate(inputs):
        slot = "the input" if len(inputs) == 1 else f"input {number}"
        require_tensor(ALLREDUCE, slot, value)
        require_dtype(ALLREDUCE, f"{slot} of {reduction!r}", value, allowed)
    if len(run.op.outputs) != len(inputs):
        msg = f"{ALLREDUCE}: got {len(inputs)} inputs and {len(run.op.outputs)} outputs; give one output for each input"
        raise OperatorError(msg, operator=ALLREDUCE)
    return _meet(ALLREDUCE, seat_of(collective), inputs, run)


def _meet(operator: str, seat: Seat, values: tuple[Tensor, ...] | None, run: OpRun) -> tuple[Tensor, ...]:
    """Take part in a round with `values`, fold what there is to fold meanwhile; what the round has come to."""
    collective = seat.collective
    offer = Offer(values, f"node {seat.node!r} ({run.op.site})")
    number = run.wait(Changes(collective), partial(collective.arrive, seat.node, offer))
    while True:
        answer = run.wait(Meets(collective), partial(collective.try_go_on, number))
        if isinstance(answer, Failure):
            raise _ERRORS[answer.error](f"{operator}: {answer.text}", operator=operator)
        if not isinstance(answer, Fold):
            given: tuple[Tensor, ...] = answer.values or ()
            return given
        _publish(collective, answer, run)


def _publish(collective: Collective, fold: Fold, run: OpRun) -> None:
    """Compute a fold, and let everybody know."""
    found = folded(collective.definition, fold)
    for node, message in run.wait(Changes(collective), partial(collective.publish, fold, found)):
        collective.send(node, message)


# --- the arithmetic ---------------------------------------------------------------------------------------------------


def folded(definition: CollectiveDef, fold: Fold) -> Offer | Failure:
    """What offers come to; a failure if they do not fit together."""
    giving = [offer for offer in fold.offers if offer.values is not None]
    if not definition.reduction:
        return giving[0] if giving else Offer(None)
    misfit = _misfit(definition, fold.round, giving)
    if misfit is not None:
        return misfit
    columns: list[Sequence[Tensor]] = list(zip(*[offer.values or () for offer in giving], strict=True))
    if fold.node is not None:
        columns = [_in_canonical_order(column) for column in columns]
    values = tuple([_reduced(REDUCTIONS[definition.reduction], column) for column in columns])
    if fold.node is None and definition.reduction == "mean":
        values = tuple([np.true_divide(value, value.dtype.type(sum(definition.parties))) for value in values])
    return Offer(values, min(offer.giver for offer in giving))


def _misfit(definition: CollectiveDef, number: int, offers: Sequence[Offer]) -> Failure | None:
    """The failure of a round whose offers are not all of the same dtypes and shapes."""
    for one, other in pairwise(sorted(offers, key=lambda offer: offer.giver)):
        found = _difference(one.values or (), other.values or ())
        if found is not None:
            error, mine, its = found
            text = (
                f"{definition.kind} {definition.name!r}: {one.giver} gives {mine}, {other.giver} gives {its}; "
                "all parties must give the same dtypes and shapes"
            )
            return Failure(definition.name, number, error.__name__, text)
    return None


def _difference(one: Sequence[Tensor], other: Sequence[Tensor]) -> tuple[type[OperatorError], str, str] | None:
    if len(one) != len(other):
        return ShapeError, f"{len(one)} blobs", f"{len(other)} blobs"
    for a, b in zip(one, other, strict=True):
        if a.dtype != b.dtype:
            return DtypeError, dtype_name(a.dtype), dtype_name(b.dtype)
        if a.shape != b.shape:
            return ShapeError, f"shape {a.shape}", f"shape {b.shape}"
    return None


def _in_canonical_order(values: Sequence[Tensor]) -> Sequence[Tensor]:
    """In an order that does not depend on who came first; of integers any, since it makes no difference."""
    if len(values) == 1 or values[0].dtype.kind != "f":
        return values
    return sorted(values, key=cmp_to_key(_compared))


def _compared(a: Tensor, b: Tensor) -> int:
    """Below, at or above 0: the bytes of `a` come before, are, or come after those of `b`."""
    mine, its = (np.ascontiguousarray(each).reshape(-1).view(np.uint8) for each in (a, b))
    for start in range(0, len(mine), _CHUNK_BYTES):
        left, right = (each[start : start + _CHUNK_BYTES].tobytes() for each in (mine, its))
        if left != right:
            return -1 if left < right else 1
    return 0


def _reduced(ufunc: np.ufunc, values: Sequence[Tensor]) -> Tensor:
    """The fold from left to right. None of the values is written into: they are others' too."""
    first, *rest = values
    if not rest:
        return first
    made: Tensor = ufunc(first, rest[0])
    for value in rest[1:]:
        made = ufunc(made, value, out=made) if made.ndim else ufunc(made, value)
    return made
