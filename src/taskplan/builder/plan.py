"""A plan: steps that run one after the other, and the nets that they run."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from taskplan.builder.net import Net
from taskplan.builder.origins import nested_nets, reread
from taskplan.builder.sites import here
from taskplan.builder.step import ExecutionStep, matching_steps
from taskplan.builder.steps import nets_in_order
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef, PlanDef, StepDef


class Plan:
    """Steps that run one after the other, and the nets that they run.

    A plan holds copies of nets and steps as they are when they are added; what comes to a net afterwards is not in it::

        plan = Plan("train")
        plan.AddStep(execution_step("initialise", init_net))
        plan.AddStep(execution_step("loop", update_net, num_iter=100))

    Args:
        name_or_step: a name, or a step whose name the plan takes and which is added.

    Attributes:
        site: the line of the user's program that made it.

    Raises:
        BuildValueError: it is neither.
    """

    def __init__(self, name_or_step: str | ExecutionStep) -> None:
        self.site = here()
        self._draft = pb.PlanDef()
        # Values are of the moment when the net was added, as are the copies that the message has.
        self._values: dict[str, NetDef] = {}
        # Of nets that closing steps run. The message has no such steps, and no nets that none of its steps runs.
        self._closing_values: dict[str, NetDef] = {}
        self._nets: dict[str, Net] = {}
        self._steps: list[ExecutionStep] = []
        self._step_values: list[StepDef] = []
        # Once the message was handed out: each net of it as bytes, as it was then.
        self._as_handed_out: dict[str, bytes] | None = None
        if isinstance(name_or_step, ExecutionStep):
            self._draft.name = name_or_step.Name()
            self.AddStep(name_or_step)
        elif isinstance(name_or_step, str):
            self._draft.name = name_or_step
        else:
            msg = f"a plan is made of a name or a step, got {name_or_step!r}"
            raise BuildValueError(msg)

    def Name(self) -> str:
        """The plan's name."""
        return self._draft.name

    def __str__(self) -> str:
        return self._draft.name

    def __repr__(self) -> str:
        return f"Plan({self._draft.name!r})"

    def Proto(self) -> pb.PlanDef:
        """The message that this plan writes to; changes made there count."""
        if self._as_handed_out is None:
            self._as_handed_out = {net.name: net.SerializeToString() for net in self._draft.network}
        return self._draft

    def Nets(self) -> list[Net]:
        """The nets, in the order in which they are first used."""
        return [self._nets[name] for name in self._values]

    def Steps(self) -> list[ExecutionStep]:
        """The top-level steps."""
        return list(self._steps)

    def get_all_attributes(self, name: str) -> list[Any]:
        """The attributes of that name of all nets, in order of first use."""
        return [attribute for net in self.Nets() for attribute in net.get_attributes(name)]

    def AddNets(self, nets: Iterable[Net]) -> None:
        """Add nets that are not there yet, as they are now.

        Raises:
            BuildError: another net of that name is there.
            BuildTypeError: one is no net.
        """
        given = list(nets)
        for net in given:
            if not isinstance(net, Net):
                msg = f"plan {self.Name()!r} takes nets, got {net!r}"
                raise BuildTypeError(msg)
            self._check_name(net)
        for net in given:
            self._take(net)
            if net.Name() in self._values:
                continue
            self._values[net.Name()] = net.to_model()
            self._draft.network.append(net.peek())
            if self._as_handed_out is not None:
                self._as_handed_out[net.Name()] = self._draft.network[-1].SerializeToString()

    def _take(self, net: Net) -> None:
        self._check_name(net)
        self._nets[net.Name()] = net

    def _check_name(self, net: Net) -> None:
        _check_name(self._nets, net, self.Name())

    def AddStep(self, step: ExecutionStep) -> None:
        """Run `step` after the steps that are there, and close it; a step that runs nothing is left out.

        Raises:
            BuildError: the step runs a net that is known by name only, or another net of that name is there.
            BuildTypeError: it is no step.
        """
        if not isinstance(step, ExecutionStep):
            msg = f"plan {self.Name()!r}: AddStep takes an ExecutionStep, got {step!r}"
            raise BuildTypeError(msg)
        self.AddNets(_nets_of(step, self._values, self.Name()))
        step.freeze()
        if not step.HasNets() and not step.HasSubsteps():
            return
        self._draft.execution_step.append(step.peek())
        self._steps.append(step)
        self._step_values.append(step.to_model())
        for net in _closing_nets(step):
            self._take(net)
            self._closing_values.setdefault(net.Name(), net.to_model())

    def to_model(self) -> PlanDef:
        """The plan as a value: what the message says, with the lines and functions that it has no place for."""
        handed_out = self._as_handed_out is not None
        nets = list(self._values_of_message() if handed_out else self._values.values())
        present = {net.name for net in nets}
        nets += [net for name, net in self._closing_values.items() if name not in present]
        steps = self._steps_of_message() if handed_out else self._step_values
        return PlanDef(self._draft.name, tuple(nets), tuple(steps))

    def _steps_of_message(self) -> Iterator[StepDef]:
        messages = self._draft.execution_step
        for message, step in zip(messages, matching_steps(messages, self._steps), strict=True):
            yield codec.step_from_proto(message) if step is None else step.model_of(message)

    def _values_of_message(self) -> Iterator[NetDef]:
        as_handed_out = self._as_handed_out or {}
        for net in self._draft.network:
            value = self._values.get(net.name)
            if value is None:
                yield codec.net_from_proto(net)
            elif as_handed_out.get(net.name) == net.SerializeToString():
                yield value
            else:
                yield reread(net, value.ops, _functions_of(value), value.site)

    @classmethod
    def create_from_proto(cls, plan_def: pb.PlanDef) -> Plan:
        """A plan like the message says, with objects for its steps and nets.

        A net whose name is taken gets another one; nets that no step runs are left out.

        Raises:
            BuildTypeError: it is no `PlanDef`.
            BuildError: a step has both nets and substeps, or neither; or it runs a net that is not there.
        """
        if not isinstance(plan_def, pb.PlanDef):
            msg = f"create_from_proto takes a PlanDef message, got {plan_def!r}"
            raise BuildTypeError(msg)
        plan = cls(plan_def.name)
        plan._draft.CopyFrom(plan_def)
        plan._draft.ClearField("network")
        plan._draft.ClearField("execution_step")
        net_objs: dict[str, Net] = {}
        net_protos = {net.name: net for net in plan_def.network}
        for step in plan_def.execution_step:
            plan.AddStep(ExecutionStep.create_from_proto(step, net_objs, net_protos))
        return plan


def plan_of_step(name: str, step: ExecutionStep) -> PlanDef:
    """The value of a plan `name` that has only this step; it takes no messages to make it.

    Raises:
        BuildError: the step runs a net that is known by name only, or two nets of one name.
    """
    nets = {net.Name(): net for net in _nets_of(step, (), name)}
    for net in _closing_nets(step):
        _check_name(nets, net, name)
        nets[net.Name()] = net
    return PlanDef(name, tuple([net.to_model() for net in nets.values()]), (step.to_model(),))


def _check_name(nets: Mapping[str, Net], net: Net, plan: str) -> None:
    if nets.get(net.Name(), net) is not net:
        msg = f"plan {plan!r} would have two different nets named {net.Name()!r}; give one another name"
        raise BuildError(msg)


def _nets_of(step: ExecutionStep, present: Container[str], plan: str) -> list[Net]:
    """The step's nets, in the order in which they are first run; those of `present` may be known by name only."""
    known = {net.Name(): net for net in step.Nets()}
    nets = []
    for name in dict.fromkeys(nets_in_order(step)):
        if name in known:
            nets.append(known[name])
        elif name not in present:
            msg = (
                f"step {step.Name()!r} runs net {name!r}, which is known by its name only; "
                f"give the step the Net itself, or add it to plan {plan!r} first"
            )
            raise BuildError(msg)
    return nets


def _closing_nets(step: ExecutionStep) -> Iterator[Net]:
    """The nets of the closing steps of this step, of all below it, and of these closing steps."""
    for each in step.in_order():
        for closing in each.closing:
            yield from closing.Nets()
            yield from _closing_nets(closing)


def _functions_of(net: NetDef) -> dict[str, object]:
    """The functions that the net's operators call, and those of the nets among their arguments, by token."""
    functions: dict[str, object] = {}
    for op in net.ops:
        token = op.arguments.get("token")
        if op.function is not None and isinstance(token, bytes):
            functions[token.decode()] = op.function
        for nested in nested_nets(op).values():
            for each in nested:
                functions |= _functions_of(each)
    return functions
