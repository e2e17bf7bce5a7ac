"""One operator without an engine: blobs are a dict, nothing runs beside it, and what would have to wait is an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from taskplan.operators.registry import check_arity, declaration, decode_arguments, slot_names
from taskplan.operators.run import UNSET, Scope
from taskplan.operators.waiting import NOT_YET, TIMED_OUT
from taskplan.plan.model import NetDef, OpDef


def f32(data: Any) -> Any:
    """An array of float32."""
    return np.array(data, np.float32)


def f64(data: Any) -> Any:
    """An array of float64."""
    return np.array(data, np.float64)


def i32(data: Any) -> Any:
    """An array of int32."""
    return np.array(data, np.int32)


class WouldWaitError(Exception):
    """An attempt could not go on, and nobody is there who could change that."""


@dataclass
class ScopedRun:
    """What `Do` asked for."""

    net: NetDef
    bound: Mapping[str, str]
    reuse: bool
    keep_copies: bool


@dataclass
class Bench:
    """A place to run operators one by one, on blobs of its own."""

    blobs: dict[str, Any] = field(default_factory=dict)
    nets: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What the nets do that are given as arguments, by the argument's name."""
    logged: list[str] = field(default_factory=list)
    scoped: list[ScopedRun] = field(default_factory=list)
    workspace: Any = field(default_factory=SimpleNamespace)

    def instance(
        self,
        kind: str,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        function: object = None,
        **arguments: Any,
    ) -> FakeRun:
        """An instance of an operator, which can be called again and again."""
        held = {name: _as_held(value) for name, value in arguments.items()}
        return FakeRun(self, OpDef(kind, tuple(inputs), tuple(outputs), held, function=function))

    def run(
        self,
        kind: str,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        function: object = None,
        **arguments: Any,
    ) -> Any:
        """Call an operator once: the value of its output, a list of values if it has several, None if it has none."""
        self.instance(kind, inputs, outputs, function, **arguments)()
        values = [self.blobs.get(name, UNSET) for name in outputs]
        return values[0] if len(values) == 1 else values or None


def _as_held(value: Any) -> Any:
    """An argument as a plan holds it."""
    if isinstance(value, list):
        return tuple(map(_as_held, value))
    if isinstance(value, bool):
        return int(value)
    return value.encode() if isinstance(value, str) else value


class FakeRun:
    """An `OpRun`. Calling it reads the blobs, runs the body, and stores what it returns (nothing, if that is None)."""

    def __init__(self, bench: Bench, op: OpDef) -> None:
        self.bench = bench
        self.op = op
        self.state: dict[str, Any] = {}
        self.workspace = bench.workspace
        self.rng = np.random.default_rng(1)
        self._declared = declaration(op.type)
        check_arity(self._declared, op.inputs, op.outputs)
        self._arguments = decode_arguments(self._declared, op.arguments)
        if self._declared.prepare is not None:
            self._declared.prepare(run=self, **self._arguments)

    def __call__(self) -> None:
        keywords = {"run": self} if self._declared.wants_run else {}
        values = [self.bench.blobs.get(name, UNSET) for name in self.op.inputs]
        slots = slot_names(self._declared.inputs, len(values))
        for slot in () if self._declared.stores else self._declared.updates:
            place = slots.index(slot)
            values[place] = np.array(values[place], order="C") if values[place] is not UNSET else UNSET
        returned = self._declared.body(*values, **self._arguments, **keywords)
        if returned is None:
            return
        stored = returned if isinstance(returned, tuple) else (returned,)
        if self._declared.updates:
            stored = tuple(each[()] if isinstance(each, np.ndarray) and not each.ndim else each for each in stored)
        assert len(stored) >= len(self.op.outputs)
        self.bench.blobs.update(zip(self.op.outputs, stored, strict=False))

    def wait(self, _reason: object, attempt: Callable[[], Any], timeout_s: float = math.inf) -> Any:
        answer = attempt()
        if answer is not NOT_YET:
            return answer
        if timeout_s < math.inf:
            return TIMED_OUT
        raise WouldWaitError

    def input(self, index: int) -> Any:
        return self.bench.blobs.get(self.op.inputs[index], UNSET)

    def own(self, index: int) -> Any:
        made = self.bench.blobs[self.op.inputs[index]] = np.array(self.input(index))
        return made

    def previous(self, index: int) -> Any:
        return self.bench.blobs.get(self.op.outputs[index], UNSET)

    def store(self, index: int, value: Any) -> None:
        self.bench.blobs[self.op.outputs[index]] = value

    def store_named(self, name: str, value: Any) -> None:
        self.bench.blobs[name] = value

    def wall_clock_ns(self) -> int:
        return 1_577_836_800_000_000_000

    def finish_loop(self) -> bool:
        return False

    def run_net(self, argument: str) -> None:
        self.bench.nets[argument]()

    def run_in_scope(
        self, net: NetDef, bound: Mapping[str, str], scope: Scope, *, reuse: bool, keep_copies: bool
    ) -> None:
        scope.workspaces.append(object())
        self.bench.scoped.append(ScopedRun(net, bound, reuse, keep_copies))

    def user_call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    def log(self, message: str) -> None:
        self.bench.logged.append(message)
