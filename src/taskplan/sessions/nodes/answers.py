"""Waiting for the answers of several nodes that were asked at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, wait
from typing import Any

from taskplan.errors import Cancelled
from taskplan.sessions.nodes.remote import RemoteNode

LOSS_S = 1.0
"""How long home may take to see the loss of a node that another node has seen already."""


def answered_by_all(
    asked: Mapping[str, Future[Any]],
    nodes: Mapping[str, RemoteNode],
    tasks_of: Callable[[str], tuple[str, ...]],
    to_end: Future[None],
) -> None:
    """Wait until all nodes have answered.

    Args:
        asked: what each node was asked, by its name.
        nodes: all nodes of the run.
        tasks_of: gives the tasks that a node has to do in it.
        to_end: is done once the run is to end.

    Raises:
        Cancelled: the run is to end before.
        NodeLostError: one of the nodes is lost. Others may say before that that they cannot reach it.
        what one of them answers with, if none is lost.
    """
    pending = set(asked.values())
    failures: list[BaseException] = []
    while pending and not failures:
        if to_end.done():
            raise Cancelled
        done, _ = wait({*pending, to_end}, return_when=FIRST_COMPLETED)
        failures = [failure for future in done & pending if (failure := future.exception())]
        pending -= done
    if not failures:
        return
    wait([node.ask("names") for node in nodes.values()], LOSS_S, return_when=FIRST_EXCEPTION)
    for name, node in nodes.items():
        if node.lost is not None:
            raise node.lost_error(tasks_of(name))
    raise failures[0]
