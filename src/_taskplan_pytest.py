"""For tests that run under pytest: fixtures that simulate programs, and options that say how.

The plugin is there wherever taskplan is installed. In a test::

    def test_the_sum_is_right_in_any_order(simulate):
        with TaskGroup() as group:
            ...
        simulate(group)

A failure is raised with its token, and the report has the command that runs this one execution again::

    pytest tests/test_sum.py::test_the_sum_is_right_in_any_order --simulate-replay tp1.rH6ZIbEB.0000.s7.
"""

from __future__ import annotations

# Not inside the package, and taskplan is imported when a fixture is used: every run of pytest loads this file, also in
# projects that have taskplan installed and do not test with it.
import importlib
import os
import shlex
from collections.abc import Iterator
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from taskplan.testing import Exploration, VirtualClock

DEFAULT_RUNS = 200


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the fixture `simulate`."""
    group = parser.getgroup("taskplan", "simulated programs (taskplan)")
    group.addoption(
        "--simulate-runs",
        type=int,
        default=DEFAULT_RUNS,
        metavar="N",
        help="how many executions of a program the fixture `simulate` runs at most (default: %(default)s)",
    )
    group.addoption(
        "--simulate-seed",
        type=int,
        default=0,
        metavar="SEED",
        help="of the executions that are drawn at random (default: %(default)s)",
    )
    group.addoption(
        "--simulate-replay",
        metavar="TOKEN",
        help="run the one execution that this token stands for, in place of many",
    )


class Simulate:
    """What the fixture `simulate` is: calls `taskplan.testing.simulate` as the options of pytest say.

    Args:
        request: of the test that uses it.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._item: pytest.Item = request.node
        self._options = request.config.option
        self._replayed = False
        self._refused: Exception | None = None

    def __call__(
        self, program: Any, *, runs: int | None = None, seed: int | None = None, check: bool = True, **options: Any
    ) -> Exploration:
        """Run a program in many different ways, and raise the first failure.

        Args:
            program: what a session runs, or a function without arguments that builds it anew for each run.
            runs: how many at most; what `--simulate-runs` says if not given.
            seed: of the random ones; what `--simulate-seed` says if not given.
            check: raise the first failure, and end with it unless `stop_at_failure` is given. False for tests that look
                at the outcomes themselves.
            **options: for `taskplan.testing.simulate`: `faults`, `feed`, `timeout_s`, ...

        Returns:
            What came of it. With `--simulate-replay` that is the one execution, if the token is one of this call.

        Raises:
            the error of the first run that failed, with its token; all that `taskplan.testing.simulate` raises.
        """
        program = _in_fresh_names(program)
        found = self._replay(program, options)
        if found is None:
            found = _testing().simulate(
                program,
                runs=self._options.simulate_runs if runs is None else runs,
                seed=self._options.simulate_seed if seed is None else seed,
                **({"stop_at_failure": check} | options),
            )
        if found.failure is not None:
            self._report(found, found.failure.token)
        if check:
            found.raise_failure()
        return found

    def require_replayed(self) -> None:
        """Raise the reason why a replay that was asked for has not been, though programs were simulated."""
        if self._refused is not None and not self._replayed:
            raise self._refused

    def _replay(self, program: Any, options: dict[str, Any]) -> Exploration | None:
        """The execution that is to be replayed; None if it is none of this call, as a test may simulate more."""
        token: str | None = self._options.simulate_replay
        if token is None:
            return None
        kept = {name: value for name, value in options.items() if name not in ("stop_at_failure", "progress")}
        try:
            found: Exploration = _testing().replay(program() if _builds(program) else program, token, **kept)
        except importlib.import_module("taskplan").ReplayDivergedError as error:
            self._refused = error
            return None
        self._replayed = True
        return found

    def _report(self, found: Exploration, token: str) -> None:
        item = self._item
        file = os.path.relpath(item.path, item.config.invocation_params.dir)
        test = "::".join([file, *str(item.nodeid).split("::")[1:]])
        command = f"pytest {shlex.quote(test)} --simulate-replay {token}"
        item.add_report_section("call", "simulation", f"{found}\ntoken   {token}\nreplay  {command}\n")


def _in_fresh_names(program: Any) -> Any:
    """A program as it is; a function that builds one so that it does so in fresh names each time."""
    if not _builds(program):
        return program

    def build_afresh() -> Any:
        with importlib.import_module("taskplan").fresh_names():
            return program()

    return build_afresh


def _testing() -> Any:
    return importlib.import_module("taskplan.testing")


def _builds(program: Any) -> bool:
    """Whether it is a function that builds a program; tasks and groups can be called too."""
    return isinstance(program, FunctionType | MethodType | partial)


@pytest.fixture
def simulate(request: pytest.FixtureRequest) -> Iterator[Simulate]:
    """Run a program in many different ways under virtual time, and raise the first failure with its token.

    `simulate(program, runs=..., seed=..., check=True, faults=..., feed=..., timeout_s=...)` returns a
    `taskplan.testing.Exploration`. The program is what a session runs, or a function that builds it for each run. What
    the test builds has fresh names, so that a token holds also when the test is run alone.
    """
    simulation = Simulate(request)
    with importlib.import_module("taskplan").fresh_names():
        yield simulation
    simulation.require_replayed()


@pytest.fixture
def virtual_clock() -> VirtualClock:
    """A clock that begins at 0 and stands still until the test puts it on (`taskplan.testing.VirtualClock`)."""
    clock: VirtualClock = _testing().VirtualClock()
    return clock
