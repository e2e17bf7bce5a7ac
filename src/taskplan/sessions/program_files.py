"""Finding the program in a file: a Python file that builds one, a saved program, or a plan of Caffe2's."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.plan import Plan
from taskplan.builder.steps import ExecutionStep
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildError, BuildKeyError, BuildTypeError, BuildValueError
from taskplan.plan import functions
from taskplan.plan.archive import is_program
from taskplan.plan.intake import plan_from_file
from taskplan.plan.model import ProgramDef
from taskplan.plan.names import did_you_mean
from taskplan.sessions.programs import load

KINDS = (TaskGroup, Task, Plan, ExecutionStep, Net)
"""What a Python file may build; where it builds several, the earlier in this list is its program."""

_EXPECTED = "a TaskGroup, Task, Plan, step or Net"

RUN_NAME = "__taskplan__"
"""The `__name__` of a file that is searched, so that its `if __name__ == "__main__"` part does not run."""


@contextmanager
def opened(target: str, *, allow_code: bool = False, rebuilds: bool = False) -> Iterator[Any]:
    """The program of `FILE[:NAME]`, something that a session runs; names are fresh while it is open.

    Args:
        target: a Python file, a program written by `taskplan.save`, or a PlanDef as bytes or as text. NAME says which
            variable, or function without arguments, of a Python file is meant.
        allow_code: bring back the functions of a saved program. (A Python file is run in any case.)
        rebuilds: where NAME is a function, give one that builds the program anew each time, in names of its own.

    Raises:
        BuildError: there is no such file or name, or the file builds no program or several.
    """
    path, name = _split(target)
    if not path.is_file():
        what = "a folder, not a file" if path.is_dir() else "no file"
        msg = f"{str(path)!r} is {what}; give a Python file, a saved program or a PlanDef"
        raise BuildError(msg)
    with fresh_names():
        if path.suffix == ".py":
            with _on_path(path), _imported(path) as found:
                yield _chosen(found, path) if name is None else _named(name, found, path, rebuilds=rebuilds)
        elif name is not None:
            msg = f"{path} is no Python file, so there is no {name!r} in it; leave out the name"
            raise BuildError(msg)
        elif allow_code:
            with _on_path(path):
                yield _from_data(path, allow_code=True)
        else:
            yield _from_data(path, allow_code=False)


def _split(target: str) -> tuple[Path, str | None]:
    file, colon, name = target.rpartition(":")
    if colon and name.isidentifier() and not Path(target).exists():
        return Path(file), name
    return Path(target), None


@contextmanager
def _on_path(path: Path) -> Iterator[None]:
    """Modules beside the file can be imported, as by a script."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


@contextmanager
def _imported(path: Path) -> Iterator[Mapping[str, object]]:
    """The public names of a Python file that is run as a script would be, its main part aside."""
    module = ModuleType(RUN_NAME)
    module.__file__ = str(path)
    before = sys.modules.get(RUN_NAME)
    sys.modules[RUN_NAME] = module  # as long as it runs: whoever pickles or inspects its functions looks there
    try:
        with functions.carried_along(module):
            exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
            yield {key: value for key, value in vars(module).items() if not key.startswith("_")}
    finally:
        if before is None:
            del sys.modules[RUN_NAME]
        else:
            sys.modules[RUN_NAME] = before


def _named(name: str, found: Mapping[str, object], path: Path, *, rebuilds: bool) -> object:
    if name not in found:
        known = [key for key, value in found.items() if isinstance(value, KINDS) or _is_own_function(value)]
        hint = did_you_mean(name, known) or (f"; it has {', '.join(known)}" if known else "")
        msg = f"{path} defines no {name!r}{hint}"
        raise BuildKeyError(msg)
    value = found[name]
    if inspect.isfunction(value):
        _require_no_arguments(value, f"{path}:{name}")
        build = partial(_built_by, value, f"{path}:{name}")
        return build if rebuilds else build()
    if not isinstance(value, KINDS):
        msg = f"{path}:{name} is {value!r:.80}; expected {_EXPECTED}, or a function that builds one"
        raise BuildTypeError(msg)
    return value


def _built_by(function: Callable[[], object], target: str) -> object:
    with fresh_names():
        built = function()
    if not isinstance(built, KINDS):
        msg = f"{target} returned {built!r:.80}; expected {_EXPECTED}"
        raise BuildTypeError(msg)
    return built


def _require_no_arguments(function: Any, target: str) -> None:
    needed = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if needed:
        msg = f"{target} needs arguments: {', '.join(needed)}; name a function that can be called without"
        raise BuildTypeError(msg)


def _chosen(found: Mapping[str, object], path: Path) -> object:
    """The one program of a file."""
    for kind in KINDS:
        by_id: dict[int, str] = {}
        for name, value in found.items():
            if isinstance(value, kind):
                by_id.setdefault(id(value), name)
        names = list(by_id.values())
        if len(names) == 1:
            return found[names[0]]
        if names:
            msg = f"{path} builds several programs: {', '.join(names)}; say which, as in {path}:{names[0]}"
            raise BuildError(msg)
    functions = [name for name, value in found.items() if _is_own_function(value) and "build" in name]
    hint = f"{path}:{functions[0]}" if functions else f"{path}:build"
    msg = f"{path} has {_EXPECTED} in none of its variables; name a function that returns one, as in {hint}"
    raise BuildError(msg)


def _is_own_function(value: object) -> bool:
    return inspect.isfunction(value) and value.__module__ == RUN_NAME


def _from_data(path: Path, *, allow_code: bool) -> ProgramDef:
    data = path.read_bytes()
    if not data:
        msg = f"{path} is empty"
        raise BuildValueError(msg)
    if is_program(data):
        return load(path, allow_code=allow_code)
    try:
        return ProgramDef({"local": plan_from_file(data)})
    except BuildValueError as error:
        msg = f"{path} holds neither a program that taskplan.save wrote nor a PlanDef: {error}"
        raise BuildValueError(msg) from error
