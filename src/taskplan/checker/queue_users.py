"""Who writes, reads and closes which queue, as the effects of a program's operators say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from taskplan.checker.walk import Visit, visits
from taskplan.operators.registry import MAKES, Declaration, declaration, is_operator
from taskplan.operators.uses import ops_with_names, uses
from taskplan.operators.waiting import Closes, Puts, Reason, Takes
from taskplan.plan.model import ChannelDef, NetDef, OpDef, PlanDef, ProgramDef
from taskplan.plan.names import UNKNOWN_SITE, Site, channel_blob

Users = dict[str, Site]
"""Tasks, or steps outside of tasks, each with the first line on which it uses the queue."""


@dataclass
class QueueUsers:
    """A queue and its users.

    Attributes:
        name: that of the channel, or of the blob that holds the queue.
        node: where the blob is; None for a channel.
        capacity: in records; None if the queue was made before the run. So is `columns`.
        site: the line that makes it.
    """

    name: str
    node: str | None
    capacity: int | None = None
    columns: int | None = None
    site: Site = UNKNOWN_SITE
    writers: Users = field(default_factory=dict)
    readers: Users = field(default_factory=dict)
    closers: Users = field(default_factory=dict)

    def users(self, kind: type[Reason]) -> Users | None:
        """Those that act on the queue for such a reason; None for one that does not concern queues."""
        return {Puts: self.writers, Takes: self.readers, Closes: self.closers}.get(kind)


def queue_users(program: ProgramDef) -> list[QueueUsers]:
    """All channels and queues of a program, the channels first."""
    channels = {channel_blob(channel.name): _of_channel(channel) for channel in program.channels}
    queues: list[QueueUsers] = list(channels.values())
    for node, plan in program.plans.items():
        found = _Queues(node, channels)
        found.enter(plan)
        queues += found.own
    return queues


def _of_channel(channel: ChannelDef) -> QueueUsers:
    return QueueUsers(channel.name, None, channel.capacity, channel.columns, channel.site)


class _Queues:
    """Gathers the queues of one node."""

    def __init__(self, node: str, channels: Mapping[str, QueueUsers]) -> None:
        self._node = node
        self._by_blob = dict(channels)
        self.own: list[QueueUsers] = []

    def enter(self, plan: PlanDef) -> None:
        """Go through all nets of a plan."""
        nets = {net.name: net for net in plan.nets}
        for visit in visits(plan, set()):
            if visit.net in nets:
                self._net(nets[visit.net], _user(visit, self._node))

    def _net(self, net: NetDef, user: str) -> None:
        self._made(net)
        for kind, blob, op in uses(net):
            if kind in (Puts, Takes, Closes):
                users = self._queue(blob).users(kind)
                if users is not None:
                    users.setdefault(user, op.site)

    def _made(self, net: NetDef) -> None:
        """Enter the queues that a net makes."""
        for op, outer in ops_with_names(net):
            declared = declaration(op.type) if is_operator(op.type) else None
            if declared and MAKES in declared.effects and [slot.name for slot in declared.outputs] == ["queue"]:
                queue = self._queue(outer(op.outputs[0]))
                queue.capacity = _number(op, declared, "capacity")
                queue.columns = _number(op, declared, "num_blobs")
                queue.site = op.site

    def _queue(self, blob: str) -> QueueUsers:
        if blob not in self._by_blob:
            self._by_blob[blob] = QueueUsers(blob, self._node)
            self.own.append(self._by_blob[blob])
        return self._by_blob[blob]


def _user(visit: Visit, node: str) -> str:
    if visit.task is not None:
        return f"task {visit.task} on {visit.node}"
    return f"step {visit.step.name} on {node}"


def _number(op: OpDef, declared: Declaration, argument: str) -> int | None:
    value = op.arguments.get(argument, declared.defaults.get(argument))
    return value if isinstance(value, int) else None


def queue_lines(program: ProgramDef, *, lines: bool = False) -> Iterator[str]:
    """The queues of a program and their users, for people.

    Args:
        program: the program.
        lines: whether to add the lines of the program, as far as known.
    """

    def at(site: Site) -> str:
        return f"  # {site}" if lines and site != UNKNOWN_SITE else ""

    for queue in queue_users(program):
        what = f"channel {queue.name}" if queue.node is None else f"queue {queue.name} on {queue.node}"
        size = f"capacity {queue.capacity}" if queue.capacity is not None else "made before the run"
        yield f"{what}: {size}{at(queue.site)}"
        for action, users in (("written", queue.writers), ("read", queue.readers), ("closed", queue.closers)):
            for user, site in (users or {"nobody": UNKNOWN_SITE}).items():
                yield f"  {action} by {user}{at(site)}"
