"""One execution step: a draft that is set up by calls, and what its message cannot hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

from taskplan.builder.net import Net
from taskplan.builder.sites import here
from taskplan.builder.step_settings import StepSettings
from taskplan.errors import BuildError, BuildKeyError, BuildTypeError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.codec import fields_of, step_from_fields, step_from_proto
from taskplan.plan.model import StepDef
from taskplan.plan.names import Site

_NOTHING: frozenset[str] = frozenset()


class _Copied(NamedTuple):
    """A substep whose message is a copy: it was a bare one, with no step, or somebody else had it in his hands."""

    step: ExecutionStep | None
    message: pb.ExecutionStep


class ExecutionStep(StepSettings):
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
        site: the line that it counts as made on; that of the caller if not given.

    Attributes:
        site: the line of the user's program that made it.
        closing: steps that run once this step has begun, the last one first, also after a failure.
        timeout_s: how long one execution may take.
        own_blobs: with a workspace of its own, blobs that are in there even if the parent has such.
        task_name, node_name: set on the root step of a task.
        settled: names of attributes of nets that have been acted on for all that is below this step.
    """

    def __init__(
        self,
        name: str | None,
        nets: Net | Iterable[Net | pb.NetDef | str] | None = None,
        num_iter: int | None = None,
        *,
        site: Site | None = None,
    ) -> None:
        super().__init__(name, site or here())
        self.closing: Sequence[ExecutionStep] = ()
        self.timeout_s: float | None = None
        self.own_blobs: Sequence[str] = ()
        self.task_name: str | None = None
        self.node_name: str | None = None
        self.settled = _NOTHING
        # The names of nets, or steps. A step that stands here itself is closed and so still is what it was.
        self._runs: list[str | ExecutionStep | _Copied] = []
        # All nets of the subtree as far as they are known as objects, in order of first use.
        self._nets: dict[str, Net] = {}
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
        self._runs += names

    def Proto(self) -> pb.ExecutionStep:
        """The message that this step writes to; changes made there count. To read only, `peek` is cheaper."""
        self._message = self.peek()
        return self._message

    def peek(self) -> pb.ExecutionStep:
        """The message, for those who do not change it."""
        return self._assembled() if self._message is None else self._message

    def _assembled(self) -> pb.ExecutionStep:
        message = pb.ExecutionStep(**self._settings)
        for each in self._runs:
            if isinstance(each, str):
                message.network.append(each)
            else:
                message.substep.append(each._assembled() if isinstance(each, ExecutionStep) else each.message)
        return message

    # --- what it runs ---

    def HasNets(self) -> bool:
        """Whether it runs nets."""
        if self._message is not None:
            return len(self._message.network) > 0
        return bool(self._runs) and isinstance(self._runs[0], str)

    def HasSubsteps(self) -> bool:
        """Whether it runs steps."""
        if self._message is not None:
            return len(self._message.substep) > 0
        return bool(self._runs) and not isinstance(self._runs[0], str)

    def Nets(self) -> list[Net]:
        """All nets of this step and those below it, report nets included, in order of first use."""
        return list(self._nets.values())

    def net_names(self) -> list[str]:
        """The names of the nets that this step itself runs, in order; its report net comes last."""
        if self._message is None:
            names, report_net = [each for each in self._runs if isinstance(each, str)], self._settings.get("report_net")
        else:
            names, report_net = self._message.network[:], self._message.report_net
        return [*names, report_net] if report_net else names

    def Substeps(self) -> list[ExecutionStep]:
        """The steps that were put into this one."""
        return [step for step in self._steps() if step is not None]

    def in_order(self) -> list[ExecutionStep]:
        """All steps below this one, each behind those that it runs, and this one last."""
        found: list[ExecutionStep] = []
        self._gather(found)
        return found

    def _gather(self, found: list[ExecutionStep]) -> None:
        for each in self._runs:
            if isinstance(each, ExecutionStep):
                each._gather(found)
            elif isinstance(each, _Copied) and each.step is not None:
                each.step._gather(found)
        found.append(self)

    def _steps(self) -> list[ExecutionStep | None]:
        """The same, with None for a bare message."""
        return [
            each if isinstance(each, ExecutionStep) else each.step for each in self._runs if not isinstance(each, str)
        ]

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
        self._runs.append(net.Name())
        if self._message is not None:
            self._message.network.append(net.Name())
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
            self._put(_Copied(None, _copy_of(step)))
            return self
        for name in self._nets.keys() & step._nets.keys():
            self._check_same_net(name, step._nets[name])
        step.freeze()
        if step.HasNets() or step.HasSubsteps():
            self._nets.update(step._nets)
            self._put(step if step._message is None else _Copied(step, _copy_of(step._message)))
        return self

    def _put(self, child: ExecutionStep | _Copied) -> None:
        self._runs.append(child)
        if self._message is not None:
            self._message.substep.append(child._assembled() if isinstance(child, ExecutionStep) else child.message)

    def _take_net(self, net: Net) -> None:
        self._check_same_net(net.Name(), net)
        self._nets[net.Name()] = net

    def _check_same_net(self, name: str, net: Net) -> None:
        if self._nets.get(name, net) is not net:
            msg = f"step {self.Name()!r} would run two different nets named {name!r}; give one another name"
            raise BuildError(msg)

    # --- how it runs them ---

    def SetConcurrentSubsteps(self, concurrent_substeps: bool) -> None:
        """Start all substeps together, and wait for them.

        Raises:
            BuildError: the step runs nets, and these only ever run one after the other.
        """
        self._check_open()
        if self.HasNets():
            msg = f"step {self.Name()!r} runs nets, which run one after the other; wrap each in a step"
            raise BuildError(msg)
        self._set(concurrent_substeps=bool(concurrent_substeps))

    def SetReportNet(self, report_net: Net, report_interval: int) -> None:
        """Run a net every `report_interval` seconds while this step runs, and once after it."""
        self._check_open()
        if not isinstance(report_net, Net):
            msg = f"step {self.Name()!r}: the report net must be a Net, got {report_net!r}"
            raise BuildTypeError(msg)
        interval_s = self._whole(report_interval, "SetReportNet", bits=32)
        self._take_net(report_net)
        self._set(report_net=report_net.Name(), report_interval=interval_s)

    # --- copying, compiling ---

    def copy(self) -> ExecutionStep:
        """An open step that does the same; nets and substeps are shared."""
        copied = ExecutionStep(self.Name(), site=self.site)
        copied._settings = dict(self._settings)
        copied._runs = list(self._runs)
        copied._nets = dict(self._nets)
        if self._message is not None:
            copied._message = _copy_of(self._message)
        copied.closing, copied.timeout_s, copied.own_blobs = self.closing, self.timeout_s, self.own_blobs
        copied.task_name, copied.node_name, copied.settled = self.task_name, self.node_name, self.settled
        return copied

    def to_model(self) -> StepDef:
        """The frozen value of this step and all below it."""
        return self._value() if self._message is None else self.model_of(self._message)

    def model_of(self, message: pb.ExecutionStep) -> StepDef:
        """The frozen value of `message`, which is this step's own or was copied from it.

        What the message has no place for comes from this object and its children, as far as they can be told apart.
        """
        substeps = zip(message.substep, matching_steps(message.substep, self._steps()), strict=True)
        return self._defined(fields_of(message), message.network, [_value_of(each, step) for each, step in substeps])

    def _value(self) -> StepDef:
        """What it was made, whatever has become of its message."""
        nets: list[str] = []
        steps: list[StepDef] = []
        for each in self._runs:
            if isinstance(each, str):
                nets.append(each)
            else:
                steps.append(each._value() if isinstance(each, ExecutionStep) else _value_of(each.message, each.step))
        return self._defined(self._settings, nets, steps)

    def _defined(self, fields: Mapping[str, Any], nets: Iterable[str], steps: Iterable[StepDef]) -> StepDef:
        return step_from_fields(
            fields,
            nets,
            steps,
            self.site,
            closing=[step.to_model() for step in self.closing] if self.closing else (),
            timeout_s=self.timeout_s,
            task=self.task_name,
            node=self.node_name,
            own=self.own_blobs,
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
        step._message = _copy_of(proto)
        for field in ("network", "substep", "report_net", "report_interval"):
            step._message.ClearField(field)
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


def _value_of(message: pb.ExecutionStep, step: ExecutionStep | None) -> StepDef:
    return step_from_proto(message) if step is None else step.model_of(message)


def _copy_of(message: pb.ExecutionStep) -> pb.ExecutionStep:
    copy = pb.ExecutionStep()
    copy.CopyFrom(message)
    return copy


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
