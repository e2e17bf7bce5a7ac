"""Runs on Ray that are hurt at a random moment: the worker process of a node, or a raylet with all its processes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.sessions.process.kills import SIGNALS, Ending, Hurt, HurtRun
from tests.sessions.process.programs import eventually
from tests.soak.hurt_pipelines import NODES, HurtPipeline, Order
from tests.soak.own_ray import RAYLETS, Raylets, nothing_left_in, workers

import taskplan as tp
from taskplan.sessions.spread import SpreadSession

RECORDS = 60

NODE_TIMEOUT_S = 2.0

PLACEMENT_S = 5

NO_ROOM = ("there was no room within", "; the cluster has none")


class HurtOnRay(HurtRun):
    """A run on Ray that is hurt.

    Attributes:
        ray: the module; it is connected.
    """

    node_timeout_s = NODE_TIMEOUT_S
    killed = "is lost: "  # Ray says only later how a process has ended
    ray: Any

    def __init__(self, number: int, folder: Path, *, signals: bool = True, waits: bool = True) -> None:
        self._direct = random.Random(number).random() < 0.7
        super().__init__(number, folder, signals=signals, waits=waits)

    def _opened(self) -> SpreadSession:
        return tp.RaySession(
            tp.Workspace(), timeout_s=60, grace_s=3, node_timeout_s=self.node_timeout_s, direct=self._direct
        )

    def _nothing_left_behind(self) -> AbstractContextManager[None]:
        return nothing_left_in(self.ray)

    def _starting(self, session: SpreadSession) -> Ending:
        """A process is killed as soon as it is there."""
        self._program.desk.give(Order(RECORDS))
        run = session.start(self._program.group)
        eventually(lambda: len(workers()) == len(self._program.away), "the processes of the nodes")
        time.sleep(self.hurt.delay_s)
        hurt_at = time.monotonic()
        self._draws.choice(workers()).send(signal.SIGKILL)
        error = self._end_of(run)
        ending = Ending(type(error).__name__, time.monotonic() - hurt_at)
        assert isinstance(error, tp.PlacementError | tp.NodeLostError), repr(error)
        assert f"node {error.node!r} " in str(error), str(error)
        self._runs_again(session)
        return ending


class HurtRaylet(HurtOnRay):
    """A run one of whose raylets is hurt, with all its processes, and is replaced in the end.

    Either all nodes have places on any raylet, or each on a certain one alone; then the next run has no room.

    Attributes:
        raylets: those of the cluster.
    """

    raylets: Raylets

    def __init__(self, number: int, folder: Path, *, signals: bool = True, waits: bool = True) -> None:
        rng = random.Random(f"raylet {number}")
        self._kind = rng.choice(["kill", "stop"])
        self._places: dict[str, int] = {}
        if rng.random() < 0.5:
            self._places = {node: rng.randrange(RAYLETS) for node in NODES}
        self._struck: int | None = None
        self._gone: set[str] = set()
        super().__init__(number, folder, signals=signals, waits=waits)

    @contextmanager
    def _nothing_left_behind(self) -> Iterator[None]:
        with nothing_left_in(self.ray):
            try:
                yield
            finally:
                self._replace()

    def _drawn_program(self, folder: Path) -> HurtPipeline:
        needs = {node: {"resources": self._resources(node)} for node in NODES}
        return HurtPipeline(self._draws, folder, needs)

    def _resources(self, node: str) -> dict[str, float]:
        return {f"raylet:{self._places[node]}" if self._places else "any": 1}

    def _drawn_hurt(self, signals: bool, waits: bool) -> Hurt:
        hurt = super()._drawn_hurt(signals, waits)
        when = hurt.when if hurt.when in ("record", "preparing") else "record"
        return replace(hurt, what=self._kind, when=when, closes=False)

    def _opened(self) -> SpreadSession:
        return tp.RaySession(
            tp.Workspace(),
            timeout_s=60,
            grace_s=3,
            node_timeout_s=self.node_timeout_s,
            placement_timeout_s=PLACEMENT_S,
            direct=self._direct,
        )

    def _victims(self, session: SpreadSession) -> list[int]:
        """All processes of the raylet that has the victim."""
        pids = session.pids()
        [self._struck] = [index for index in range(RAYLETS) if pids[self.hurt.victim] in self.raylets.pids(index)]
        struck = self.raylets.pids(self._struck)
        self._gone = {node for node, pid in pids.items() if pid in struck}
        return struck

    def _lost(self) -> set[str]:
        return self._gone

    def _send_signal(self, victims: list[int]) -> None:
        for pid in victims:
            with suppress(ProcessLookupError):  # some end with the raylet
                os.kill(pid, SIGNALS[self.hurt.what])

    def _runs_again(self, session: SpreadSession) -> None:
        """Where there is room, the next run is right; where there is none it says so, and is right when there is."""
        if self._struck is not None and self._places:
            self._program.desk.give(Order(RECORDS))
            with pytest.raises(tp.PlacementError) as raised:
                session.start(self._program.group)
            assert raised.value.node in self._gone, str(raised.value)
            assert any(words in str(raised.value) for words in NO_ROOM), str(raised.value)
            self._replace()
        super()._runs_again(session)

    def _replace(self) -> None:
        if self._struck is not None:
            self.raylets.replace(self._struck)
            self._struck = None
