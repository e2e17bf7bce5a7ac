"""The command line: `taskplan run`, `show`, `check`, `simulate`, `ops`."""

from __future__ import annotations

import linecache
import logging
import math
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from taskplan import (
    Blobs,
    FetchBlob,
    LocalSession,
    ProcessSession,
    RaySession,
    __version__,
    check_program,
    compile_program,
)
from taskplan.checker.problems import Problem, Severity
from taskplan.checker.queue_users import queue_lines
from taskplan.errors import TaskplanError
from taskplan.operators.absent import ABSENT
from taskplan.operators.registry import Declaration, Effect, Slot, declaration, declarations
from taskplan.operators.waiting import Reason
from taskplan.plan.text import program_text, program_tree
from taskplan.sessions import explore
from taskplan.sessions.compiled import compiled_text
from taskplan.sessions.explore import Fault, Turn
from taskplan.sessions.program_files import RUN_NAME, opened

P = ParamSpec("P")
R = TypeVar("R")

ANY_FAULT = "any"
"""What `--faults` without a value means: `RARE_FAULTS`."""

RARE_FAULTS = (
    Fault("*", "delay", probability=0.02, delay_s=1.0, times=3),
    Fault("*Enqueue*", "fail", probability=0.02),
    Fault("task:*", "kill", probability=0.005),
    Fault("node:*", "kill", probability=0.005),
)

LONGEST_TRACE = 200
"""So many lines of a trace are shown."""

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended."""

NOT_THE_USERS = frozenset({"taskplan", "click", *sys.stdlib_module_names})
"""Packages whose frames say nothing about the user's mistake."""

_PREPOSITIONS = {"takes": "takes from", "puts": "puts into"}

out = Console(emoji=False, highlight=False, markup=False, soft_wrap=True)
err = Console(emoji=False, highlight=False, markup=False, soft_wrap=True, stderr=True)


# --- failures ---------------------------------------------------------------------------------------------------------


def _shows_errors(command: Callable[P, R]) -> Callable[P, R]:
    """End with what failed, where and why; without a traceback through taskplan itself."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except click.ClickException:
            raise
        except KeyboardInterrupt as interrupt:
            _show_failure("interrupted", interrupt)
            sys.exit(INTERRUPTED)
        except SyntaxError as error:
            err.print("".join(traceback.format_exception_only(error)).rstrip(), style="bold red")
            sys.exit(1)
        except Exception as error:
            _show_failure(_headline(error), error)
            sys.exit(1)

    return wrapper


def _headline(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in ("builtins", RUN_NAME) else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, TaskplanError):
        name = f"taskplan.{kind.__name__}"
    return f"{name}: {error}" if str(error) else name


def _show_failure(headline: str, error: BaseException) -> None:
    err.print(headline, style="bold red")
    notes = getattr(error, "__notes__", ())
    for note in notes:
        err.print(note)
    for frame in _user_frames(error):
        place = f"{frame.filename}:{frame.lineno}, in {frame.name}"
        if not any(place in note for note in notes):
            err.print(f"  raised {place}")
            err.print(f"             {frame.line}")
    if error.__cause__ is not None and not isinstance(error, TaskplanError):
        _show_failure(f"caused by {_headline(error.__cause__)}", error.__cause__)


def _user_frames(error: BaseException) -> Iterator[traceback.FrameSummary]:
    """The frames of the user's own code, innermost last."""
    linecache.checkcache()
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in NOT_THE_USERS and not frame.f_code.co_filename.startswith("<"):
            yield traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_qualname)


# --- commands ---------------------------------------------------------------------------------------------------------


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="taskplan")
def main() -> None:
    """Concurrent programs that are checked before they run."""


target_argument = click.argument("target", metavar="FILE[:NAME]")
shared_nodes_option = click.option(
    "--shared-nodes", is_flag=True, help="Put all nodes into one workspace, as Caffe2 did."
)


@main.command()
@target_argument
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=math.inf,
    metavar="SECONDS",
    help="End the run after this time.",
)
@click.option(
    "--session",
    "kind",
    type=click.Choice(["local", "process", "ray"]),
    default="local",
    show_default=True,
    help="Run all nodes on threads of this process, each in a process of this machine, or on a Ray cluster.",
)
@click.option(
    "--address", help="Of the Ray cluster, for --session ray: auto or HOST:PORT. Without it, one is started here."
)
@shared_nodes_option
@click.option("--seed", type=int, help="Seed of random operators that the program does not seed.")
@click.option(
    "--allow-code", is_flag=True, help="Run the functions that a saved program brings along. Only if you trust it."
)
@click.option("-q", "--quiet", is_flag=True, help="Leave out the run's log, to which Print and LogInfo write.")
@_shows_errors
def run(
    target: str,
    timeout_s: float,
    kind: str,
    address: str | None,
    shared_nodes: bool,
    seed: int | None,
    allow_code: bool,
    quiet: bool,
) -> None:
    """Run the program of a file and print its outputs.

    FILE is a Python file that builds a TaskGroup, Task, Plan, step or Net, a program written by `taskplan.save`, or a
    PlanDef of Caffe2's, as bytes or text. Its `if __name__ == "__main__"` part does not run. NAME says which variable
    holds the program, or which function returns it, if there are several.

    Outputs go to standard output, all else to standard error. The exit code is 1 if the program failed, 130 if Ctrl-C
    ended it.
    """
    with opened(target, allow_code=allow_code) as runnable, _log(shown=not quiet):
        with _session(kind, address, shared_nodes, timeout_s=timeout_s, seed=seed) as session:
            session.run(runnable)
            values = session.outputs(runnable)
    if not values:
        err.print("done; the program has no outputs", style="dim")
    for name, value in values.items():
        out.print(_assignment(name, value))


def _session(kind: str, address: str | None, shared_nodes: bool, **options: Any) -> LocalSession:
    if address is not None and kind != "ray":
        msg = f"--address is that of a Ray cluster, for --session ray, and the session is {kind}"
        raise click.UsageError(msg)
    if kind == "local":
        return LocalSession(shared_nodes=shared_nodes, **options)
    if shared_nodes:
        msg = "nodes with --shared-nodes are all one, in this process; leave out --session"
        raise click.UsageError(msg)
    return RaySession(address=address, **options) if kind == "ray" else ProcessSession(**options)


@contextmanager
def _log(*, shown: bool) -> Iterator[None]:
    """Show what a run logs, unless the program has seen to that itself."""
    logger = logging.getLogger("taskplan")
    if not shown or logger.hasHandlers():
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _assignment(name: str, value: object) -> str:
    """`name = value`; what takes several lines stays aligned."""
    return f"{name} = {value}".replace("\n", "\n" + " " * (len(name) + 3))


@main.command()
@target_argument
@click.option("--tree", is_flag=True, help="One line a step, without operators.")
@click.option("--lines", is_flag=True, help="With the lines of the program that made each step and operator.")
@click.option("--compiled", is_flag=True, help="The functions that its steps become instead, and why some become none.")
@shared_nodes_option
@_shows_errors
def show(target: str, tree: bool, lines: bool, compiled: bool, shared_nodes: bool) -> None:
    """Print a program: nodes, tasks, steps, nets, channels, outputs; and who uses which queue.

    FILE and NAME are as for `taskplan run`.
    """
    with opened(target) as runnable:
        program = compile_program(runnable, shared_nodes=shared_nodes)
        if compiled:
            out.print("\n".join(compiled_text(program)))
            return
        out.print(program_tree(program) if tree else program_text(program, lines=lines))
        queues = list(queue_lines(program, lines=lines))
    if queues:
        out.print("queues")
    for line in queues:
        out.print(f"  {line}")


@main.command()
@target_argument
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@shared_nodes_option
@_shows_errors
def check(target: str, strict: bool, shared_nodes: bool) -> None:
    """Check a program without running it, and print every problem at once. The exit code is 1 if there are errors.

    FILE and NAME are as for `taskplan run`.
    """
    with opened(target) as runnable:
        program = compile_program(runnable, shared_nodes=shared_nodes)
        problems = check_program(program, _fed_blobs(program.plans))
    errors = [problem for problem in problems if strict or problem.severity is Severity.ERROR]
    for problem in problems:
        out.print(_problem_text(problem), style="red" if problem in errors else "yellow")
    warnings = len(problems) - len(errors)
    out.print(f"{_count(len(errors), 'error')}, {_count(warnings, 'warning')}" if problems else "no problems")
    if errors:
        sys.exit(1)


def _fed_blobs(plans: Mapping[str, object]) -> dict[str, set[str]]:
    """What the file has fed while it was read: a run finds it in the workspace of node `local`."""
    return {"local": set(Blobs())} if "local" in plans else {}


def _problem_text(problem: Problem) -> str:
    return str(problem) if problem.severity is Severity.ERROR else f"warning: {problem}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


# --- simulating -------------------------------------------------------------------------------------------------------


@main.command()
@target_argument
@click.option("--runs", type=click.IntRange(min=1), default=1000, show_default=True, help="How many runs at most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random ones.")
@click.option(
    "--faults",
    "faults",
    multiple=True,
    is_flag=False,
    flag_value=ANY_FAULT,
    metavar="KIND@PLACE[,probability=P][,nth=N][,delay_s=S]",
    help="What may go wrong: kill, delay or fail, at the type of an operator, a net, a function, file.py:LINE, "
    "task:NAME or node:NAME. May be given several times; without a value, anything anywhere, rarely.",
)
@click.option("--replay", metavar="TOKEN", help="Run once, exactly as the run that printed this token.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=math.inf,
    metavar="SECONDS",
    help="End each run after this time, by its virtual clock.",
)
@shared_nodes_option
@click.option("--strict", is_flag=True, help="Take races for errors.")
@click.option("--allow-code", is_flag=True, help="As for `taskplan run`.")
@_shows_errors
def simulate(
    target: str,
    runs: int,
    seed: int,
    faults: tuple[str, ...],
    replay: str | None,
    timeout_s: float,
    shared_nodes: bool,
    strict: bool,
    allow_code: bool,
) -> None:
    """Run a program many times under virtual time, in other orders of its steps, and print the different outcomes.

    FILE and NAME are as for `taskplan run`; of a function that returns the program each run gets a new one. A small
    program is run in all orders that there are. The first failure is shown with the token that brings it back
    (`--replay`) and with what its steps did. The exit code is 1 if a run failed.
    """
    wanted = [fault for text in faults for fault in (RARE_FAULTS if text == ANY_FAULT else [Fault.parse(text)])]
    with opened(target, allow_code=allow_code, rebuilds=True) as program:
        feed = {name: FetchBlob(name) for name in Blobs()}
        options: dict[str, Any] = {"faults": wanted, "timeout_s": timeout_s, "shared_nodes": shared_nodes}
        if replay is not None:
            _replay(program, replay, feed, options)
            return
        with Progress(console=err, transient=True) as progress:
            bar = progress.add_task("simulating", total=runs)
            found = explore.simulate(
                program,
                runs=runs,
                seed=seed,
                feed=feed,
                progress=lambda done: progress.update(bar, completed=done),
                **options,
            )
    out.print(str(found))
    if found.failure is not None and found.failure.error is not None:
        err.print("the first failure:", style="bold")
        _show_failure(_headline(found.failure.error), found.failure.error)
        _show_trace(found.trace)
    if found.failure is not None or (strict and found.races):
        sys.exit(1)


def _replay(program: Any, token: str, feed: Mapping[str, Any], options: dict[str, Any]) -> None:
    built = program() if isinstance(program, partial) else program
    found = explore.replay(built, token, feed=feed, **options)
    _show_trace(found.trace)
    found.raise_failure()
    for race, _token in found.races:
        err.print(f"warning: {race}", style="yellow")
    out.print(found.outcomes[0].what)


def _show_trace(trace: Sequence[Turn]) -> None:
    err.print("what steps did to what others use, in order:", style="bold")
    for turn in trace[-LONGEST_TRACE:]:
        err.print(f"  {turn}")
    if len(trace) > LONGEST_TRACE:
        err.print(f"  (the last {LONGEST_TRACE} of {len(trace)})")


# --- operators --------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("name", required=False)
@_shows_errors
def ops(name: str | None) -> None:
    """List the operators by family, or describe one.

    NAME is that of an operator or of a family, or a word to search for in names and summaries.
    """
    wanted = (name or "").lower()
    every = list(declarations())
    exact = [each for each in every if each.name.lower() == wanted]
    if exact:
        _describe(exact[0])
        return
    matching = [each for each in every if wanted in each.name.lower() or wanted in each.family]
    if not matching and name not in ABSENT:
        matching = [each for each in every if wanted in _summary(each).lower()]
    if not matching:
        declaration(name or "")  # raises, with near names
    families: dict[str, list[Declaration]] = {}
    for each in matching:
        families.setdefault(each.family, []).append(each)
    for family, members in sorted(families.items()):
        about = (sys.modules[members[0].body.__module__].__doc__ or "").partition("\n")[0]
        out.print(family, style="bold", end="  ")
        out.print(about, style="dim")
        for line in _list_all(members) if name is None else _list_with_summaries(members):
            out.print(f"  {line}")
    if name is None:
        err.print(f"{len(every)} operators; taskplan ops NAME describes one", style="dim")


def _list_all(members: list[Declaration]) -> list[str]:
    return textwrap.wrap(" ".join(each.name for each in members), width=max(40, out.width - 2))


def _list_with_summaries(members: list[Declaration]) -> Iterator[str]:
    width = max(len(each.name) for each in members)
    for each in members:
        summary = textwrap.shorten(_summary(each), max(20, out.width - width - 4), placeholder=" ...")
        yield f"{each.name:{width}}  {summary}"


def _summary(declared: Declaration) -> str:
    return declared.doc.partition("\n")[0]


def _describe(declared: Declaration) -> None:
    outputs = _slots(declared.outputs) or "nothing"
    out.print(f"{declared.name}({_slots(declared.inputs)}) -> {outputs}", style="bold")
    out.print(textwrap.indent(declared.doc, "  "))
    if declared.arguments:
        out.print("  Arguments:")
    for spec in declared.arguments.values():
        default = "required" if spec.required else f"{_shown(spec.default)} if not given"
        out.print(f"      {spec.name}: {spec.shown()}, {default}")
    if declared.in_place:
        pairs = "any" if isinstance(declared.in_place, str) else _pairs(declared.in_place)
        out.print(f"  Outputs that may be inputs: {pairs}")
    if declared.must_in_place:
        out.print(f"  Outputs that must be inputs: {_pairs(declared.must_in_place)}")
    if declared.effects:
        out.print(f"  Effects: {', '.join(sorted(map(_effect_text, declared.effects)))}")
    if declared.outputs:
        how = f"not known beforehand: {declared.inexact}" if declared.inexact else "inferred before the run"
        out.print(f"  Types and shapes of outputs: {how if declared.infer or declared.inexact else 'not inferred'}")
    out.print(f"  Family: {declared.family}")


def _slots(slots: tuple[Slot, ...]) -> str:
    def marked(slot: Slot) -> str:
        if slot.most is None:
            return f"{slot.name}..."
        return slot.name if slot.least else f"[{slot.name}]"

    return ", ".join(map(marked, slots))


def _pairs(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{output} = {given}" for given, output in pairs)


def _shown(default: Any) -> str:
    return "[]" if default == () else repr(default)


def _effect_text(effect: Effect | Reason) -> str:
    if isinstance(effect, Effect):
        return effect.value
    kind = type(effect).__name__.lower()
    return f"{_PREPOSITIONS.get(kind, kind)} {effect.subject}"
