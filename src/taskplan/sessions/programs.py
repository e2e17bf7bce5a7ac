"""Programs as values: compile one without running it, save it, load it."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from taskplan.builder.program import compile_group
from taskplan.errors import BuildValueError
from taskplan.plan import archive
from taskplan.plan.model import ProgramDef
from taskplan.sessions.base import as_group


def compile_program(runnable: object, *, shared_nodes: bool = False) -> ProgramDef:
    """The whole program of a group, task, step, plan or net, as a frozen value.

    Args:
        runnable: what a session takes. A compiled program is returned as it is.
        shared_nodes: put all nodes into one workspace, as Caffe2 did.
    """
    if isinstance(runnable, ProgramDef):
        return runnable
    return compile_group(as_group(runnable, None), shared_nodes=shared_nodes)[0]


def save(runnable: object, path: str | os.PathLike[str]) -> None:
    """Write a program to a file; the file is either whole, or as it was.

    Args:
        runnable: what a session takes, or a compiled program.
        path: the file.

    Raises:
        PlanError: a function can be neither imported by name nor pickled.
    """
    data = archive.program_to_bytes(compile_program(runnable))
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        beside.write_bytes(data)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike[str], *, allow_code: bool = False) -> ProgramDef:
    """Read a program from a file.

    Args:
        path: the file.
        allow_code: bring back the user's functions too; only for files that you trust. Without it the program can be
            shown and checked, and run if it has none.

    Raises:
        BuildValueError: the file holds no program, or one of another format.
        PlanError: a function cannot be brought back.
    """
    data = Path(path).read_bytes()
    try:
        return archive.program_from_bytes(data, allow_code=allow_code)
    except BuildValueError as error:
        msg = f"{os.fspath(path)!r}: {error}"
        raise BuildValueError(msg) from error
