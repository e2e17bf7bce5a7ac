"""Who writes which file: in a group one task by one writer, since the last to end would replace what others wrote."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary, ref

from taskplan.builder.context import stack_of
from taskplan.builder.net import Net
from taskplan.builder.sites import here
from taskplan.builder.task import Task, TaskRegistry
from taskplan.builder.task_group import TaskGroup
from taskplan.data.files.filesystems import location
from taskplan.data.sinks import Columns, ColumnsWriter
from taskplan.errors import BuildValueError
from taskplan.operators.sinks import Sink
from taskplan.plan.names import Site


class FileWriter(ColumnsWriter):
    """A `ColumnsWriter` whose sinks write one file, which nothing else in a group may write.

    Args:
        path: the file.
        make_sink: returns a `Sink`; called with the columns.
        name: what messages call the sink.
    """

    def __init__(self, path: str, make_sink: Callable[[Columns], Sink], name: str) -> None:
        super().__init__(make_sink, name)
        self._path = path
        self._made_at = here()

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """As that of a `SinkWriter`.

        Raises:
            BuildValueError: another task of the group writes the file, or another writer; the message has both lines.
        """
        claim_file(self._path, self, self._made_at)
        super().setup_ex(init_net, finish_net)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A file is written by an object, made at a line, in a task. Both may be gone: what they added to nets is not."""

    writer: ref[object]
    shown: str
    made_at: Site
    task: ref[Task]

    def __str__(self) -> str:
        task = self.task()
        text = f"{self.shown} ({self.made_at})"
        if task is None:
            return text
        return f"{text} in task {task.name!r}" + (f" ({task.site})" if task.site != self.made_at else "")


_CLAIMS: WeakKeyDictionary[TaskRegistry, dict[Hashable, _Claim]] = WeakKeyDictionary()
"""Of each group the files that its tasks write, by their locations."""


def claim_file(path: str, writer: object, made_at: Site) -> None:
    """Say that the task that is being written writes a file; without a group, nothing is known of others.

    Args:
        path: the file.
        writer: what writes it. It may say so several times in one task.
        made_at: the line that made the writer.

    Raises:
        BuildValueError: another task of the group writes the file, or another writer; the message has both lines.
    """
    task = Task.current(required=False)
    group = task.group if task is not None else None
    if task is None or group is None:
        return
    claim = _Claim(ref(writer), repr(writer), made_at, ref(task))
    claims, place = _CLAIMS.setdefault(group, {}), location(path)
    other = claims.get(place)
    is_same = other is not None and other.writer() is writer and other.task() is task
    if other is not None and not is_same and _is_there(other.task(), group):
        msg = (
            f"file {path!r} is written twice in one group: by {other} and by {claim}; what ends last would replace all "
            "that the other wrote, so give them two files, or write to one queue, and from that to the file"
        )
        raise BuildValueError(msg, path=path, sites=(other.made_at, made_at))
    claims[place] = claim


def _is_there(task: Task | None, group: TaskRegistry) -> bool:
    """Whether a task is being written, or part of the group: one whose block has failed is neither."""
    return task in stack_of(Task) or (isinstance(group, TaskGroup) and task in group.members())
