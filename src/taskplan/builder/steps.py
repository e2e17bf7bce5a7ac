"""Making steps of nets, steps, lists of them, and builders."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from taskplan.builder.blobs import BlobReference
from taskplan.builder.net import Net
from taskplan.builder.scope import CurrentNameScope
from taskplan.builder.step import ExecutionStep
from taskplan.errors import BuildError, BuildValueError
from taskplan.plan.names import Site

__all__ = [
    "ExecutionStep",
    "Runnable",
    "Steplike",
    "add_nets_in_order",
    "execution_step",
    "nets_in_order",
    "scoped_execution_step",
    "to_execution_step",
]


@runtime_checkable
class Steplike(Protocol):
    """What can be made a step, and is written with a class of its own: a `NetBuilder`."""

    def to_step(self, name: str | None = None) -> ExecutionStep:
        """The step that does what this says, under its own name if none is given."""


Runnable = ExecutionStep | Net | Steplike | list[Any] | None
"""What can be made a step; lists hold the same, nested as you like."""


def execution_step(
    default_name: str | None,
    steps_or_nets: Runnable,
    num_iter: int | None = None,
    report_net: Net | None = None,
    report_interval: int | None = None,
    concurrent_substeps: bool | None = None,
    should_stop_blob: BlobReference | None = None,
    only_once: bool | None = None,
    num_concurrent_instances: int | None = None,
    create_workspace: bool = False,
    run_every_ms: int | None = None,
    *,
    site: Site | None = None,
) -> ExecutionStep:
    """A step that runs nets or steps.

    Example:
        >>> first, second = Net("first"), Net("second")
        >>> both = execution_step("both", [first, second], num_iter=3)
        >>> step = execution_step("all", [both, Net("third")], concurrent_substeps=True)
        >>> [str(substep) for substep in step.Substeps()]
        ['both', 'step']

    Args:
        default_name: its name.
        steps_or_nets: a net, a step, or a list. A list of nets is run net by net; in any other list each element
            becomes a step of its own. None or an empty list makes a step that runs nothing.
        num_iter: how often the children run; once, if neither this nor a stop blob is given.
        report_net: a net to run every `report_interval` seconds meanwhile.
        report_interval: see there.
        concurrent_substeps: start all substeps together.
        should_stop_blob: repeat until this blob is true; it is read after each child.
        only_once: with a stop blob, run the children at most once.
        num_concurrent_instances: run that many copies of each substep at once.
        create_workspace: run each execution in a child workspace of its own.
        run_every_ms: make it a reporter, which runs at this interval while its siblings do.
        site: the line that it counts as made on; that of the caller if not given.

    Raises:
        BuildError: there are both `num_iter` and a stop blob, or a report net without an interval.
        BuildValueError: `steps_or_nets` is none of these things.
    """
    if should_stop_blob is not None and num_iter is not None:
        msg = f"step {default_name!r} has num_iter={num_iter} and stop blob {str(should_stop_blob)!r}; give one of them"
        raise BuildError(msg)
    step = ExecutionStep(default_name, site=site)
    if should_stop_blob is not None:
        step.SetShouldStopBlob(should_stop_blob)
    else:
        step.SetIter(1 if num_iter is None else num_iter)
    # Without a stop blob, a written `only_once=False` would be an error, and says nothing.
    if only_once or (only_once is not None and should_stop_blob is not None):
        step.SetOnlyOnce(only_once)
    if concurrent_substeps is not None:
        step.SetConcurrentSubsteps(concurrent_substeps)
    if num_concurrent_instances is not None:
        step.SetNumConcurrentInstances(num_concurrent_instances)
    if create_workspace:
        step.SetCreateWorkspace(True)
    if run_every_ms:
        step.RunEveryMillis(run_every_ms)
    _fill(step, steps_or_nets)
    if report_net is not None:
        if report_interval is None:
            msg = f"step {default_name!r} has report net {report_net.Name()!r}, but no report_interval in seconds"
            raise BuildError(msg)
        step.SetReportNet(report_net, report_interval)
    return step


def _fill(step: ExecutionStep, content: object) -> None:
    if isinstance(content, Net):
        step.AddNet(content)
    elif isinstance(content, ExecutionStep):
        step.AddSubstep(content)
    elif isinstance(content, list):
        if all(isinstance(element, Net) for element in content):
            for net in content:
                step.AddNet(net)
        else:
            for element in content:
                step.AddSubstep(to_execution_step(element))
    elif content:
        msg = f"step {step.Name()!r} must be made of a net, a step or a list of these, got {content!r}"
        raise BuildValueError(msg)


def to_execution_step(steps_or_nets: Runnable, default_name: str | None = None) -> ExecutionStep:
    """`steps_or_nets` as a step: a step as it is, a builder as it says, anything else by `execution_step`.

    Args:
        steps_or_nets: what the step is to run.
        default_name: the name, unless it is a step already; a builder has one of its own.
    """
    if isinstance(steps_or_nets, ExecutionStep):
        return steps_or_nets
    if not isinstance(steps_or_nets, Net | list) and isinstance(steps_or_nets, Steplike):
        return steps_or_nets.to_step(default_name)
    return execution_step(default_name, steps_or_nets)


def scoped_execution_step(name: str, *args: Any, **kwargs: Any) -> ExecutionStep:
    """`execution_step` with the current name scope before its name."""
    return execution_step(CurrentNameScope() + name, *args, **kwargs)


def nets_in_order(step: ExecutionStep) -> list[str]:
    """The names of the nets in the order in which they are run; nets that run repeatedly come repeatedly."""
    return [name for each in step.in_order() for name in each.net_names()]


def add_nets_in_order(step: ExecutionStep, names: list[str]) -> None:
    """Append the names of the step's nets, each unless it is there: substeps come before, the report net last."""
    known = set(names)
    for name in nets_in_order(step):
        if name not in known:
            known.add(name)
            names.append(name)
