"""Faults on demand, for simulations: what is to go wrong, where, and how probably.

Example::

    Fault("DequeueBlobs", "delay", delay_s=2.0, probability=0.1)
    Fault("task:reader", "kill")
    Fault("EnqueueBlobs", "fail", nth=3)
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from taskplan.cancel import CancelToken
from taskplan.engine.prepare import PreparedPlan
from taskplan.errors import BuildValueError, Cancelled, InjectedFaultError
from taskplan.plan.model import OpDef
from taskplan.plan.names import did_you_mean, function_name

if TYPE_CHECKING:
    from taskplan.engine.virtual import VirtualDriver

KINDS = ("kill", "delay", "fail")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong in a simulation.

    Args:
        at: where: the type of an operator, the name of a net or of a function, a line as `"train.py:12"`, a task as
            `"task:NAME"`, or a node as `"node:NAME"`. `*` and `?` stand for any letters; `"*"` is everywhere.
        kind: `"fail"`: the operator fails instead of being executed, as a write to a full disk would. `"delay"`: it
            begins `delay_s` later. `"kill"`: for a node, all of it is gone at once, so not even its closing blocks run;
            elsewhere the task fails there.
        probability: of the fault, each time that such an operator is about to be executed.
        nth: only the n-th time (counted from 1), if given.
        delay_s: for `"delay"`, in seconds of virtual time.
        times: how often it happens in a run, at most.

    Raises:
        BuildValueError: there is no such kind, or a number is out of range.
    """

    at: str
    kind: str = "fail"
    probability: float = 1.0
    nth: int | None = None
    delay_s: float = 1.0
    times: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"a fault's kind is one of {', '.join(KINDS)}, got {self.kind!r}{did_you_mean(self.kind, KINDS)}"
            raise BuildValueError(msg)
        if not 0 <= self.probability <= 1:
            msg = f"a fault's probability is between 0 and 1, got {self.probability!r}"
            raise BuildValueError(msg)
        if not 0 <= self.delay_s < math.inf or self.times < 1 or (self.nth is not None and self.nth < 1):
            msg = f"a fault's delay_s must be 0 or more, times and nth 1 or more, got {self!r}"
            raise BuildValueError(msg)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """A fault from `KIND@PLACE`, with `,name=value` for the other arguments: `delay@DequeueBlobs,probability=0.1`.

        Raises:
            BuildValueError: it is none.
        """
        head, *rest = text.split(",")
        kind, found, at = head.partition("@")
        try:
            given = dict(each.split("=", 1) for each in rest)
            numbers = {name: (int if name in ("nth", "times") else float)(value) for name, value in given.items()}
            if not found or not at or not numbers.keys() <= {"probability", "nth", "delay_s", "times"}:
                raise ValueError
        except ValueError:
            msg = f"a fault is written KIND@PLACE[,probability=P][,nth=N][,delay_s=S][,times=N], got {text!r}"
            raise BuildValueError(msg) from None
        return cls(at, kind, **numbers)  # type: ignore[arg-type] # numbers are of the kind that each name wants


@dataclass(slots=True)
class _Struck:
    """A fault in one run."""

    fault: Fault
    seen: int = 0
    happened: int = 0


@dataclass(slots=True)
class Aim:
    """A fault that may strike an operator, and the node on which that is."""

    struck: _Struck
    place: str
    node: str | None


class FaultPlan:
    """The faults of one run.

    Args:
        faults: what may happen.
        seed: of the probabilities.
    """

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        self.happened: list[str] = []
        self._struck = [_Struck(fault) for fault in faults]
        self._random = random.Random(f"faults {seed}")
        self._dead: set[str] = set()

    def of(self, op: OpDef, net: str, plan: PreparedPlan) -> list[Aim]:
        """The faults that may strike an operator of a net, where there are any; in plans with dead nodes, all look."""
        if not self._struck:
            return []
        task, node = plan.owner(net)
        labels = [op.type, net, f"{PurePath(op.site.file).name}:{op.site.line}"]
        if op.function is not None:
            labels.append(function_name(op.function).rpartition(":")[2])
        if task is not None:
            labels += [f"task:{task}", f"task:{task.rpartition('/')[2]}"]
        labels.append(f"node:{node}")
        place = f"{op.type} in {f'task {task!r} on node {node!r}' if task else f'net {net!r}'}, {op.site}"
        aims = [
            Aim(struck, place, node)
            for struck in self._struck
            if any(fnmatchcase(label, struck.fault.at) for label in labels)
        ]
        kills_nodes = any(struck.fault.kind == "kill" and _is_node(struck.fault) for struck in self._struck)
        return aims or ([Aim(_Struck(_NOTHING), place, node)] if kills_nodes else [])

    def strike(self, aims: Sequence[Aim], driver: VirtualDriver, token: CancelToken) -> None:
        """Do what the faults of an operator that is about to be executed say.

        Raises:
            InjectedFaultError: a fault kills it, or makes it fail.
            Cancelled: its node is dead.
        """
        for aim in aims:
            if aim.node in self._dead:
                raise Cancelled
            struck, fault = aim.struck, aim.struck.fault
            struck.seen += 1
            if struck.happened >= fault.times or (fault.nth is not None and struck.seen != fault.nth):
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            struck.happened += 1
            self.happened.append(f"{fault.kind} at {aim.place}")
            if fault.kind == "delay":
                driver.sleep(fault.delay_s, token)
                continue
            if fault.kind == "kill" and _is_node(fault) and aim.node is not None:
                self._dead.add(aim.node)
                msg = f"injected fault: node {aim.node!r} was lost at {aim.place}"
            else:
                msg = f"injected fault: {'killed' if fault.kind == 'kill' else 'failed'} at {aim.place}"
            raise InjectedFaultError(msg, fault=fault)


_NOTHING = Fault("", "delay", delay_s=0.0, probability=0.0)


def _is_node(fault: Fault) -> bool:
    return fault.at.startswith("node:")


def fault_digest(faults: Sequence[Fault]) -> str:
    """Four letters that stand for faults; `0000` for none."""
    if not faults:
        return "0000"
    return hashlib.blake2b(repr(tuple(faults)).encode(), digest_size=2).hexdigest()
