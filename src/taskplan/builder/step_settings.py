"""How an execution step runs what it runs: settings, until somebody asks for the message; then the message has them."""

from __future__ import annotations

from typing import Any, SupportsIndex

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import current_names
from taskplan.errors import BuildTypeError, BuildValueError, ClosedError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.names import Site


class StepSettings:
    """The name of a step and how it runs its children, apart from what these are; see `ExecutionStep`.

    Args:
        name: if it is empty, `step`, `step_1`, ...
        site: the line of the user's program that made the step.

    Raises:
        BuildTypeError: the name is no string.
    """

    def __init__(self, name: str | None, site: Site) -> None:
        if name is not None and not isinstance(name, str):
            msg = f"a step's name must be a string, got {name!r}"
            raise BuildTypeError(msg)
        self.site = site
        # As the fields of the message are called.
        self._settings: dict[str, Any] = {"name": name or current_names().step()}
        # Once somebody has asked for the message, it rules, and all else is only what it was made of.
        self._message: pb.ExecutionStep | None = None
        self._used = False

    def Name(self) -> str:
        """The step's name."""
        name: str = self._settings["name"] if self._message is None else self._message.name
        return name

    def __str__(self) -> str:
        return self.Name()

    def __repr__(self) -> str:
        return f"ExecutionStep({self.Name()!r})"

    # --- how it runs its children ---

    def SetIter(self, num_iter: int) -> None:
        """Run the children `num_iter` times; zero or less means never."""
        self._set(num_iter=self._whole(num_iter, "SetIter"))

    def SetNumConcurrentInstances(self, num_concurrent_instances: int) -> None:
        """Run that many copies of each substep at once."""
        count = self._whole(num_concurrent_instances, "SetNumConcurrentInstances", bits=32)
        self._set(num_concurrent_instances=count)

    def SetOnlyOnce(self, only_once: bool) -> None:
        """Run the children at most once, though there is a stop blob. Without one, a step must not have this set."""
        self._set(only_once=bool(only_once))

    def SetShouldStopBlob(self, should_stop_blob: BlobReference) -> None:
        """Repeat until this blob, a single bool that is read after each child, is true.

        Raises:
            BuildTypeError: it is no `BlobReference`.
        """
        self._check_open()
        if not isinstance(should_stop_blob, BlobReference):
            msg = f"step {self.Name()!r}: the stop blob must be a BlobReference, got {should_stop_blob!r}"
            raise BuildTypeError(msg)
        self._set(should_stop_blob=str(should_stop_blob))

    def SetCreateWorkspace(self, create_workspace: bool) -> None:
        """Run each execution of this step in a child workspace of its own."""
        self._set(create_workspace=bool(create_workspace))

    def RunEveryMillis(self, interval: int) -> None:
        """Make it a reporter: it runs at this interval, in ms, while its siblings run, and once after they have ended.

        Raises:
            BuildValueError: the interval is not positive.
            ClosedError: the step has been put into a parent, which would not learn of this.
        """
        self._check_open()
        interval_ms = self._whole(interval, "RunEveryMillis")
        if interval_ms < 1:
            msg = f"step {self.Name()!r}: a reporter's interval must be at least 1 ms, got {interval_ms}"
            raise BuildValueError(msg)
        self._set(run_every_ms=interval_ms)

    def _set(self, **settings: Any) -> None:
        self._check_open()
        if self._message is None:
            self._settings.update(settings)
        else:
            self._message.MergeFrom(pb.ExecutionStep(**settings))

    def _whole(self, number: SupportsIndex, method: str, bits: int = 64) -> int:
        try:
            whole = number.__index__()
        except AttributeError:
            msg = f"step {self.Name()!r}: {method} takes a whole number, got {number!r}"
            raise BuildTypeError(msg) from None
        if not -1 << bits - 1 <= whole < 1 << bits - 1:
            msg = f"step {self.Name()!r}: {method} takes a number of at most {bits} bits, got {whole}"
            raise BuildValueError(msg)
        return whole

    # --- closing ---

    def freeze(self) -> None:
        """Take no more changes: whoever calls this holds a copy of the step as it is now."""
        self._used = True

    def _check_open(self) -> None:
        if self._used:
            msg = (
                f"step {self.Name()!r} ({self.site}) is closed: a parent or plan holds a copy of it; "
                "change it before it is added, or change a copy()"
            )
            raise ClosedError(msg)
