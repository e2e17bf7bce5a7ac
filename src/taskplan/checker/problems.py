"""What the checker reports, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from taskplan.errors import PlanError
from taskplan.plan.names import Site


class Severity(Enum):
    """Whether a problem keeps the plan from running."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it is and what to do.

    Attributes:
        code: `TP` and three digits; see `taskplan.checker.rules`.
        title: the rule in two or three words.
        message: what is wrong: expected, got.
        where: the path in the plan, from the outside in.
        site: the line of the user's program.
        near: a hint, such as a similar name and who writes it.
    """

    code: str
    title: str
    message: str
    where: str = ""
    site: Site | None = None
    near: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        lines = [f"{self.code} {self.title}: {self.message}"]
        if self.where:
            lines.append(f"  in     {self.where}")
        if self.site is not None:
            lines.append(f"  added  {self.site}")
        if self.near:
            lines.append(f"  near   {self.near}")
        return "\n".join(lines)

    def at(self, where: str) -> Problem:
        """The same problem with its path."""
        return replace(self, where=where)


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that keep a plan from running."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def raise_problems(problems: Sequence[Problem], plan: str = "task_group_plan") -> None:
    """Raise one `PlanError` with all problems that are errors; nothing if there are none.

    Raises:
        PlanError: with the attribute `problems`.
    """
    errors = errors_of(problems)
    if errors:
        count = f"{len(errors)} problem{'s' if len(errors) > 1 else ''} in plan {plan!r}"
        raise PlanError("\n".join([count, *map(str, errors)]), problems=tuple(errors))
