"""Waiting for the answers of several nodes that were asked at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Any

from taskplan.sessions.nodes.remote import RemoteNode

LOSS_S = 1.0
"""How long home may take to see the loss of a node that another node has seen already."""


def answered_by_all(
    asked: Mapping[str, Future[Any]], nodes: Mapping[str, RemoteNode], tasks_of: Callable[[str], tuple[str, ...]]
) -> None:
    """Wait until all nodes have answered.

    Args:
        asked: what each node was asked, by its name.
        nodes: all nodes of the run.
        tasks_of: gives the tasks that a node has to do in it.

    Raises:
        NodeLostError: one of the nodes is lost. Others may say before that that they cannot reach it.
        what one of them answers with, if none is lost.
    """
    wait(asked.values(), return_when=FIRST_EXCEPTION)
    failures = [future.exception() for future in asked.values() if future.done() and future.exception()]
    if not failures:
        return
    wait([node.ask("names") for node in nodes.values()], LOSS_S, return_when=FIRST_EXCEPTION)
    for name, node in nodes.items():
        if node.lost is not None:
            raise node.lost_error(tasks_of(name))
    assert failures[0] is not None
    raise failures[0]
