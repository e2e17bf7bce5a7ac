"""A node in another process as home sees it: its calls, and its workspace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from itertools import count
from typing import Any, Protocol

from taskplan.engine.cells import on_another_node
from taskplan.engine.values import to_value
from taskplan.errors import MissingBlobError, NodeLostError
from taskplan.operators.run import ByteString
from taskplan.sessions.nodes.link import Link
from taskplan.sessions.nodes.messages import Call, Hello, Reply
from taskplan.sessions.nodes.travel import require_picklable, unpacked


class NodeProcess(Protocol):
    """The process of a node, in whatever way it was started."""

    def kill(self) -> None:
        """End it at once. Has no effect on one that has ended."""

    def epitaph(self, timeout_s: float) -> str:
        """How it ended, as a clause ("was killed by SIGKILL"); empty if it has not within the time."""


class RemoteNode:
    """A node that runs in a process of its own.

    Args:
        name: of the node.
        link: to its process.
        hello: what it said first.
        process: its process.

    Attributes:
        lost: why it is no more; None while it is there.
        unheard: how often it was pinged since it said anything.
        programs: the numbers of the programs that it was sent.
        needs: the keywords that it was started with.
    """

    def __init__(self, name: str, link: Link, hello: Hello, process: NodeProcess) -> None:
        self.name = name
        self.link = link
        self.pid = hello.pid
        self.address = hello.address
        self.process = process
        self.lost: NodeLostError | None = None
        self.unheard = 0
        self.programs: set[int] = set()
        self.needs: dict[str, Any] = {}
        self._calls: dict[int, Future[Any]] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        """Call a method of the node's host; the future has what it returns or raises."""
        future: Future[Any] = Future()
        with self._lock:
            if self.lost is not None:
                future.set_exception(self.lost_error())
                return future
            number = next(self._numbers)
            self._calls[number] = future
        self.link.send(Call(number, method, arguments))
        return future

    def call(self, method: str, *arguments: Any, timeout_s: float | None = None) -> Any:
        """As `ask`, and wait for the answer.

        Raises:
            NodeLostError: the node is no more.
            TimeoutError: it did not answer in time.
            what the method raises.
        """
        return self.ask(method, *arguments).result(timeout_s)

    def replied(self, reply: Reply) -> None:
        """The answer to a call has come."""
        with self._lock:
            future = self._calls.pop(reply.number, None)
        if future is None:
            return
        if reply.error is not None:
            future.set_exception(unpacked(reply.error))
        else:
            future.set_result(reply.value)

    def lose(self, error: NodeLostError) -> bool:
        """Note that the node is no more; whether that is news."""
        with self._lock:
            if self.lost is not None:
                return False
            self.lost = error
            calls, self._calls = self._calls, {}
        for future in calls.values():
            future.set_exception(self.lost_error())
        return True

    def lost_error(self, tasks: tuple[str, ...] = ()) -> NodeLostError:
        """An error of its own for whoever hears of the loss: notes are put on errors."""
        assert self.lost is not None
        text = str(self.lost)
        if tasks:
            text += f"; it had to do {', '.join(f'task {task!r}' for task in tasks)}"
        return NodeLostError(text, node=self.name, tasks=tasks)


class RemoteBlob:
    """One blob of a node."""

    def __init__(self, workspace: RemoteWorkspace, name: str) -> None:
        self._workspace = workspace
        self._name = name

    def fetch(self) -> Any:
        """The content, an object of the caller's own.

        Raises:
            WorkspaceError: it holds nothing.
            NodeLostError: the node is no more.
        """
        return self._workspace.ask("output", self._name)

    def feed(self, value: object, device_option: object = None) -> bool:
        """Copy a value into it."""
        return self._workspace.feed_blob(self._name, value, device_option)


class RemoteWorkspace:
    """The workspace of a node in another process: feeding and fetching by name, as in a `Workspace`.

    What is fed is sent there, and what is fetched is sent here. Made by `session.workspace(node)`.

    Args:
        name: of the node.
        node: gives the node, which is started if it does not run.
        elsewhere: the workspaces of all nodes of the session.
    """

    def __init__(self, name: str, node: Callable[[], RemoteNode], elsewhere: Mapping[str, Any]) -> None:
        self.name = name
        self.elsewhere = elsewhere
        self._node = node

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the node's host."""
        return self._node().call(method, *arguments)

    def check_alive(self) -> None:
        """Nothing to check: a node that was lost is started anew."""

    def names(self) -> list[str]:
        """The names of all blobs there."""
        found: list[str] = self.ask("names")
        return found

    def local_names(self) -> list[str]:
        """The same: the workspace has no parent."""
        return self.names()

    def has_blob(self, name: object) -> bool:
        """Whether there is a blob of that name."""
        return str(name) in self.names()

    def find(self, name: str) -> RemoteBlob | None:
        """The blob of that name, if there is one."""
        return RemoteBlob(self, name) if self.has_blob(name) else None

    def create_blob(self, name: object) -> RemoteBlob:
        """The blob of that name."""
        return RemoteBlob(self, str(name))

    def feed_blob(self, name: object, value: object, device_option: object = None) -> bool:  # noqa: ARG002
        """Copy `value` into the blob; see `taskplan.FeedBlob`.

        Raises:
            WorkspaceError: it cannot be fed, or cannot be pickled.
        """
        kept = to_value(value, blob=str(name))
        require_picklable(kept, f"what is fed into blob {str(name)!r} of node {self.name!r}")
        self.ask("feed", str(name), bytes(kept) if isinstance(kept, ByteString) else kept)
        return True

    def fetch_blob(self, name: object) -> Any:
        """The content of a blob: an array of the caller's own, bytes for a string blob.

        Any other handle is described, as bytes.

        Raises:
            MissingBlobError: there is no such blob.
            NodeLostError: the node is no more.
        """
        try:
            return self.ask("fetch", str(name))
        except MissingBlobError as error:
            raise on_another_node(str(name), self, self.elsewhere) or error from None

    def remove_blob(self, name: object) -> bool:
        """Remove a blob; says whether there was one."""
        return bool(self.ask("remove", str(name)))

    @property
    def blobs(self) -> Mapping[str, RemoteBlob]:
        """All blobs there, by name."""
        return {name: RemoteBlob(self, name) for name in self.names()}

    feed = feed_blob
    fetch = fetch_blob

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __repr__(self) -> str:
        return f"RemoteWorkspace(name={self.name!r})"
