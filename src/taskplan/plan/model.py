"""The model of a plan: frozen values, made by compiling, read by checker, engine and sessions.

A `PlanDef` has nets and a list of step trees. A step runs nets, by name, or runs steps. What a net's operators mean is
not known here; `arguments` hold plain decoded values. Everything carries the line of the user's program that made it,
as far as known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from taskplan.plan.names import UNKNOWN_SITE, Site

# Operators, steps and outputs are tuples, since a plan has very many of them, and a frozen dataclass takes five times
# as long to make. They are read by name only.


class OpDef(NamedTuple):
    """One call of an operator.

    `arguments` maps names to an int, a float, bytes, a `NetDef`, or a tuple of one of these; an empty list in the draft
    is `()`. `random_seed` is the seed of the device option, or None. `function` is the user's function of a `Python` or
    `Call` operator (or its builder tuple); it has no place on the wire.
    """

    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    arguments: Mapping[str, object]
    name: str = ""
    control_inputs: tuple[str, ...] = ()
    engine: str = ""
    random_seed: int | None = None
    node_name: str = ""
    site: Site = UNKNOWN_SITE
    function: object = None


@dataclass(frozen=True, slots=True)
class NetDef:
    """An ordered list of operator calls. `type` is the executor that was asked for, `simple` if unset.

    `calls_checked` says that whoever made it has checked the calls against the declarations of their operators, and
    that none holds a net.
    """

    name: str
    ops: tuple[OpDef, ...] = ()
    external_inputs: tuple[str, ...] = ()
    external_outputs: tuple[str, ...] = ()
    type: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    random_seed: int | None = None
    site: Site = UNKNOWN_SITE
    calls_checked: bool = field(default=False, compare=False, repr=False)


class StepDef(NamedTuple):
    """One node of the control tree: it runs nets (by name), or it runs steps.

    Fields keep the difference between unset (None) and set, as the wire format does.

    Attributes:
        times: iterations (`num_iter`); unset means once; excludes `until`.
        until: a scalar bool blob, polled after each child; when it is true the step ends, well.
        only_once: with `until`, at most one iteration.
        instances: copies of the children that run at once.
        every_ms: a reporter: repeats while its siblings run, and once after them.
        create_workspace: each execution of the step has a fresh child workspace.
        report_net, report_interval_s: the legacy form of a reporter, a net.
        closing: steps that run once this step has begun, last registered first, also after a failure.
        timeout_s: how long one execution may take.
        task, node: set on the root step of a task.
        own: with `create_workspace`, blobs that are the child workspace's own even if the parent has such.
    """

    name: str
    steps: tuple[StepDef, ...] = ()
    nets: tuple[str, ...] = ()
    times: int | None = None
    until: str | None = None
    only_once: bool | None = None
    concurrent: bool = False
    instances: int | None = None
    every_ms: int | None = None
    create_workspace: bool = False
    report_net: str | None = None
    report_interval_s: int | None = None
    closing: tuple[StepDef, ...] = ()
    timeout_s: float | None = None
    task: str | None = None
    node: str | None = None
    site: Site = UNKNOWN_SITE
    own: tuple[str, ...] = ()

    def net_names(self) -> tuple[str, ...]:
        """The names of the nets that the step itself runs, its report net last."""
        return self.nets if self.report_net is None else (*self.nets, self.report_net)


@dataclass(frozen=True, slots=True)
class PlanDef:
    """Nets and the steps that run them, one after the other."""

    name: str
    nets: tuple[NetDef, ...] = ()
    steps: tuple[StepDef, ...] = ()


class OutputDef(NamedTuple):
    """A blob that comes home from a node when the program has ended."""

    node: str
    blob: str
    task: str = ""
    site: Site = UNKNOWN_SITE


@dataclass(frozen=True, slots=True)
class ChannelDef:
    """A bounded queue that several nodes see, as blob `channel:<name>`.

    `writers` counts the tasks that write to it, and `readers` those that read: when the last of them has said that it
    is done, the channel is closed.
    """

    name: str
    capacity: int
    columns: int
    fields: tuple[str, ...] = ()
    writers: int = 0
    node: str | None = None
    nodes: tuple[str, ...] = ()
    site: Site = UNKNOWN_SITE
    readers: int = 0


@dataclass(frozen=True, slots=True)
class CollectiveDef:
    """What tasks of several nodes do together, each through the blob `collective:<name>` of its node.

    Attributes:
        name: unique in the program.
        kind: `"barrier"`, `"broadcast"` or `"allreduce"`.
        nodes: those of its parties; partial results are put together in this order, by the first of them.
        parties: how many there are on each of the nodes: tasks, and each of their instances.
        reduction: of an allreduce: `"sum"`, `"mean"`, `"min"` or `"max"`.
        root: of a broadcast: the node, as the user called it, whose party gives the value.
        site: the line of the first operator.
    """

    name: str
    kind: str
    nodes: tuple[str, ...]
    parties: tuple[int, ...]
    reduction: str = ""
    root: str = ""
    site: Site = UNKNOWN_SITE


@dataclass(frozen=True, slots=True)
class NeedDef:
    """Something that a node needs where it is placed: a keyword of `Node`, and its value."""

    node: str
    keyword: str
    value: object
    site: Site = UNKNOWN_SITE


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ProgramDef:
    """All that a session needs: a plan for each node, what comes home, and what nodes exchange.

    Attributes:
        plans: node name to the plan of that node, in the order in which nodes were first used.
        private_nodes: the nodes whose tasks run in a child of the node's workspace that goes when the run ends.
        hidden_blobs: outputs that exist only so that every task yields something.
        shared_blobs: blobs that steps which run at once use on purpose; see `ops.shared`.
        needs: what nodes need where they are placed, each value of a keyword once.
        restartable: it may run again from its start though its tasks have changed the workspaces of nodes.
    """

    plans: Mapping[str, PlanDef]
    outputs: tuple[OutputDef, ...] = ()
    channels: tuple[ChannelDef, ...] = ()
    private_nodes: tuple[str, ...] = ()
    hidden_blobs: tuple[str, ...] = ()
    shared_blobs: tuple[str, ...] = ()
    collectives: tuple[CollectiveDef, ...] = ()
    needs: tuple[NeedDef, ...] = ()
    restartable: bool = False

    def is_private(self, node: str) -> bool:
        """Whether the tasks of a node run in a workspace of their own."""
        return node in self.private_nodes
