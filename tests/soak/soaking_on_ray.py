"""The soak on Ray: what every session must do, and runs that are hurt."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tests.sessions.process.kills import Ending, Hurt, hurt_run
from tests.soak.hurt_on_ray import HurtOnRay, HurtRaylet
from tests.soak.own_ray import nothing_left_in, one_raylet, several_raylets
from tests.soak.soaking_kills import KillTally, quiet, soak_kills
from tests.soak.tally import Tally, WrongError

import taskplan as tp
from taskplan.testing import SessionCheckError, check_session
from taskplan.testing.session_checks import SESSION_CLAIMS

LIMIT_S = 240
"""How long a run may take: a raylet is started in it, on a machine that is busy."""


class ClaimTally(Tally):
    """Counts claims.

    Attributes:
        took_s: how long each took.
    """

    def __init__(self, minutes: float, runs: int | None = None, begins: Callable[[int], None] | None = None) -> None:
        super().__init__(minutes, runs, begins)
        self.took_s: dict[str, float] = {}

    def lines(self) -> Iterator[str]:
        """What is to be told."""
        yield f"{self.runs} claims were checked on Ray in {time.monotonic() - self._begun:.1f} s"
        yield f"that hold: {', '.join(f'{what} {count}' for what, count in self.outcomes.most_common())}"
        longest = sorted(self.took_s.items(), key=lambda item: -item[1])[:3]
        yield f"that took longest: {', '.join(f'{name} {took_s:.1f} s' for name, took_s in longest)}"


class RayKillTally(KillTally):
    """Counts runs on Ray whose nodes are killed or stopped."""


class RayletTally(KillTally):
    """Counts runs on Ray whose raylets are killed or stopped."""


ON_RAY: dict[str, type[Tally]] = {"--ray-claims": ClaimTally, "--ray-kills": RayKillTally, "--raylets": RayletTally}


def soak_claims(numbers: Iterator[int], tally: ClaimTally) -> None:
    """Check claims about sessions: all of them over connections, then all over calls.

    Args:
        numbers: of the claims.
        tally: counts what came of it, and says when to end.

    Raises:
        WrongError: some do not hold; it lists them.
    """
    ways = {"over connections": True, "over calls": False}
    claims = [(name, way) for way in ways for name in SESSION_CLAIMS]
    wrong: list[str] = []
    with quiet(), one_raylet() as ray:
        for number in itertools.takewhile(lambda number: number < len(claims), numbers):
            if tally.is_over():
                break
            tally.begins(number)
            name, way = claims[number]
            begun_at = time.monotonic()
            with nothing_left_in(ray):
                mistake = _mistake(name, direct=ways[way])
            tally.took_s[f"{name} {way}"] = time.monotonic() - begun_at
            tally.ended("wrong" if mistake else way)
            wrong += [f"claim {number} {way}: {mistake}"] if mistake else []
    if wrong:
        raise WrongError("\n".join(wrong))


def _mistake(claim: str, *, direct: bool) -> str:
    """Why a claim does not hold; empty if it does."""

    def make(**options: Any) -> tp.RaySession:
        return tp.RaySession(tp.Workspace(), direct=direct, **options)

    try:
        return "" if claim in check_session(make, only=claim) else f"{claim} was not checked"
    except SessionCheckError as error:
        return f"{claim}: {error.failed.get(claim, error)}"


def soak_on_ray(numbers: Iterator[int], tally: Tally) -> None:
    """Check claims, or hurt runs; see `soak_claims` and `soak_kills`.

    Args:
        numbers: of the claims or runs.
        tally: says which; counts what came of it, and says when to end.

    Raises:
        WrongError: something is not as it must be.
    """
    if isinstance(tally, ClaimTally):
        soak_claims(numbers, tally)
    elif isinstance(tally, RayletTally):
        with several_raylets() as raylets:
            HurtRaylet.ray, HurtRaylet.raylets = raylets.ray, raylets
            soak_kills(numbers, tally, partial(_hurt, HurtRaylet))
    elif isinstance(tally, RayKillTally):
        with one_raylet() as ray:
            HurtOnRay.ray = ray
            soak_kills(numbers, tally, partial(_hurt, HurtOnRay))


def _hurt(kind: type[HurtOnRay], number: int) -> tuple[Hurt, Ending]:
    return hurt_run(number, kind=kind)
