"""What comes home from a task: blobs and records whose values can be fetched after a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.columns import from_blob_list
from taskplan.builder.fields import Field
from taskplan.builder.sites import here
from taskplan.errors import BuildAttributeError, BuildError, BuildTypeError, RunError
from taskplan.plan.names import Site

BlobName = str | BlobReference

Fetch = Callable[[Any], Any]
"""Turns what a session set for one blob into the blob's value."""


class TaskOutput:
    """One output of a task: a blob, a list of blobs, or a record; its value has the same shape.

    A session binds outputs when it runs the task. From then on `fetch()` reads the newest value, on each call anew::

        with TaskGroup() as group, Task():
            total = final_output(ops.Const(3))
        session.run(group)
        total.fetch()                     # array(3)

    Args:
        names: a blob, a list or tuple of blobs, or a record whose leaves are bound to blobs.
        site: the line that it counts as made on; that of the caller if not given.

    Attributes:
        names: the blobs, always as a list.
        node: the node whose workspace has them; None until a task takes the output.
        site: the line of the user's program that made it.

    Raises:
        BuildTypeError: `names` is, or holds, something else than blobs.
    """

    def __init__(self, names: BlobName | Sequence[BlobName] | Field, *, site: Site | None = None) -> None:
        self._schema = names if isinstance(names, Field) else None
        self._is_scalar = isinstance(names, str | BlobReference)
        self.names: list[BlobName] = _blob_names(names)
        self.node: str | None = None
        self.site = site or here()
        self._values: list[Any] | None = None
        self._fetch: Fetch | None = None
        self._invalid = ""

    def set(self, values: Iterable[Any], _fetch_func: Fetch | None = None) -> None:
        """Bind the output; sessions do this.

        Args:
            values: one for each blob.
            _fetch_func: gets the blob's value for one of them.

        Raises:
            BuildError: the number of values is not that of the blobs.
        """
        given = list(values)
        if len(given) != len(self.names):
            msg = f"{self!r} has {len(self.names)} blobs, got {len(given)} values"
            raise BuildError(msg)
        self._values, self._fetch, self._invalid = given, _fetch_func, ""

    def invalidate(self, reason: str) -> None:
        """Forget the values, since the run that should have made them failed; sessions do this.

        Args:
            reason: one clause for the message of `fetch()`, such as `"the run failed with ValueError('x')"`.
        """
        self._values, self._fetch, self._invalid = None, None, reason

    def get(self) -> Any:
        """What `set` was given, in the shape of the output.

        Raises:
            BuildAttributeError: nothing was set; also an AssertionError.
            RunError: the last run failed.
        """
        return self._shaped(self._bound())

    def fetch(self) -> Any:
        """The present value: an array, a list of arrays, or a record of arrays.

        Raises:
            BuildAttributeError: no session has run the task, or it fetches nothing; also an AssertionError.
            RunError: the last run failed.
        """
        values = self._bound()
        if self._fetch is None:
            msg = f"{self!r} cannot be fetched: it was set without a way to fetch; use get()"
            raise BuildAttributeError(msg)
        return self._shaped([self._fetch(value) for value in values])

    def fetch_one(self, name: BlobName) -> Any:
        """The present value of one of its blobs.

        Raises:
            as `fetch`.
        """
        value = self._bound()[self.names.index(name)]
        return value if self._fetch is None else self._fetch(value)

    def _bound(self) -> list[Any]:
        if self._values is not None:
            return self._values
        if self._invalid:
            msg = f"{self!r} has no value: {self._invalid}"
            raise RunError(msg, output=[str(name) for name in self.names])
        msg = f"{self!r} has no value yet; run the task that it belongs to first"
        raise BuildAttributeError(msg)

    def _shaped(self, values: list[Any]) -> Any:
        if self._schema is not None:
            return from_blob_list(self._schema, values)
        return values[0] if self._is_scalar else list(values)

    def __repr__(self) -> str:
        return f"TaskOutput(names={[str(name) for name in self.names]!r}, node={self.node!r})"


def _blob_names(names: BlobName | Sequence[BlobName] | Field) -> list[BlobName]:
    if isinstance(names, str | BlobReference):
        return [names]
    given: Sequence[Any]
    if isinstance(names, Field):
        given = names.field_blobs()
    elif isinstance(names, list | tuple):
        given = names
    else:
        msg = f"an output is a blob, a list of blobs or a record, got {names!r}"
        raise BuildTypeError(msg)
    for name in given:
        if not isinstance(name, str | BlobReference):
            msg = f"an output holds blobs; got {name!r} among {names!r}"
            raise BuildTypeError(msg)
    return list(given)


class TaskOutputList:
    """The outputs of several tasks, to be bound at once.

    Args:
        outputs: the outputs, none if not given.

    Attributes:
        outputs: the list itself.
    """

    def __init__(self, outputs: list[TaskOutput] | None = None) -> None:
        self.outputs = outputs if outputs is not None else []

    def names(self) -> list[BlobName]:
        """The blobs of all outputs, one after the other."""
        return [name for output in self.outputs for name in output.names]

    def set_values(self, values: Iterable[Any], _fetch_func: Fetch | None = None) -> None:
        """Bind all outputs.

        Args:
            values: one for each of `names()`.
            _fetch_func: as for `TaskOutput.set`.

        Raises:
            BuildError: the number of values is not that of the blobs.
        """
        given = list(values)
        expected = sum(len(output.names) for output in self.outputs)
        if len(given) != expected:
            msg = f"the outputs have {expected} blobs, got {len(given)} values"
            raise BuildError(msg)
        start = 0
        for output in self.outputs:
            end = start + len(output.names)
            output.set(given[start:end], _fetch_func)
            start = end

    def __repr__(self) -> str:
        return f"TaskOutputList(outputs={self.outputs!r})"
