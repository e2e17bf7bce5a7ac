"""`check_session`: what every session must do, as claims that are checked one by one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from taskplan import Workspace, WorkspaceGuard, fresh_names
from taskplan.errors import BuildValueError
from taskplan.testing import (
    claims_closing,
    claims_failures,
    claims_limits,
    claims_pipelines,
    claims_results,
    claims_runs,
    claims_steps,
)
from taskplan.testing.claims import CLAIMS, HANG_S, Claim, Make

FILES = (claims_results, claims_steps, claims_failures, claims_closing, claims_limits, claims_runs, claims_pipelines)

SESSION_CLAIMS: dict[str, Claim] = {
    name: check for file in FILES for name, check in CLAIMS.items() if check.__module__ == file.__name__
}
"""What every session must do, by name, in the order in which it is checked."""


class SessionCheckError(AssertionError):
    """A session does not do what every session must.

    Attributes:
        failed: the reason by the name of each claim that does not hold.
        passed: the names of the claims that hold.
    """

    def __init__(self, message: str, failed: Mapping[str, str] | None = None, passed: tuple[str, ...] = ()) -> None:
        super().__init__(message, dict(failed or {}), passed)
        self.failed: dict[str, str] = self.args[1]
        self.passed = passed

    def __str__(self) -> str:
        return str(self.args[0])


def check_session(make: Make, only: str | None = None) -> list[str]:
    """Check that a session does what every session must: the same results, errors and order of blocks everywhere.

    There are some hundred claims, each a program of its own with a name that says what it shows. They look at outputs,
    workspaces and errors only, and their functions do not wait for each other, so that sessions may run them anywhere,
    in any order of steps, and under virtual time.

    Example:
        >>> from taskplan import LocalSession, Workspace
        >>> def make(**options):
        ...     return LocalSession(Workspace(), **options)
        >>> check_session(make, only="twice")
        ['the_same_group_runs_twice', 'a_session_may_be_closed_twice']

    Args:
        make: opens a fresh session; it takes the options that all sessions share, `timeout_s`, `seed` and `observers`,
            as keywords. Claims about an option that it does not take are left out.
        only: check the claims alone that have this in their names.

    Returns:
        The names of the claims that hold, in the order in which they were checked.

    Raises:
        SessionCheckError: some do not hold; it lists these with the reasons. The first one's error is its cause.
        BuildValueError: no claim has `only` in its name.
    """
    chosen = [name for name in SESSION_CLAIMS if only is None or only in name]
    if not chosen:
        msg = f"no claim about sessions has {only!r} in its name; {next(iter(SESSION_CLAIMS))!r} is one"
        raise BuildValueError(msg)
    passed: list[str] = []
    errors: dict[str, Exception] = {}
    for name in chosen:
        try:
            with fresh_names(), WorkspaceGuard(Workspace()):
                SESSION_CLAIMS[name](_opening(make))
        except _OptionNotTakenError:
            continue
        except Exception as error:
            errors[name] = error
        else:
            passed.append(name)
    if errors:
        failed = {name: _reason(error) for name, error in errors.items()}
        claims = "1 claim does" if len(failed) == 1 else f"{len(failed)} claims do"
        lines = [f"{claims} not hold, of {len(chosen)}:", *(f"  {name}: {why}" for name, why in failed.items())]
        raise SessionCheckError("\n".join(lines), failed, tuple(passed)) from next(iter(errors.values()))
    return passed


class _OptionNotTakenError(Exception):
    """A claim is about an option that sessions are not opened with."""


def _opening(make: Make) -> Make:
    """Opens sessions with a time limit: one that breaks its word should fail the claim and not hang."""
    parameters = inspect.signature(make).parameters.values()
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    taken = {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL}

    def opening(**options: Any) -> Any:
        if not takes_all and not options.keys() <= taken:
            raise _OptionNotTakenError
        given = {"timeout_s": HANG_S} | options
        return make(**{name: value for name, value in given.items() if takes_all or name in taken})

    return opening


def _reason(error: Exception) -> str:
    """The first line of an error; with its class, unless it is what a claim itself says."""
    line = str(error).partition("\n")[0]
    return line if type(error) is AssertionError else f"{type(error).__name__}: {line}"
