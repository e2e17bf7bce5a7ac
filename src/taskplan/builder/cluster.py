"""Where tasks run: named nodes, and the cluster that knows them."""

from __future__ import annotations

from typing import Any

from taskplan.builder.context import DefaultManaged
from taskplan.builder.sites import here


class Cluster(DefaultManaged):
    """The nodes that a program uses, in the order in which they were first named.

    Each `Node` that is made registers with the current cluster; there is always one, if need be the thread's own.

    Example:
        >>> with Cluster() as cluster:
        ...     reader, trainer = Node("reader", cpus=2), Node("trainer")
        >>> cluster.nodes()
        ['reader', 'trainer']
        >>> cluster.node_kwargs()
        {'reader': {'cpus': 2}, 'trainer': {}}
    """

    def __init__(self) -> None:
        self._kwargs: dict[str, dict[str, Any]] = {}

    def nodes(self) -> list[str]:
        """The distinct names of all nodes, in the order of first use."""
        return list(self._kwargs)

    def node_kwargs(self) -> dict[str, dict[str, Any]]:
        """What was said about each node when it was made: hints for whoever places it."""
        return {name: dict(kwargs) for name, kwargs in self._kwargs.items()}

    def add_node(self, node: Node) -> None:
        """Register a node. Of two values for one keyword, the earlier one stays."""
        known = self._kwargs.setdefault(str(node), {})
        for key, value in node.kwargs().items():
            known.setdefault(key, value)

    def __repr__(self) -> str:
        return f"Cluster(nodes={self.nodes()!r}, node_kwargs={self.node_kwargs()!r})"


class Node(DefaultManaged):
    """The place where the tasks that are made in its block run.

    Making a node registers it with the current cluster; without any, tasks are on the node `local`::

        with Node("trainer", gpus=1):
            Task(step=net)                # its node is 'trainer'

    Args:
        node: the name; of anything else than a string, `str()` is taken.
        **kwargs: hints for the session that places the node, such as the resources it needs.

    Attributes:
        site: the line of the user's program that made it.
    """

    def __init__(self, node: object = "local", **kwargs: Any) -> None:
        self._name = str(node)
        self._node_kwargs = kwargs
        self.site = here()
        Cluster.current().add_node(self)

    def kwargs(self) -> dict[str, Any]:
        """The hints that this object was made with."""
        return self._node_kwargs

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"Node(name={self._name!r}, kwargs={self._node_kwargs!r})"


def node_name(node: str | Node | None) -> str:
    """The name of the node that is meant: the current one if None is given. Only making a `Node` registers it."""
    return str(Node.current() if node is None else node)
