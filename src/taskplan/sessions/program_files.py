"""Finding the program in a file: a Python file that builds one, a saved program, or a plan of Caffe2's."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.plan import Plan
from taskplan.builder.steps import ExecutionStep
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildError, BuildKeyError, BuildValueError
from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import ProgramDef
from taskplan.plan.names import did_you_mean
from taskplan.sessions.programs import load

KINDS = (TaskGroup, Task, Plan, ExecutionStep, Net)
"""What a Python file may build, the likeliest first."""

RUN_NAME = "__taskplan__"
"""The `__name__` of a file that is searched, so that its `if __name__ == "__main__"` part does not run."""


@contextmanager
def opened(target: str, *, allow_code: bool = True) -> Iterator[Any]:
    """The program of `FILE[:NAME]`, something that a session runs; names are fresh while it is open.

    Args:
        target: a Python file, a program written by `taskplan.save`, or a PlanDef as bytes or as text (`.pbtxt`,
            `.txt`). NAME says which variable, or function without arguments, of a Python file is meant.
        allow_code: whether functions of a saved program may be brought back.

    Raises:
        BuildError: there is no such file or name, or the file builds no program or several.
    """
    name, path = _split(target)
    if not path.is_file():
        msg = f"there is no file {str(path)!r}"
        raise BuildError(msg)
    with fresh_names():
        if path.suffix == ".py":
            yield _from_python(path, name)
        else:
            yield _from_data(path, allow_code=allow_code)


def _split(target: str) -> tuple[str | None, Path]:
    path, colon, name = target.rpartition(":")
    if colon and name.isidentifier() and not Path(target).exists():
        return name, Path(path)
    return None, Path(target)


def _from_python(path: Path, name: str | None) -> Any:
    sys.path.insert(0, str(path.resolve().parent))
    found = {
        key: value for key, value in runpy.run_path(str(path), run_name=RUN_NAME).items() if not key.startswith("_")
    }
    if name is not None:
        if name not in found:
            msg = f"{path} defines no {name!r}{did_you_mean(name, found)}"
            raise BuildKeyError(msg)
        value = found[name]
        return value() if callable(value) and not isinstance(value, KINDS) else value
    for kind in KINDS:
        candidates = {key: value for key, value in found.items() if isinstance(value, kind)}
        if len({id(value) for value in candidates.values()}) == 1:
            return next(iter(candidates.values()))
        if candidates:
            msg = f"{path} builds several programs: {', '.join(candidates)}; say which, as in {path}:{next(iter(candidates))}"
            raise BuildError(msg)
    msg = f"{path} builds no TaskGroup, Task, Plan, step or Net as a variable; name a function that returns one, as in {path}:build"
    raise BuildError(msg)


def _from_data(path: Path, *, allow_code: bool) -> ProgramDef:
    try:
        return load(path, allow_code=allow_code)
    except BuildValueError as not_a_program:
        plan = _plan_message(path.read_bytes())
        if plan is None:
            raise not_a_program from None
        return ProgramDef({"local": codec.plan_from_proto(plan)})


def _plan_message(data: bytes) -> pb.PlanDef | None:
    try:
        return text_format.Parse(data.decode(), pb.PlanDef())
    except (text_format.ParseError, UnicodeDecodeError):
        pass
    message = pb.PlanDef()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message if message.execution_step else None
