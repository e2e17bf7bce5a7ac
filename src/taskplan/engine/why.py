"""Who waits for whom: the answer as data, and as text.

Example::

    why = session.why()
    for wait in why.waits:
        print(wait.who, wait.verb, wait.subject, wait.for_s)
    print(why)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from taskplan.plan.names import Site


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who uses what is waited for, as the plan says it.

    Attributes:
        does: `"writes"`, `"reads"`, `"closes"`, or another word for what it does.
        who: the task and its node, or the step.
        state: `"waits"`, `"runs"`, `"has ended"` or `"has not begun"`.
        site: the line of the user's program.
    """

    does: str
    who: str
    state: str
    site: Site

    def __str__(self) -> str:
        return f"{self.who} ({self.state}), {self.site}"


@dataclass(frozen=True, slots=True)
class Wait:
    """One step that waits.

    Attributes:
        who: the task and its node, or the step.
        path: where it stands, from the outside in, with the iterations of loops.
        operator: the type of the operator that waits; empty for a step that waits for other steps or for a time.
        site: the line of the user's program that added the operator.
        verb: what it wants: `"take from"`, `"put into"`, `"see the end of"`, ...
        subject: the object, with its fill and capacity if it is a queue.
        name: the object's name.
        for_s: how long it has waited, in seconds of the session's clock.
        timeout_s: how long it will wait at most, in all.
        ends: what would end the wait.
        users: who uses the object.
        open: whether the object may be used from outside of the run.
        stuck: whether it can be proved that nothing in the run will ever end the wait.
        hint: the mistake that this looks like; empty if none is recognised.
    """

    who: str
    path: str
    operator: str
    site: Site | None
    verb: str
    subject: str
    name: str
    for_s: float
    timeout_s: float
    ends: str
    users: tuple[User, ...]
    open: bool
    stuck: bool
    hint: str = ""

    def lines(self) -> Iterator[str]:
        """The wait for people."""
        limit = f" of at most {self.timeout_s:g} s" if self.timeout_s < math.inf else ""
        yield self.path or self.who
        yield f"  waits   to {self.verb} {self.subject}, for {self.for_s:.3g} s{limit}"
        if self.site is not None:
            yield f"  added   {self.site}"
        if self.users or not self.open:
            for does, done in (("writes", "written"), ("reads", "read"), ("closes", "closed")):
                users = [str(user) for user in self.users if user.does == does]
                if users or (self.operator and self.verb in ("take from", "put into")):
                    yield f"  {done:7} by {'; '.join(users) or 'nobody'}"
            for user in self.users:
                if user.does not in ("writes", "reads", "closes"):
                    yield f"  {user.does:7} {user}"
        if self.open:
            yield "  open    it may be used from outside of the run, so this is no stall"
        elif self.ends:
            yield f"  ends    {self.ends}"


@dataclass(frozen=True, slots=True)
class Call:
    """One function of the user that runs now.

    Attributes:
        who: the task and its node, or the step.
        path: where it stands, from the outside in.
        site: the line of the user's program that added the operator.
        stack: where the function stands, as Python shows a stack.
    """

    who: str
    path: str
    site: Site | None
    stack: str

    def lines(self) -> Iterator[str]:
        """The call for people."""
        yield self.path or self.who
        yield "  runs    a function of yours"
        if self.site is not None:
            yield f"  added   {self.site}"
        for line in self.stack.rstrip().splitlines():
            yield f"    {line}"


@dataclass(frozen=True, slots=True)
class Why:
    """What a run does at one moment, as far as it does not just compute.

    Attributes:
        waits: the steps that wait, with those that can be proved stuck first.
        calls: the functions of the user that run.
        running: how many steps run operators, or are about to.
    """

    waits: tuple[Wait, ...] = ()
    calls: tuple[Call, ...] = ()
    running: int = 0

    @property
    def hints(self) -> tuple[str, ...]:
        """The mistakes that were recognised, each once."""
        return tuple(dict.fromkeys(wait.hint for wait in self.waits if wait.hint))

    def __str__(self) -> str:
        parts: tuple[Wait | Call, ...] = (*self.waits, *self.calls)
        lines = [f"  {line}" for part in parts for line in part.lines()]
        if self.running:
            steps = "1 step runs" if self.running == 1 else f"{self.running} steps run"
            lines.append(f"  {steps} operators")
        return "\n".join(lines) or "  nothing runs"
