"""Whether a task has a workspace of its own, and what follows when group, task and session say different things."""

from __future__ import annotations

from taskplan.errors import BuildError, BuildValueError


class WorkspaceType:
    """Where the blobs of a task live.

    Attributes:
        PRIVATE: in a child of the node's workspace that is the task's own, and goes when the task has ended.
        GLOBAL: in the node's workspace.
    """

    PRIVATE = "private"
    GLOBAL = "global"


_KNOWN = (WorkspaceType.PRIVATE, WorkspaceType.GLOBAL)

# What the group, or the session in its stead, says; what the task says: what holds. Pairs that are not here
# contradict each other.
_EFFECTIVE: dict[tuple[str | None, str | None], str] = {
    (None, None): WorkspaceType.PRIVATE,
    (None, WorkspaceType.PRIVATE): WorkspaceType.PRIVATE,
    (None, WorkspaceType.GLOBAL): WorkspaceType.GLOBAL,
    (WorkspaceType.PRIVATE, None): WorkspaceType.PRIVATE,
    (WorkspaceType.PRIVATE, WorkspaceType.PRIVATE): WorkspaceType.PRIVATE,
    (WorkspaceType.GLOBAL, None): WorkspaceType.GLOBAL,
    (WorkspaceType.GLOBAL, WorkspaceType.GLOBAL): WorkspaceType.GLOBAL,
}


def checked_type(workspace_type: str | None) -> str | None:
    """`workspace_type` itself.

    Raises:
        BuildValueError: it is neither a workspace type nor None.
    """
    if workspace_type is not None and workspace_type not in _KNOWN:
        msg = f"a workspace type is {' or '.join(map(repr, _KNOWN))}, got {workspace_type!r}"
        raise BuildValueError(msg)
    return workspace_type


def task_type(group_type: str | None, own_type: str | None, task: str) -> str:
    """What holds for a task, and from then on for its group: the task's own type, the group's, or private.

    Raises:
        BuildError: the two differ.

    Example:
        >>> task_type(None, None, "a"), task_type("global", None, "a")
        ('private', 'global')
    """
    effective = _EFFECTIVE.get((group_type, own_type))
    if effective is None:
        msg = (
            f"task {task!r} wants a {own_type} workspace, and its group has {group_type} ones; "
            "all tasks of a group have the same type"
        )
        raise BuildError(msg)
    return effective


def group_type(own_type: str | None, session_type: str | None) -> str | None:
    """What a group starts from: its own type, else what the session was asked for, which may be nothing.

    Raises:
        BuildError: the two differ.
    """
    if own_type is not None and session_type is not None and own_type != session_type:
        msg = f"the group has {own_type} workspaces, and the session was asked for {session_type} ones; leave one out"
        raise BuildError(msg)
    return own_type if own_type is not None else session_type
