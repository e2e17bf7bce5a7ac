"""Branches and loops around nets and steps.

Each function returns a step. What it runs is a net, a step or a list of these. A condition is a bool blob, or a net
whose last external output is one; such a net is run as part of the construct::

    loop = While("refine", error_is_large, [predict_net, update_net])
    step = If("save", every_tenth, save_net, skip_net)

Steps are named `<name>/<function>`, in the current name scope; when that is taken, a number comes behind it.

Stop blobs decide: a step reads its stop blob after each child, never before the first. So a branch starts with a net
that computes the blob, and a loop whose test comes later is preceded by one that resets it, since the blob may still be
true from the run before.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import NamingContext, current_names
from taskplan.builder.net import Net
from taskplan.builder.setup import hand_over_attributes
from taskplan.builder.steps import ExecutionStep, scoped_execution_step, to_execution_step
from taskplan.errors import BuildValueError

Body = Any
"""What a construct runs: a net, a step, or a list of these."""

Condition = Net | BlobReference
"""A bool blob, or a net whose last external output is one."""

Guard = Callable[[Condition], tuple[Net, BlobReference]]
"""Makes the net that computes a stop blob from a condition."""


# --- sequences --------------------------------------------------------------------------------------------------------


def Do(name: str, *nets_or_steps: Body) -> ExecutionStep:
    """Run them one after the other. A single step is returned as it is.

    Raises:
        BuildValueError: there is nothing to run.
    """
    parts = _listed(name, nets_or_steps)
    if len(parts) == 1 and isinstance(parts[0], ExecutionStep):
        return parts[0]
    return _step(name, "Do", parts)


def DoParallel(name: str, *nets_or_steps: Body) -> ExecutionStep:
    """Run them all at once, nets too. A single step is returned as it is.

    Raises:
        BuildValueError: there is nothing to run.
    """
    parts = _listed(name, nets_or_steps)
    if len(parts) == 1 and isinstance(parts[0], ExecutionStep):
        return parts[0]
    # The nets of one step run one after the other, whatever its flags, so each gets a step.
    return _step(name, "DoParallel", list(map(to_execution_step, parts)), concurrent_substeps=True)


# --- conditions -------------------------------------------------------------------------------------------------------


def BoolNet(*blobs_with_bool_value: tuple[BlobReference | str, bool]) -> Net:
    """A net that writes constants into blobs, which are its external outputs.

    Raises:
        BuildValueError: no blob is given.
    """
    net = Net("bool_net")
    for blob, value in _listed("BoolNet", blobs_with_bool_value):
        net.AddExternalOutput(net.Const(bool(value), blob_out=blob))
    return net


def NotNet(condition_blob_or_net: Condition) -> tuple[Net, BlobReference]:
    """A net that negates a condition, and the blob with the result. The net of the condition is not part of it."""
    return _net_of("not_net", "Not", condition_blob_or_net)


def _copy_net(condition: Condition) -> tuple[Net, BlobReference]:
    return _net_of("copy_net", "Copy", condition)


def _net_of(net_name: str, operator: str, condition: Condition) -> tuple[Net, BlobReference]:
    net = Net(net_name)
    result = getattr(net, operator)(_blob_of(condition))
    net.AddExternalOutput(result)
    return net, result


def GetConditionBlobFromNet(condition_net: Net) -> BlobReference:
    """The last external output of a net.

    Raises:
        BuildValueError: it has none.
    """
    outputs = condition_net.external_outputs
    if not outputs:
        msg = f"net {condition_net.Name()!r} is used as a condition, but has no external output; call AddExternalOutput"
        raise BuildValueError(msg)
    return outputs[-1]


def CombineConditions(name: str, condition_nets: Sequence[Net] | None, relation: str) -> Net | None:
    """A net that combines the condition blobs of nets, which are not part of it.

    Args:
        name: the name of the net.
        condition_nets: a list; of an empty one, or None, nothing is made.
        relation: the operator that combines two blobs, `And` or `Or`.

    Raises:
        BuildValueError: `condition_nets` is no list, or a net has no external output.
    """
    nets = _condition_list(condition_nets)
    if not nets:
        return None
    if len(nets) == 1:
        return _copy_net(nets[0])[0]
    combined = Net(name)
    combined.AddExternalOutput(_combined(combined, nets, relation))
    return combined


def MergeConditionNets(name: str, condition_nets: Sequence[Net] | None, relation: str) -> Net | None:
    """A net that does what the nets do, and then combines their condition blobs. It shares their attributes.

    Args:
        name: the name of the net.
        condition_nets: a list; of an empty one, or None, nothing is made. A single net is returned as it is.
        relation: the operator that combines two blobs, `And` or `Or`.

    Raises:
        BuildValueError: `condition_nets` is no list, or a net has no external output.
    """
    nets = _condition_list(condition_nets)
    if len(nets) <= 1:
        return nets[0] if nets else None
    merged = Net(name)
    for net in nets:
        merged.AppendNet(net)
        hand_over_attributes(net, merged)
    merged.AddExternalOutput(_combined(merged, nets, relation))
    return merged


def _condition_list(condition_nets: Sequence[Net] | None) -> list[Net]:
    if condition_nets is not None and not isinstance(condition_nets, list):
        msg = f"conditions are combined from a list of nets, got {condition_nets!r}"
        raise BuildValueError(msg)
    return condition_nets or []


def _combined(net: Net, condition_nets: Iterable[Net], relation: str) -> BlobReference:
    first, *others = map(GetConditionBlobFromNet, condition_nets)
    for other in others:
        first = getattr(net, relation)([first, other])
    return first


# --- branches ---------------------------------------------------------------------------------------------------------


def If(
    name: str, condition_blob_or_net: Condition, true_nets_or_steps: Body, false_nets_or_steps: Body = None
) -> ExecutionStep:
    """Run the first if the condition is true, else the second, if there is one.

    The condition is looked at once, before: a branch may change it.
    """
    if not false_nets_or_steps:
        return _once(name, "If", condition_blob_or_net, true_nets_or_steps, unless=NotNet)
    return _either(name, "If", condition_blob_or_net, true_nets_or_steps, false_nets_or_steps)


def IfNot(
    name: str, condition_blob_or_net: Condition, true_nets_or_steps: Body, false_nets_or_steps: Body = None
) -> ExecutionStep:
    """Run the first if the condition is false, else the second, if there is one.

    The condition is looked at once, before: a branch may change it.
    """
    if not false_nets_or_steps:
        return _once(name, "IfNot", condition_blob_or_net, true_nets_or_steps, unless=_copy_net)
    return _either(name, "IfNot", condition_blob_or_net, false_nets_or_steps, true_nets_or_steps)


def Switch(name: str, *conditions: tuple[Condition, Body]) -> ExecutionStep:
    """For each pair of a condition and a body, one after the other: run the body if the condition is true.

    Several may run. A condition is looked at after the bodies before it have run, and once.
    """
    pairs = _listed(name, conditions)
    return _step(name, "Switch", [_once(f"{name}/Switch", "If", cond, body, unless=NotNet) for cond, body in pairs])


def SwitchNot(name: str, *conditions: tuple[Condition, Body]) -> ExecutionStep:
    """As `Switch`, but each body runs if its condition is false."""
    pairs = _listed(name, conditions)
    steps = [_once(f"{name}/SwitchNot", "IfNot", cond, body, unless=_copy_net) for cond, body in pairs]
    return _step(name, "SwitchNot", steps)


def _once(name: str, kind: str, condition: Condition, body: Body, *, unless: Guard) -> ExecutionStep:
    """Run the body once, unless the blob that `unless` computes is true."""
    guard, skip = unless(condition)
    if not isinstance(condition, Net):
        return _step(name, kind, _after([guard], body), should_stop_blob=skip, only_once=True)
    # The blob is read after the condition's net already, when it may still be true from the run before.
    inner = _step(name, f"{kind}-inner", _after([condition, guard], body), should_stop_blob=skip, only_once=True)
    return _after_reset(name, kind, skip, inner)


def _either(name: str, kind: str, condition: Condition, if_true: Body, if_false: Body) -> ExecutionStep:
    sample, sampled = _copy_net(condition)
    return _step(
        name,
        kind,
        [
            _step(name, f"{kind}-condition", [*_nets_of(condition), sample]),
            _once(name, f"{kind}-true", sampled, if_true, unless=NotNet),
            _once(name, f"{kind}-false", sampled, if_false, unless=_copy_net),
        ],
    )


# --- loops ------------------------------------------------------------------------------------------------------------


def For(name: str, nets_or_steps: Body, iter_num: int) -> ExecutionStep:
    """Run them `iter_num` times; not at all if that is 0.

    Raises:
        ArgumentError: `iter_num` is negative.
    """
    create = Net(f"{name}/For-init")
    counter = create.CreateCounter([], init_count=iter_num)
    count_down = Net(f"{name}/For-count")
    done = count_down.CountDown([counter])
    loop = _step(name, "For-inner", _after([count_down], nets_or_steps), should_stop_blob=done)
    return _step(name, "For", [_step(name, "For-init", [create]), loop])


def While(name: str, condition_blob_or_net: Condition, nets_or_steps: Body) -> ExecutionStep:
    """Test, then run them, and again, as long as the condition is true."""
    negate, stop = NotNet(condition_blob_or_net)
    body = _after([*_nets_of(condition_blob_or_net), negate], nets_or_steps)
    if not isinstance(condition_blob_or_net, Net):
        return _step(name, "While", body, should_stop_blob=stop)
    return _after_reset(name, "While", stop, _step(name, "While-inner", body, should_stop_blob=stop))


def Until(name: str, condition_blob_or_net: Condition, nets_or_steps: Body) -> ExecutionStep:
    """Run them until the condition is true.

    A net is run before each time. A blob is read after each child, so it ends the loop as soon as one of them makes it
    true; the first child runs in any case.
    """
    body = _after(_nets_of(condition_blob_or_net), nets_or_steps)
    return _step(name, "Until", body, should_stop_blob=_blob_of(condition_blob_or_net))


def DoWhile(name: str, condition_blob_or_net: Condition, nets_or_steps: Body) -> ExecutionStep:
    """Run them, then test, and again, as long as the condition is true: at least once."""
    negate, stop = NotNet(condition_blob_or_net)
    body = _before([*_nets_of(condition_blob_or_net), negate], nets_or_steps)
    return _after_reset(name, "DoWhile", stop, _step(name, "DoWhile-inner", body, should_stop_blob=stop))


def DoUntil(name: str, condition_blob_or_net: Condition, nets_or_steps: Body) -> ExecutionStep:
    """Run them, then test, and again, until the condition is true.

    With a net, they run at least once. With a blob this is `Until`: if it is true before, only the first child runs.
    """
    stop = _blob_of(condition_blob_or_net)
    if not isinstance(condition_blob_or_net, Net):
        return _step(name, "DoUntil", _listed(name, (nets_or_steps,)), should_stop_blob=stop)
    body = _before([condition_blob_or_net], nets_or_steps)
    return _after_reset(name, "DoUntil", stop, _step(name, "DoUntil-inner", body, should_stop_blob=stop))


# --- parts ------------------------------------------------------------------------------------------------------------


def _step(name: str, kind: str, parts: list[Any], **flags: Any) -> ExecutionStep:
    return scoped_execution_step(_step_name(name, kind), parts, **flags)


def _after_reset(name: str, kind: str, stop: BlobReference, inner: ExecutionStep) -> ExecutionStep:
    """`inner`, after a step that makes its stop blob false."""
    return _step(name, kind, [_step(name, f"{kind}-reset", [BoolNet((stop, False))]), inner])


def _listed(name: str, given: Sequence[Any]) -> list[Any]:
    """What was given, as arguments or as one list."""
    parts = list(given[0]) if len(given) == 1 and isinstance(given[0], list) else list(given)
    if not parts:
        msg = f"control step {name!r} has nothing to run"
        raise BuildValueError(msg)
    return parts


def _blob_of(condition: Condition) -> BlobReference:
    return GetConditionBlobFromNet(condition) if isinstance(condition, Net) else condition


def _nets_of(condition: Condition) -> list[Net]:
    return [condition] if isinstance(condition, Net) else []


def _after(nets: list[Net], body: Body) -> list[Any]:
    """The body after `nets`; as nets if it consists of nets, else as steps."""
    parts = _listed("prepend", (body,))
    if not nets or _are_nets(parts):
        return [*nets, *parts]
    return [Do("prepend", *nets), *parts]


def _before(nets: list[Net], body: Body) -> list[Any]:
    """The body before `nets`; as nets if it consists of nets, else as steps."""
    parts = _listed("append", (body,))
    return [*parts, *nets] if _are_nets(parts) else [*parts, Do("append", *nets)]


def _are_nets(parts: Iterable[object]) -> bool:
    return all(isinstance(part, Net) for part in parts)


# --- names ------------------------------------------------------------------------------------------------------------


class _StepNames:
    """Names of control steps: the second time, and ever after, with a number that all of them share."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers = itertools.count(1)

    def take(self, base: str) -> str:
        name = base
        while name in self._taken:
            name = f"{base}_{next(self._numbers)}"
        self._taken.add(name)
        return name


_STEP_NAMES: WeakKeyDictionary[NamingContext, _StepNames] = WeakKeyDictionary()
_STEP_NAMES_LOCK = threading.Lock()


def _step_name(name: str, kind: str) -> str:
    with _STEP_NAMES_LOCK:
        return _STEP_NAMES.setdefault(current_names(), _StepNames()).take(f"{name}/{kind}")
