"""One execution step: a draft that is set up by calls, and what its message cannot hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any, SupportsIndex

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import current_names
from taskplan.builder.net import Net
from taskplan.builder.sites import here
from taskplan.errors import BuildError, BuildKeyError, BuildTypeError, BuildValueError, ClosedError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.codec import step_from_proto, step_shell
from taskplan.plan.model import StepDef


class ExecutionStep:
    """A node of the tree that says what runs when: it runs nets, or it runs steps, never both.

    `execution_step` makes one in a single call. By hand::

        loop = ExecutionStep("loop", num_iter=10)
        loop.AddNet(update)
        root = ExecutionStep("root").AddSubstep(initialise).AddSubstep(loop)

    A step that is put into another step or a plan is closed: these hold a copy of it as it is then. It may be put into
    several, and `copy()` gives one that is open.

    Args:
        name: is not made unique; if it is empty, `step`, `step_1`, ...
        nets: a net, or several, given as nets, messages or names; repeats count once.
        num_iter: how often the children run; unset means once.

    Attributes:
        site: the line of the user's program that made it.
        closing: steps that run once this step has begun, the last one first, also after a failure.
        timeout_s: how long one execution may take.
        task_name, node_name: set on the root step of a task.
        settled: names of attributes of nets that have been acted on for all that is below this step.
    """

    def __init__(
        self,
        name: str | None,
        nets: Net | Iterable[Net | pb.NetDef | str] | None = None,
        num_iter: int | None = None,
    ) -> None:
        self.site = here()
        self.closing: list[ExecutionStep] = []
        self.timeout_s: float | None = None
        self.task_name: str | None = None
        self.node_name: str | None = None
        self.settled: frozenset[str] = frozenset()
        self._draft = pb.ExecutionStep(name=name or current_names().step())
        # One entry for each substep; None where a bare message was added.
        self._children: list[ExecutionStep | None] = []
        # All nets of the subtree as far as they are known as objects, in order of first use.
        self._nets: dict[str, Net] = {}
        self._used = False
        if nets is not None:
            self._list_nets([nets] if isinstance(nets, Net) else nets)
        if num_iter is not None:
            self.SetIter(num_iter)

    def _list_nets(self, nets: Iterable[Net | pb.NetDef | str]) -> None:
        if isinstance(nets, str | bytes) or not isinstance(nets, Iterable):
            msg = f"step {self.Name()!r} takes a net or a list of nets, got {nets!r}"
            raise BuildTypeError(msg)
        names: dict[str, None] = {}
        for net in nets:
            if isinstance(net, Net):
                self._take_net(net)
                names[net.Name()] = None
            elif isinstance(net, str):
                names[net] = None
            elif isinstance(net, pb.NetDef):
                names[net.name] = None
            else:
                msg = f"step {self.Name()!r} takes nets, messages of nets or their names, got {net!r}"
                raise BuildTypeError(msg)
        self._draft.network.extend(names)

    def Name(self) -> str:
        """The step's name."""
        return self._draft.name

    def __str__(self) -> str:
        return self._draft.name

    def __repr__(self) -> str:
        return f"ExecutionStep({self._draft.name!r})"

    def Proto(self) -> pb.ExecutionStep:
        """The message that this step writes to; changes made there count."""
        return self._draft

    # --- what it runs ---

    def HasNets(self) -> bool:
        """Whether it runs nets."""
        return len(self._draft.network) > 0

    def HasSubsteps(self) -> bool:
        """Whether it runs steps."""
        return len(self._draft.substep) > 0

    def Nets(self) -> list[Net]:
        """All nets of this step and those below it, report nets included, in order of first use."""
        return list(self._nets.values())

    def Substeps(self) -> list[ExecutionStep]:
        """The steps that were put into this one."""
        return [child for child in self._children if child is not None]

    def get_net(self, name: str) -> Net:
        """The net of that name, of this step or one below it.

        Raises:
            BuildKeyError: there is none.
        """
        net = self._nets.get(name)
        if net is None:
            msg = f"step {self.Name()!r} runs no net {name!r}; its nets are {list(self._nets)}"
            raise BuildKeyError(msg)
        return net

    def get_all_attributes(self, name: str) -> list[Any]:
        """The attributes of that name of all nets of this step and those below it, in order of first use."""
        return [attribute for net in self._nets.values() for attribute in net.get_attributes(name)]

    def AddNet(self, net: Net) -> ExecutionStep:
        """Run `net` after the nets that are there. A net that is added twice runs twice.

        Raises:
            BuildError: the step runs steps, or another net of that name.
            BuildTypeError: `net` is no net.
            ClosedError: the step has been put into a parent or plan.
        """
        self._check_open()
        if not isinstance(net, Net):
            msg = f"step {self.Name()!r}: AddNet takes a Net, got {net!r}"
            raise BuildTypeError(msg)
        if self.HasSubsteps():
            msg = f"step {self.Name()!r} runs steps, so it cannot run net {net.Name()!r} too; wrap the net in a step"
            raise BuildError(msg)
        self._take_net(net)
        self._draft.network.append(net.Name())
        return self

    def AddSubstep(self, step: ExecutionStep | pb.ExecutionStep) -> ExecutionStep:
        """Run `step` after the steps that are there, and close it; a step that runs nothing is left out.

        Of a bare message, the nets are known by name only.

        Raises:
            BuildError: the step runs nets, or two nets below it would have one name.
            ClosedError: the step has been put into a parent or plan.
        """
        self._check_open()
        if self.HasNets():
            msg = f"step {self.Name()!r} runs nets, so it cannot run step {step!r} too; wrap its nets in a step"
            raise BuildError(msg)
        if not isinstance(step, ExecutionStep):
            if not isinstance(step, pb.ExecutionStep):
                msg = f"step {self.Name()!r}: AddSubstep takes an ExecutionStep, got {step!r}"
                raise BuildTypeError(msg)
            self._draft.substep.append(step)
            self._children.append(None)
            return self
        for name, net in step._nets.items():
            self._check_same_net(name, net)
        step.freeze()
        if step.HasNets() or step.HasSubsteps():
            self._nets.update(step._nets)
            self._draft.substep.append(step._draft)
            self._children.append(step)
        return self

    def _take_net(self, net: Net) -> None:
        self._check_same_net(net.Name(), net)
        self._nets[net.Name()] = net

    def _check_same_net(self, name: str, net: Net) -> None:
        if self._nets.get(name, net) is not net:
            msg = f"step {self.Name()!r} would run two different nets named {name!r}; give one another name"
            raise BuildError(msg)

    # --- how it runs them ---

    def SetIter(self, num_iter: int) -> None:
        """Run the children `num_iter` times; zero or less means never."""
        self._check_open()
        self._draft.num_iter = self._whole(num_iter, "SetIter")

    def SetConcurrentSubsteps(self, concurrent_substeps: bool) -> None:
        """Start all substeps together, and wait for them.

        Raises:
            BuildError: the step runs nets, and these only ever run one after the other.
        """
        self._check_open()
        if self.HasNets():
            msg = f"step {self.Name()!r} runs nets, which run one after the other; wrap each in a step"
            raise BuildError(msg)
        self._draft.concurrent_substeps = bool(concurrent_substeps)

    def SetNumConcurrentInstances(self, num_concurrent_instances: int) -> None:
        """Run that many copies of each substep at once."""
        self._check_open()
        self._draft.num_concurrent_instances = self._whole(num_concurrent_instances, "SetNumConcurrentInstances")

    def SetOnlyOnce(self, only_once: bool) -> None:
        """Run the children at most once, though there is a stop blob. Without one, a step must not have this set."""
        self._check_open()
        self._draft.only_once = bool(only_once)

    def SetShouldStopBlob(self, should_stop_blob: BlobReference) -> None:
        """Repeat until this blob, a single bool that is read after each child, is true.

        Raises:
            BuildTypeError: it is no `BlobReference`.
        """
        self._check_open()
        if not isinstance(should_stop_blob, BlobReference):
            msg = f"step {self.Name()!r}: the stop blob must be a BlobReference, got {should_stop_blob!r}"
            raise BuildTypeError(msg)
        self._draft.should_stop_blob = str(should_stop_blob)

    def SetCreateWorkspace(self, create_workspace: bool) -> None:
        """Run each execution of this step in a child workspace of its own."""
        self._check_open()
        self._draft.create_workspace = bool(create_workspace)

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
        self._draft.run_every_ms = interval_ms

    def SetReportNet(self, report_net: Net, report_interval: int) -> None:
        """Run a net every `report_interval` seconds while this step runs, and once after it."""
        self._check_open()
        if not isinstance(report_net, Net):
            msg = f"step {self.Name()!r}: the report net must be a Net, got {report_net!r}"
            raise BuildTypeError(msg)
        interval_s = self._whole(report_interval, "SetReportNet")
        self._take_net(report_net)
        self._draft.report_net = report_net.Name()
        self._draft.report_interval = interval_s

    def _whole(self, number: SupportsIndex, method: str) -> int:
        try:
            return number.__index__()
        except AttributeError:
            msg = f"step {self.Name()!r}: {method} takes a whole number, got {number!r}"
            raise BuildTypeError(msg) from None

    # --- closing, copying, compiling ---

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

    def copy(self) -> ExecutionStep:
        """An open step that does the same; nets and substeps are shared."""
        copied = ExecutionStep(self._draft.name)
        copied._draft.CopyFrom(self._draft)
        copied._children = list(self._children)
        copied._nets = dict(self._nets)
        copied.site, copied.settled = self.site, self.settled
        copied.closing, copied.timeout_s = list(self.closing), self.timeout_s
        copied.task_name, copied.node_name = self.task_name, self.node_name
        return copied

    def to_model(self) -> StepDef:
        """The frozen value of this step and all below it."""
        return self.model_of(self._draft)

    def model_of(self, draft: pb.ExecutionStep) -> StepDef:
        """The frozen value of `draft`, which is this step's message or was copied from it.

        What the message has no place for comes from this object and its children, as far as they can be told apart.
        """
        messages = draft.substep
        children = matching_steps(messages, self._children) if messages else ()
        steps = [
            child.model_of(message) if child is not None else step_from_proto(message)
            for message, child in zip(messages, children, strict=True)
        ]
        return step_shell(
            draft,
            tuple(steps),
            self.site,
            closing=tuple([step.to_model() for step in self.closing]) if self.closing else (),
            timeout_s=self.timeout_s,
            task=self.task_name,
            node=self.node_name,
        )

    @classmethod
    def create_from_proto(
        cls,
        proto: pb.ExecutionStep,
        net_objs: MutableMapping[str, Net],
        net_protos: MutableMapping[str, pb.NetDef],
    ) -> ExecutionStep:
        """A step like the message says, with objects for its substeps and nets; its report net is left out.

        Args:
            proto: the step.
            net_objs: nets by the name that the message has for them; those that are made here are added.
            net_protos: messages of nets by name. A net made of one gets another name if its own is taken.

        Raises:
            BuildError: a step has both nets and substeps, or neither; or a net is in neither mapping.
        """
        if bool(proto.network) == bool(proto.substep):
            msg = f"step {proto.name!r} must have nets or substeps, and not both"
            raise BuildError(msg)
        step = cls(proto.name)
        step._draft.CopyFrom(proto)
        for field in ("network", "substep", "report_net", "report_interval"):
            step._draft.ClearField(field)
        for name in proto.network:
            if name not in net_objs:
                if name not in net_protos:
                    msg = f"step {proto.name!r} runs net {name!r}, which is not there"
                    raise BuildError(msg)
                net_objs[name] = Net(net_protos[name])
            step.AddNet(net_objs[name])
        for substep in proto.substep:
            step.AddSubstep(cls.create_from_proto(substep, net_objs, net_protos))
        return step


def matching_steps(
    messages: Sequence[pb.ExecutionStep], steps: Sequence[ExecutionStep | None]
) -> Sequence[ExecutionStep | None]:
    """For each message the step that it was copied from: by name, in order; None if it was added through `Proto()`.

    `steps` are those that the messages were copied from before they were edited, None where there was a bare message.
    """
    if len(messages) == len(steps) and all(
        step is None or step.Name() == message.name for message, step in zip(messages, steps, strict=True)
    ):
        return steps
    by_name: dict[str, deque[ExecutionStep]] = {}
    for step in steps:
        if step is not None:
            by_name.setdefault(step.Name(), deque()).append(step)
    same_named = [by_name.get(message.name) for message in messages]
    return [waiting.popleft() if waiting else None for waiting in same_named]
