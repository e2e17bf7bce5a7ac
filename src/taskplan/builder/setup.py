"""The setup protocol: objects on nets that say what runs before and after the work that the nets belong to.

An object is attached with `net.add_attribute(key, obj)`; the key says around what it runs (a task, an instance, all
tasks of a node). It has any of three methods, each called once for every task, or group and node, that is compiled::

    class Table:
        def setup(self, init_net): ...          # runs before
        def exit(self, exit_net): ...           # runs after, if all went well
        def cleanup(self, cleanup_net): ...     # runs at the very end in any case, once the work has begun

Each may add operators to the net that it is given, and returns more to run: a net, a step, a list of these, or None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from taskplan.builder.net import Net
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step
from taskplan.errors import BuildTypeError

Part = Net | ExecutionStep
"""What a setup block consists of."""

SetupResult = Part | Sequence[Part] | None


@runtime_checkable
class SetsUp(Protocol):
    """A setup object with something to run before."""

    def setup(self, init_net: Net) -> SetupResult:
        """What to run before, besides the operators that it adds to `init_net`."""


@runtime_checkable
class Exits(Protocol):
    """A setup object with something to run after success."""

    def exit(self, exit_net: Net) -> SetupResult:
        """What to run after, besides the operators that it adds to `exit_net`."""


@runtime_checkable
class CleansUp(Protocol):
    """A setup object with something to run at the end in any case."""

    def cleanup(self, cleanup_net: Net) -> SetupResult:
        """What to run at the end, besides the operators that it adds to `cleanup_net`."""


@runtime_checkable
class ExitsLast(Protocol):
    """A setup object whose exit comes behind those of all others: it ends something that these may still use."""

    exits_last: bool


@runtime_checkable
class BeginsLast(Protocol):
    """A setup object whose setup comes behind those of all others: it uses something that these make."""

    begins_last: bool


class SetupNets:
    """A setup object that consists of ready-made nets.

    Example:
        >>> create, drop = Net("create"), Net("drop")
        >>> net = Net("work")
        >>> net.add_attribute("task_setup", SetupNets([create], cleanup_nets=[drop]))
        >>> get_setup_nets("task_setup", [net], None)[0] == [create]
        True

    Args:
        init_nets: run before.
        exit_nets: run after, if all went well.
        cleanup_nets: run at the end in any case.
    """

    def __init__(
        self, init_nets: SetupResult = None, exit_nets: SetupResult = None, cleanup_nets: SetupResult = None
    ) -> None:
        self.init_nets = init_nets
        self.exit_nets = exit_nets
        self.cleanup_nets = cleanup_nets

    def setup(self, init_net: Net) -> SetupResult:  # noqa: ARG002 - the protocol's
        """The nets to run before."""
        return self.init_nets

    def exit(self, exit_net: Net) -> SetupResult:  # noqa: ARG002 - the protocol's
        """The nets to run after."""
        return self.exit_nets

    def cleanup(self, cleanup_net: Net) -> SetupResult:  # noqa: ARG002 - the protocol's
        """The nets to run at the end in any case."""
        return self.cleanup_nets

    def __repr__(self) -> str:
        cleanup = f", cleanup_nets={self.cleanup_nets!r}" if self.cleanup_nets else ""
        return f"SetupNets(init_nets={self.init_nets!r}, exit_nets={self.exit_nets!r}{cleanup})"


@dataclass(slots=True)
class Setups:
    """What the setup objects of one key want to be run around one target, in the order in which they were attached.

    `closing` has one step for each object; they are run from the last to the first.
    """

    init_nets: list[Part] = field(default_factory=list)
    exit_nets: list[Part] = field(default_factory=list)
    closing: list[ExecutionStep] = field(default_factory=list)

    def parts(self) -> list[Part]:
        """All of it."""
        return [*self.init_nets, *self.exit_nets, *self.closing]

    def __bool__(self) -> bool:
        return bool(self.init_nets or self.exit_nets or self.closing)


class SetupCollector:
    """Asks the setup objects of one key for what they want around one target, each object once.

    Args:
        key: the name of the attribute.
        target: what the setup is for; objects with another `_setup_target` are passed over.
    """

    def __init__(self, key: str, target: object) -> None:
        self._key = key
        self._target = target
        self._seen: set[int] = set()
        self._setups = Setups()
        self._last_inits: list[Part] = []
        self._last_exits: list[Part] = []
        self._shared_init: Net | None = None
        self._shared_exit: Net | None = None

    def take(self, sources: Iterable[Part]) -> list[Part]:
        """Take the objects of `sources` that are new; returns what these objects gave.

        Objects on what an object gave count too: their setup runs before it, their exit after it.
        """
        produced: list[Part] = []
        for source in sources:
            for obj in attributes_of(source, self._key):
                if id(obj) in self._seen or getattr(obj, "_setup_target", self._target) != self._target:
                    continue
                # An id is taken by no other object meanwhile, since the nets hold this one.
                self._seen.add(id(obj))
                produced += self._take_object(obj)
        return produced

    def _take_object(self, obj: object) -> list[Part]:
        inits, exits, cleanups = self._inits(obj), self._exits(obj), self._cleanups(obj)
        setups = self._setups
        exits_kept = self._last_exits if isinstance(obj, ExitsLast) and obj.exits_last else setups.exit_nets
        exits_kept += exits
        if cleanups:
            alone = cleanups[0] if len(cleanups) == 1 and isinstance(cleanups[0], ExecutionStep) else None
            setups.closing.append(alone or execution_step(f"{self._key}/cleanup", cleanups))
        given = [*inits, *exits, *cleanups]
        given += self.take(given)
        inits_kept = self._last_inits if isinstance(obj, BeginsLast) and obj.begins_last else setups.init_nets
        inits_kept += inits
        return given

    def _inits(self, obj: object) -> list[Part]:
        if not isinstance(obj, SetsUp):
            return []
        if self._shared_init is None:
            self._shared_init = Net(f"{self._key}/init")
        return _parts(obj.setup(self._shared_init), obj, "setup")

    def _exits(self, obj: object) -> list[Part]:
        if not isinstance(obj, Exits):
            return []
        if self._shared_exit is None:
            self._shared_exit = Net(f"{self._key}/exit")
        return _parts(obj.exit(self._shared_exit), obj, "exit")

    def _cleanups(self, obj: object) -> list[Part]:
        if not isinstance(obj, CleansUp):
            return []
        # Not shared: each object's block is run in its own turn, from the last to the first.
        net = Net(f"{self._key}/cleanup")
        parts = _parts(obj.cleanup(net), obj, "cleanup")
        return [net, *parts] if _has_operators(net) else parts

    def setups(self) -> Setups:
        """All that was taken so far."""
        own = self._setups
        return Setups(
            [*_if_used(self._shared_init), *own.init_nets, *self._last_inits],
            [*_if_used(self._shared_exit), *own.exit_nets, *self._last_exits],
            list(own.closing),
        )


def _if_used(net: Net | None) -> list[Net]:
    return [net] if net is not None and _has_operators(net) else []


def _has_operators(net: Net) -> bool:
    return len(net.to_model().ops) > 0


def _parts(result: SetupResult, obj: object, method: str) -> list[Part]:
    given = list(result) if isinstance(result, list | tuple) else [] if result is None else [result]
    parts: list[Part] = []
    for part in given:
        if isinstance(part, ExecutionStep):
            # A copy, since being put into a parent closes a step, and this one is the user's.
            parts.append(part.copy())
        elif isinstance(part, Net):
            parts.append(part)
        else:
            msg = f"{method}() of {obj!r} must return a net, a step, a list of these or None; got {part!r}"
            raise BuildTypeError(msg)
    return parts


def has_attributes(step: ExecutionStep) -> bool:
    """Whether any net of the step has attributes at all; most have none, and then there is nothing to look for."""
    return any(net._attributes for net in step.Nets())


def hand_over_attributes(inner: Net, net: Net) -> None:
    """Let `net` have what is attached to a net that it stands for: setup objects, uses of channels."""
    for key, objects in inner._attributes.items():
        for obj in objects:
            net.add_attribute(key, obj)


def attributes_of(part: Part, key: str) -> Iterator[Any]:
    """The objects under `key` on the nets of `part`, except where they have been built into a step already."""
    if isinstance(part, Net):
        yield from part.get_attributes(key)
        return
    if key in part.settled:
        return
    if part.HasSubsteps():
        for substep in part.Substeps():
            yield from attributes_of(substep, key)
        for report_net in part.net_names():
            yield from part.get_net(report_net).get_attributes(key)
    else:
        yield from part.get_all_attributes(key)
    for closing in part.closing:
        yield from attributes_of(closing, key)


def get_setups(key: str, steps_or_nets: Iterable[Part], target: object) -> Setups:
    """What the setup objects under `key` on these steps and nets want to be run around `target`.

    Each object is asked once, however many of the nets have it; the next call asks it again.

    Raises:
        BuildTypeError: an object returns something else than nets and steps.
    """
    collector = SetupCollector(key, target)
    collector.take(steps_or_nets)
    return collector.setups()


def get_setup_nets(key: str, steps_or_nets: Iterable[Part], target: object) -> tuple[list[Part], list[Part]]:
    """What to run before `target`, and what after it; see `get_setups` for what runs in any case."""
    setups = get_setups(key, steps_or_nets, target)
    return setups.init_nets, setups.exit_nets


def add_setup_steps(
    step: ExecutionStep, init_nets: Sequence[Part], exit_nets: Sequence[Part], name: str
) -> ExecutionStep:
    """A step `name` that runs `<name>:init`, the step and `<name>:exit`; the step itself if there is nothing to add.

    Example:
        >>> step = execution_step("work", Net("work"))
        >>> enclosed = add_setup_steps(step, [Net("before")], [], "all")
        >>> [substep.Name() for substep in enclosed.Substeps()]
        ['all:init', 'work']
    """
    return enclosed(step, Setups(list(init_nets), list(exit_nets)), name)


def enclosed(step: ExecutionStep, setups: Setups, name: str) -> ExecutionStep:
    """A step `name` that runs `step` with what is set up around it; `step` itself if that is nothing."""
    if not setups:
        return step
    steps = [step]
    if setups.init_nets:
        steps.insert(0, execution_step(f"{name}:init", setups.init_nets, site=step.site))
    if setups.exit_nets:
        steps.append(execution_step(f"{name}:exit", setups.exit_nets, site=step.site))
    around = execution_step(name, steps, site=step.site)
    around.closing = setups.closing
    return around
