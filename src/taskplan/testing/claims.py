"""What the claims about sessions are made of: the table that they enter, and how they look at what a session did.

A claim sees a session only through what every session has: outputs, workspaces of nodes, errors, started runs. So it
holds, or does not, wherever the nodes of a program run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import numpy as np

from taskplan import BlobReference, ops

Make = Callable[..., Any]
"""Opens a session, with the options that all sessions share."""

Claim = Callable[[Make], None]

CLAIMS: dict[str, Claim] = {}
"""The claims of all files that have been imported, by name."""

E = TypeVar("E", bound=BaseException)

SOON_S = 0.05
"""A time limit that is to pass."""

HANG_S = 30.0
"""A time limit that only a session reaches which does not keep its word."""

LONG_MS = 3_600_000
"""A reporter's interval that does not pass during a claim."""

SHORT_MS = 1
"""A reporter's interval that passes while others wait."""


class BoomError(Exception):
    """What the functions of claims raise.

    Attributes:
        code: something that an error may carry.
    """

    def __init__(self, message: str = "boom", code: int = 0) -> None:
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


def claim(check: Claim) -> Claim:
    """Enter a claim into the table."""
    CLAIMS[check.__name__] = check
    return check


# --- what is expected -------------------------------------------------------------------------------------------------
# Not the statement `assert`, which is not there under `python -O`.


def expect(condition: object, what: str) -> None:
    """Raise AssertionError, which says `what` was expected, unless the condition holds."""
    if not condition:
        msg = f"expected {what}"
        raise AssertionError(msg)


def expect_equal(what: str, found: object, wanted: object) -> None:
    """Raise AssertionError unless what was found is what was wanted; arrays are compared with lists."""
    plain = found.tolist() if isinstance(found, np.ndarray | np.generic) else found
    if plain != wanted:
        msg = f"{what}: expected {wanted!r}, got {plain!r}"
        raise AssertionError(msg)


class Caught(Generic[E]):
    """What a block of `expect_raises` has raised.

    Attributes:
        error: is there when the block has ended.
    """

    error: E

    @property
    def text(self) -> str:
        """The message and the notes."""
        return "\n".join([str(self.error), *getattr(self.error, "__notes__", [])])


@contextmanager
def expect_raises(kind: type[E] | tuple[type[E], ...], *said: str) -> Iterator[Caught[E]]:
    """Raise AssertionError unless the block raises `kind`, with all that is to be said in its message and notes."""
    caught: Caught[E] = Caught()
    try:
        yield caught
    except kind as error:
        caught.error = error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        msg = f"expected {_named(kind)}, got {error!r}"
        raise AssertionError(msg) from error
    else:
        msg = f"expected {_named(kind)}, and nothing was raised"
        raise AssertionError(msg)
    for text in said:
        expect(text in caught.text, f"{text!r} in the message or the notes, got {caught.text!r}")


def _named(kind: type[BaseException] | tuple[type[BaseException], ...]) -> str:
    return " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))


# --- what programs are made of ----------------------------------------------------------------------------------------


class Marks:
    """What operators on node `local` note when they run, one after the other.

    It is kept in a blob of the node's workspace, so it is there after a failure too.
    """

    _BLOB = BlobReference("marks of a claim")

    def __init__(self, session: Any) -> None:
        self._session = session
        self._texts: list[str] = []
        session.feed("local", str(self._BLOB), np.zeros(0, np.int64))

    def mark(self, text: str) -> None:
        """Add an operator that notes `text`."""
        number = len(self._texts)
        self._texts.append(text)
        ops.net().call(lambda marks: np.append(marks, number), self._BLOB, outputs=[self._BLOB])

    @property
    def seen(self) -> list[str]:
        """What has been noted, in order."""
        return [self._texts[number] for number in self._session.workspace().fetch_blob(str(self._BLOB))]


def run_function(function: Callable[[], object]) -> None:
    """Add an operator that calls a function."""
    ops.call(function, outputs=0)


def fail(message: str = "boom") -> None:
    """Add an operator that raises `BoomError`."""

    def boom() -> None:
        raise BoomError(message)

    run_function(boom)


def raise_in_run(kind: type[BaseException]) -> None:
    """Add an operator that raises an error of this class."""

    def throw() -> None:
        raise kind("enough")

    run_function(throw)


def queue_of_node(name: str, capacity: int = 1) -> BlobReference:
    """Add a queue that all tasks of the node use, and that is made before they begin."""
    with ops.local_init():
        queue: BlobReference = ops.CreateBlobsQueue([], [name], capacity=capacity)
    return queue


def put(queue: BlobReference | str, value: int | BlobReference = 1) -> None:
    """Add operators that write a record."""
    item = ops.Copy(value) if isinstance(value, BlobReference) else ops.Const(value)
    ops.EnqueueBlobs([queue, item], [item])


def take(queue: BlobReference | str) -> BlobReference:
    """Add an operator that reads a record."""
    item: BlobReference = ops.DequeueBlobs([queue], 1)
    return item


@contextmanager
def each_record(queue: BlobReference | str) -> Iterator[BlobReference]:
    """Add a loop over the records of a queue until it ends."""
    with ops.loop():
        item, ended = ops.SafeDequeueBlobs([queue], 2)
        ops.stop_if(ended)
        yield item


def wait_for_nothing() -> None:
    """Add operators that wait for a record which nobody writes, from a queue that user code was handed.

    Code outside of the run might write it, so the wait is no stall.
    """
    queue = ops.CreateBlobsQueue([], 1)
    ops.Python(lambda *_: None, pass_workspace=True)([], [])
    take(queue)


def work_on() -> None:
    """Add operators that go on until the run is ended."""
    with ops.loop(10**12):
        ops.Const(1)


def add_to(total: BlobReference, value: int | BlobReference) -> None:
    """Add operators that add to a blob."""
    ops.Add([total, value if isinstance(value, BlobReference) else ops.Const(value)], [total])


def until(condition: Callable[[], object], run: Any) -> None:
    """Wait until something holds that a started run brings about."""
    for _ in range(int(HANG_S / 0.01)):
        if condition():
            return
        expect(not run.wait(timeout_s=0.01), "the run to go on")
    msg = f"expected something of the run that did not happen within {HANG_S:g} s"
    raise AssertionError(msg)
