"""Programs, and sessions to run them, for tests of the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import taskplan as tp
from taskplan.engine.tier import can_be_native

COMPILED = ["python", *(["native"] if can_be_native() else [])]
"""The tiers that compile all that they can."""

TIERS = ["interpret", *COMPILED]


def space_with(**blobs: Any) -> tp.Workspace:
    """A workspace that holds these values."""
    space = tp.Workspace()
    for name, value in blobs.items():
        space.feed_blob(name, value)
    return space


def counting(name: str = "count", *, until: str | None = None, rounds: int | None = None) -> tp.ExecutionStep:
    """A loop that adds `one` to `n`, keeps twice `n` in `m`, and mixes `one` into `h`, in a way that takes its time."""
    net = tp.Net(f"{name} net")
    net.Add(["n", "one"], ["n"])
    net.Add(["n", "n"], ["m"])
    net.Mul(["h", "h"], ["h"])
    net.Add(["h", "one"], ["h"])
    stop = None if until is None else tp.BlobReference(until)
    return tp.execution_step(name, net, num_iter=rounds, should_stop_blob=stop)


def numbers(**more: Any) -> dict[str, Any]:
    """What `counting` begins with."""
    return {"n": np.int64(0), "m": np.int64(0), "h": np.int64(3), "one": np.int64(1), **more}


def all_blobs(space: tp.Workspace) -> dict[str, Any]:
    """What a workspace holds, so that it can be compared."""
    held = {name: space.fetch_blob(name) for name in space.names()}
    return {name: (value.dtype, value.tolist()) for name, value in held.items() if isinstance(value, np.ndarray)}


def outcome(runnable: Any, tier: str, blobs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """How a run ends in a tier: the error with its notes, and all blobs."""
    space, error = space_with(**blobs), ""
    with tp.LocalSession(space, tier=tier) as session:
        try:
            session.run(runnable)
        except Exception as raised:
            error = "\n".join([repr(raised), *getattr(raised, "__notes__", ())])
    return error, all_blobs(space)


def tier_of(session: tp.LocalSession, runnable: Any, step: str) -> Any:
    """How a step has run."""
    [found] = [each for each in session.tiers(runnable) if each.step == step]
    return found
