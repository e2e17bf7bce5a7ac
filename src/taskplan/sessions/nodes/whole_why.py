"""Who waits for whom in a whole run, from what its parts say of themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from taskplan.engine.execute import FIRST_STRAND
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.stalls import DOES, WANTS, ring_hint, user_text
from taskplan.engine.why import User, Wait, Why
from taskplan.operators.collective_objects import Meets
from taskplan.operators.waiting import Puts
from taskplan.plan.names import CHANNEL, COLLECTIVE
from taskplan.sessions.nodes.messages import PartWhy

_ENDED_BY = {"take from": ("writes", "closes"), "put into": ("reads", "closes")}
"""What others do that ends a wait, by what it wants."""

_ORDER = list(DOES.values())

_MEETS, _PUTS = WANTS[Meets][0], WANTS[Puts][0]


def whole_why(parts: Mapping[str, PartWhy], plans: Mapping[str, PreparedPlan], *, stuck: bool) -> Why:
    """Put the answers of the parts together.

    Args:
        parts: by node; each as if nothing came from the other nodes.
        plans: of all nodes.
        stuck: it is certain that nothing comes from other nodes; only those are given then who wait for good.
    """
    states = {who: state for part in parts.values() for who, state in part.states.items()}
    waits = [
        _known_to_all(wait, plans, states)
        for part in parts.values()
        for wait in part.why.waits
        if wait.who != FIRST_STRAND  # which each part has, and which waits for all else
    ]
    there = Counter(wait.name for wait in waits if wait.verb == _MEETS)
    waits = [_counted(wait, there[wait.name]) if wait.verb == _MEETS else wait for wait in waits]
    if stuck:
        waits = [wait for wait in waits if (wait.stuck or wait.open) and wait.operator]
        waits = [replace(wait, hint=_hint(wait, waits)) for wait in waits]
    else:
        waits = [replace(wait, stuck=False, hint="") for wait in waits]
    waits.sort(key=lambda wait: (not wait.stuck, not wait.operator))
    calls = tuple([call for part in parts.values() for call in part.why.calls])
    return Why(tuple(waits), calls, sum(part.why.running for part in parts.values()))


def _known_to_all(wait: Wait, plans: Mapping[str, PreparedPlan], states: Mapping[str, str]) -> Wait:
    """A wait with all who use its object, on whatever node; and no hint, if only some of them were known."""
    if not wait.operator or not wait.name.startswith((CHANNEL, COLLECTIVE)):
        return wait
    users = set(_users_of(wait.name, plans, states))
    if len({user.who.rpartition(" on ")[2] for user in users}) < 2:
        return wait
    hint = wait.hint if wait.verb == _MEETS else ""
    return replace(wait, users=tuple(sorted(users, key=_place_in_list)), hint=hint)


def _counted(wait: Wait, there: int) -> Wait:
    """A wait for others to come, with the number of those who have: each part knows its own."""
    subject, hint = (re.sub(r"\d+ of", f"{there} of", text) for text in (wait.subject, wait.hint))
    return replace(wait, subject=subject, hint=hint)


def _users_of(blob: str, plans: Mapping[str, PreparedPlan], states: Mapping[str, str]) -> Iterator[User]:
    for node, plan in plans.items():
        for each in plan.reach(plan.plan.steps).uses:
            does = DOES.get(each.use.kind)
            if each.use.blob == blob and does:
                who = user_text(each, node)
                yield User(does, who, states.get(who, "has not begun"), each.use.op.site)


def _place_in_list(user: User) -> tuple[int, str, int]:
    return _ORDER.index(user.does), user.who, user.site.line


def _hint(wait: Wait, waits: Sequence[Wait]) -> str:
    """The mistake that a wait which never ends looks like."""
    if wait.hint:
        return wait.hint
    subject = wait.subject.partition(" (")[0].partition(" of node ")[0]
    for verb, does, name in (("take from", "writes", "writers"), ("put into", "reads", "readers")):
        users = [user for user in wait.users if user.does == does]
        if wait.verb == verb and not users:
            return f"nobody {does} {subject}"
        if wait.verb == verb and all(user.state == "has ended" for user in users):
            return f"all {name} of {subject} have ended"
    ring = _ring(wait, waits)
    return ring_hint(ring, for_room=all(other.verb == _PUTS for other in waits)) if ring else ""


def _ring(start: Wait, waits: Sequence[Wait]) -> list[str]:
    """Who waits for whom, from one wait back to itself; empty if it never comes back."""
    chain = [start]
    while True:
        last = chain[-1]
        helpers = {user.who for user in last.users if user.does in _ENDED_BY.get(last.verb, ())}
        following = [wait for wait in waits if wait.who in helpers and wait is not last]
        if start in following:
            return list(dict.fromkeys(wait.who for wait in chain))
        fresh = [wait for wait in following if wait not in chain]
        if not fresh:
            return []
        chain.append(fresh[0])
