"""Errors that travel: from the process in which one was raised to the one that asked for the run."""

from __future__ import annotations

import pickle
import traceback
from contextlib import suppress
from dataclasses import dataclass

from taskplan.engine.failures import shown
from taskplan.errors import RemoteError, WorkspaceError
from taskplan.plan import functions


class RemoteTraceback(Exception):  # noqa: N818 - it says where, not what
    """The traceback that an error had where it was raised; it stands as the cause of the error here."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


@dataclass(frozen=True, slots=True)
class PackedError:
    """An error on its way.

    Attributes:
        pickled: the error itself; empty if it cannot be pickled and brought back.
        kind: the name of its class.
        text: what `str` says of it.
        notes: the notes on it.
        stack: its traceback.
    """

    pickled: bytes
    kind: str
    text: str
    notes: tuple[str, ...]
    stack: str


def require_picklable(value: object, what: str) -> None:
    """Refuse what cannot go to another process. Large arrays are not copied for that.

    Raises:
        WorkspaceError: it cannot be pickled.
    """
    error = pickling_fault(value)
    if error is not None:
        msg = f"{what} holds a {type(value).__qualname__}, which stays in its process: it cannot be pickled ({error})"
        raise WorkspaceError(msg)


def pickling_fault(value: object) -> Exception | None:
    """Why a value cannot be pickled; None if it can. Large arrays are not looked at."""
    try:
        pickle.dumps(value, protocol=5, buffer_callback=lambda _: None)
    except Exception as error:  # of the value's own methods, too
        return error
    return None


def kind_name(kind: type) -> str:
    """What a class is called in messages."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def packed(error: BaseException) -> PackedError:
    """The error as something that surely travels."""
    notes = tuple([str(note) for note in getattr(error, "__notes__", ())])
    pickled = b""
    with suppress(Exception):
        data = functions.dumps(error)
        if type(functions.loads(data)).__qualname__ == type(error).__qualname__:
            pickled = data
    return PackedError(pickled, kind_name(type(error)), shown(error, str), notes, _stack_of(error))


def _stack_of(error: BaseException) -> str:
    """Where the error was raised, as Python shows it; of an error in a function of the user, what is in that."""
    try:
        told = traceback.TracebackException.from_exception(error)
        told.__notes__ = None  # they travel by themselves
        frames = [index for index, frame in enumerate(told.stack) if frame.name == "user_call"]
        if frames:
            told.stack = traceback.StackSummary.from_list(told.stack[frames[-1] + 1 :])
        return "".join(told.format())
    except Exception:  # of the error's own methods
        return "".join(traceback.format_tb(error.__traceback__))


def unpacked(error: PackedError) -> BaseException:
    """The error itself; where that cannot be, a `RemoteError` that says what it was."""
    found: object = None
    if error.pickled:
        with suppress(Exception):  # its class is not here
            found = functions.loads(error.pickled)
    if not isinstance(found, BaseException):
        found = RemoteError(f"{error.kind}: {error.text}", kind=error.kind, text=error.text, traceback=error.stack)
    with suppress(Exception):  # of classes that do not let us
        if tuple(getattr(found, "__notes__", ())) != error.notes:
            found.__notes__ = list(error.notes)
        found.__cause__ = RemoteTraceback(error.stack)
    return found
