"""What an operator's body may ask of whoever runs it, and the value of a blob that holds nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from taskplan.operators.waiting import Attempt, Reason
from taskplan.plan.model import NetDef, OpDef

T = TypeVar("T")


class Unset:
    """The type of `UNSET`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()
"""The value of a blob that exists and holds nothing: never written, or freed."""


class ByteString(bytes):
    """The value of a string blob, which is not a tensor.

    (A string tensor is an object array of bytes, also at rank 0.)
    """

    __slots__ = ()


class Scope:
    """The handle of `CreateScope`: the workspaces that `Do` made, newest last. What they are is known to the engine."""

    __slots__ = ("workspaces",)

    def __init__(self) -> None:
        self.workspaces: list[Any] = []


class OpRun(Protocol):
    """One instance of an operator, as its body sees it. It lives as long as the net instance that it belongs to."""

    op: OpDef
    state: dict[str, Any]
    """Private to this instance; empty when the net is created, kept from call to call."""
    workspace: Any
    """The workspace in which the operator was created."""
    rng: np.random.Generator
    """This instance's own generator, seeded from the plan, or from the run."""

    def wait(self, reason: Reason, attempt: Attempt, timeout_s: float = math.inf) -> Any:
        """Make the attempt now and again until it answers; `TIMED_OUT` if the time was up first. Raises `Cancelled`."""

    def input(self, index: int) -> Any:
        """The present value of an input (bodies that run nets re-read their condition)."""

    def own(self, index: int) -> Any:
        """The present value of an input that `updates` names, as an array to write into; for bodies that `store`."""

    def previous(self, index: int) -> Any:
        """The value that output `index` holds before this call, or `UNSET`."""

    def store(self, index: int, value: Any) -> None:
        """Make `value` the value of output `index` now, for bodies that must do so under a lock and return nothing."""

    def store_named(self, name: str, value: Any) -> None:
        """Make `value` the value of the blob of that name, made here if this workspace sees none (effect WORKSPACE)."""

    def wall_clock_ns(self) -> int:
        """The wall clock, in nanoseconds since 1970."""

    def finish_loop(self) -> bool:
        """Do the rounds that are left of an operator that repeats its nets, in a quicker way; False if there is none.

        To be asked before a round begins.
        """

    def run_net(self, argument: str) -> None:
        """Run the net given as `argument`, in this workspace; its instance was made together with this operator."""

    def run_in_scope(
        self, net: NetDef, bound: Mapping[str, str], scope: Scope, *, reuse: bool, keep_copies: bool
    ) -> None:
        """Run `net` in a workspace of its own where `bound` (inner name to outer name) names are the outer blobs."""

    def user_call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function of the user: Ctrl-C is raised inside it, and its failure is raised as it is."""

    def log(self, message: str) -> None:
        """Write a line to the run's log."""
