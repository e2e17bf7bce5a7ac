"""The command line: `taskplan run`, `show`, `check`, `ops`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.table import Table

from taskplan import LocalSession, __version__, check_program, compile_program
from taskplan.checker.problems import Severity
from taskplan.errors import TaskplanError
from taskplan.operators import catalogue  # noqa: F401 - declares all operators
from taskplan.operators.registry import Declaration, declaration, declarations
from taskplan.plan.text import program_text, program_tree
from taskplan.sessions.program_files import opened

P = ParamSpec("P")
R = TypeVar("R")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def _shows_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Show an error of taskplan, and the notes of any failure, without a traceback through taskplan itself."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except click.ClickException:
            raise
        except KeyboardInterrupt:
            err.print("interrupted", style="bold red")
            sys.exit(130)
        except Exception as error:
            err.print(f"{type(error).__name__}: {error}", style="bold red", markup=False)
            for note in getattr(error, "__notes__", ()):
                err.print(note, markup=False)
            if not isinstance(error, TaskplanError):
                _show_user_frames(error)
            sys.exit(1)

    return wrapper


def _show_user_frames(error: Exception) -> None:
    """The frames of the user's own code in a traceback, innermost last."""
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        if "taskplan" not in frame.tb_frame.f_globals.get("__name__", "").split(
            "."
        ) and not code.co_filename.startswith("<frozen"):
            err.print(f"  raised {code.co_filename}:{frame.tb_lineno}, in {code.co_qualname}", markup=False)
        frame = frame.tb_next


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="taskplan")
def main() -> None:
    """Concurrent programs that are checked before they run."""


target_argument = click.argument("target", metavar="FILE[:NAME]")


@main.command()
@target_argument
@click.option("--timeout", "timeout_s", type=float, default=float("inf"), help="Seconds the run may take.")
@click.option("--shared-nodes", is_flag=True, help="Put all nodes into one workspace, as Caffe2 did.")
@click.option("--seed", type=int, help="Seed of random operators that the program does not seed.")
@click.option("-v", "--verbose", is_flag=True, help="Show the run's log.")
@_shows_errors
def run(target: str, timeout_s: float, shared_nodes: bool, seed: int | None, verbose: bool) -> None:
    """Run the program of a file and print its outputs.

    FILE is a Python file that builds a TaskGroup, Task, Plan, step or Net, a program written by `taskplan.save`, or a
    plan of Caffe2's. NAME says which variable, or function without arguments, if there are several.
    """
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with opened(target) as runnable, LocalSession(shared_nodes=shared_nodes, timeout_s=timeout_s, seed=seed) as session:
        session.run(runnable)
        values = session.outputs(runnable)
    if not values:
        err.print("done; the program has no outputs", style="dim")
    for name, value in values.items():
        out.print(f"{name} = {value}", markup=False)


@main.command()
@target_argument
@click.option("--tree", is_flag=True, help="One line a step, without operators.")
@click.option("--lines", is_flag=True, help="With the line of the program that made each operator.")
@_shows_errors
def show(target: str, tree: bool, lines: bool) -> None:
    """Print a program as text: nodes, tasks, steps, nets, channels and outputs."""
    with opened(target, allow_code=False) as runnable:
        program = compile_program(runnable)
        out.print(program_tree(program) if tree else program_text(program, lines=lines), markup=False)


@main.command()
@target_argument
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@_shows_errors
def check(target: str, strict: bool) -> None:
    """Check a program without running it; every problem at once. Exits with 1 if there are errors."""
    with opened(target, allow_code=False) as runnable:
        problems = check_program(compile_program(runnable))
    for problem in problems:
        out.print(str(problem), markup=False, style="red" if problem.severity is Severity.ERROR else "yellow")
    errors = [problem for problem in problems if strict or problem.severity is Severity.ERROR]
    warnings = len(problems) - len(errors)
    out.print(f"{len(errors)} errors, {warnings} warnings")
    if errors:
        sys.exit(1)


@main.command()
@click.argument("name", required=False)
@_shows_errors
def ops(name: str | None) -> None:
    """List the operators by family, or describe one.

    NAME is an operator, or a part of names to search for.
    """
    every = list(declarations())
    exact = [each for each in every if name is not None and each.name.lower() == name.lower()]
    if exact:
        _describe(exact[0])
        return
    matching = [each for each in every if name is None or name.lower() in each.name.lower()]
    if not matching:
        declaration(name or "")  # raises, with near names
    families: dict[str, list[str]] = {}
    for each in matching:
        families.setdefault(each.family, []).append(each.name)
    table = Table("family", "operators", box=None, header_style="bold")
    for family, names in sorted(families.items()):
        table.add_row(family, " ".join(names))
    out.print(table)


def _describe(declared: Declaration) -> None:
    def slots(each: tuple[Any, ...]) -> str:
        return ", ".join(f"{slot.name}{'...' if slot.most is None else '' if slot.least else '?'}" for slot in each)

    out.print(
        f"{declared.name}({slots(declared.inputs)}) -> {slots(declared.outputs) or 'nothing'}",
        style="bold",
        markup=False,
    )
    out.print(declared.doc, markup=False)
    for spec in declared.arguments.values():
        kind = getattr(spec.type, "__name__", str(spec.type))
        default = "required" if spec.required else f"default {spec.default!r}"
        out.print(f"  argument {spec.name}: {kind}, {default}", markup=False)
    if declared.in_place:
        pairs = "any pair" if declared.in_place == "any" else ", ".join(f"{a} -> {b}" for a, b in declared.in_place)
        out.print(f"  in place {pairs}", markup=False)
    for effect in sorted(map(_effect_text, declared.effects)):
        out.print(f"  effect   {effect}", markup=False)


def _effect_text(effect: Any) -> str:
    return str(getattr(effect, "value", None) or f"{type(effect).__name__.lower()} {effect.subject}")
