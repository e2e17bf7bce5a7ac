"""`check_session`: what it claims holds for our sessions, and a session that does otherwise is found out."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import taskplan as tp
from taskplan.engine.tier import can_be_native
from taskplan.testing import SessionCheckError, check_session
from taskplan.testing.session_checks import FILES, SESSION_CLAIMS

SESSIONS: list[type[tp.LocalSession]] = [tp.LocalSession, tp.SimulatedSession]

needs_numba = pytest.mark.skipif(not can_be_native(), reason="Numba is not installed")


def opening(kind: type[Any]) -> Callable[..., Any]:
    """Opens sessions of a class, each on a workspace of its own."""
    return lambda **options: kind(tp.Workspace(), **options)


def broken_claims(kind: type[Any], only: str | None = None) -> dict[str, str]:
    """The claims that do not hold for a class of sessions, with the reasons."""
    with pytest.raises(SessionCheckError) as caught:
        check_session(opening(kind), only)
    return caught.value.failed


@pytest.mark.parametrize("kind", SESSIONS)
def test_claims_about_options_that_make_does_not_take_are_left_out(kind):
    """Whoever has a session without options can check it too."""
    passed = check_session(lambda: kind())

    assert set(passed) < set(SESSION_CLAIMS)
    assert len(passed) > len(SESSION_CLAIMS) - 10


@pytest.mark.parametrize("kind", SESSIONS)
def test_a_class_of_sessions_opens_them_itself(kind):
    assert check_session(kind) == list(SESSION_CLAIMS)


# --- what holds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SESSIONS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("claim", SESSION_CLAIMS)
def test_our_sessions_do_what_every_session_must(claim, kind):
    passed = check_session(opening(kind), only=claim)

    assert claim in passed


@pytest.mark.parametrize("tier", ["interpret", "python", pytest.param("native", marks=needs_numba)])
def test_it_holds_on_every_tier(tier):
    def make(**options: Any) -> tp.LocalSession:
        return tp.LocalSession(tp.Workspace(), tier=tier, **options)

    assert check_session(make) == list(SESSION_CLAIMS)


@pytest.mark.parametrize("seed", range(1, 6))
def test_it_holds_in_any_order_of_steps(seed):
    """In a simulation the order is drawn from the seed; the claims about seeds choose their own."""

    def make(**options: Any) -> tp.SimulatedSession:
        return tp.SimulatedSession(tp.Workspace(), **({"seed": seed} | options))

    passed = check_session(make)

    assert passed == list(SESSION_CLAIMS)


def test_a_session_on_the_current_workspace_is_checked_with_a_fresh_one_each_time():
    with tp.WorkspaceGuard(tp.Workspace()) as ws:
        check_session(tp.LocalSession, only="global_tasks")

    assert ws.names() == []


def test_it_holds_where_the_assert_statement_has_no_effect():
    script = (
        "import taskplan as tp\n"
        "from taskplan.testing import SessionCheckError, check_session\n"
        "class Mute(tp.LocalSession):\n"
        "    def run(self, *args, **options): pass\n"
        "try: check_session(Mute, only='outputs_come_home')\n"
        "except SessionCheckError as error: print('found out')\n"
    )

    printed = subprocess.run([sys.executable, "-O", "-c", script], capture_output=True, text=True, timeout=60)

    assert printed.stdout == "found out\n", printed.stderr


# --- what is found out ------------------------------------------------------------------------------------------------


class SwallowsFailures(tp.LocalSession):
    def run(self, *args: Any, **options: Any) -> None:
        with suppress(BaseException):
            super().run(*args, **options)


def test_a_session_that_swallows_failures_is_found_out():
    failed = broken_claims(SwallowsFailures, only="failure")

    assert failed["a_failure_in_an_exit_block_is_one_of_the_run"] == "expected BoomError, and nothing was raised"
    assert "a_failure_on_one_node_ends_the_others" in failed
    assert "exit_blocks_do_not_run_after_a_failure" in failed


class WrapsFailures(tp.LocalSession):
    def run(self, *args: Any, **options: Any) -> None:
        try:
            super().run(*args, **options)
        except Exception as error:
            msg = f"the run failed: {error}"
            raise RuntimeError(msg) from error


def test_a_session_that_wraps_failures_is_found_out():
    failed = broken_claims(WrapsFailures, only="a_users_exception_is_raised_itself")

    assert failed == {
        "a_users_exception_is_raised_itself": "expected BoomError, got RuntimeError('the run failed: mine')"
    }


@pytest.fixture(autouse=True)
def closes_what_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Really closes the sessions that a broken class has left open."""
    opened: list[tp.LocalSession] = []
    known = tp.LocalSession.__init__

    def opens(self: tp.LocalSession, *args: Any, **options: Any) -> None:
        opened.append(self)
        known(self, *args, **options)

    monkeypatch.setattr(tp.LocalSession, "__init__", opens)
    yield
    for session in opened:
        tp.LocalSession._do_close(session)


class NeverCloses(tp.LocalSession):
    def close(self) -> None:
        """Forgets it."""


def test_a_session_that_forgets_closing_is_found_out():
    failed = broken_claims(NeverCloses, only="clos")

    assert failed["a_session_may_be_closed_twice"] == "expected a closed session"
    assert failed["a_closed_session_refuses_to_run"] == "expected AssertionError, and nothing was raised"
    assert "a_session_closes_with_its_block_even_if_that_fails" in failed


class LeavesThreads(tp.LocalSession):
    def _do_close(self) -> None:
        """Leaves them to themselves."""
        for run in self._started:
            run.cancel("its session was closed")


def test_a_session_that_leaves_threads_is_found_out():
    failed = broken_claims(LeavesThreads, only="thread")

    assert "threads that are left: expected [], got ['taskplan-" in failed["closing_a_session_leaves_no_thread_behind"]


class SharesNodes(tp.LocalSession):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, shared_nodes=True, **options)


def test_a_session_whose_nodes_are_not_apart_is_found_out():
    failed = broken_claims(SharesNodes, only="node")

    assert "nodes_are_apart" in failed
    assert "reading_a_blob_of_another_node_is_refused_before_the_run" in failed


class HasNoLimits(tp.LocalSession):
    """It is deaf to the limits that it is given, but for one that it has for itself."""

    def run(self, *args: Any, timeout_s: float | None = None, **options: Any) -> None:
        super().run(*args, timeout_s=0.5, **options)


def test_a_session_that_is_deaf_to_limits_is_found_out():
    failed = broken_claims(HasNoLimits, only="too_long")

    assert "expected '0.05 s' in the message or the notes" in failed["a_run_that_takes_too_long_is_ended"]


class IgnoresChecks(tp.LocalSession):
    checks = False


def test_a_session_that_runs_without_checking_is_found_out():
    failed = broken_claims(IgnoresChecks, only="beforehand")

    assert list(failed) == ["what_is_wrong_beforehand_is_a_plan_error", "what_is_wrong_beforehand_is_raised_by_start"]


class TakesNothing(tp.LocalSession):
    def __init__(self, ws: tp.Workspace) -> None:
        super().__init__(ws)


def test_a_session_that_takes_no_options_is_found_out():
    failed = broken_claims(TakesNothing, only="outputs_come_home")

    assert failed["outputs_come_home"].startswith("TypeError: ")


# --- what is raised ---------------------------------------------------------------------------------------------------


def test_the_error_lists_the_claims_that_do_not_hold_and_knows_those_that_do():
    with pytest.raises(SessionCheckError) as caught:
        check_session(opening(WrapsFailures), only="notes_name")

    error = caught.value
    assert isinstance(error, AssertionError)
    assert str(error).splitlines()[0] == "3 claims do not hold, of 3:"
    assert list(error.failed) == [
        "notes_name_task_node_and_line",
        "notes_name_operator_iteration_and_inputs",
        "notes_name_the_instance",
    ]
    assert error.passed == ()
    assert isinstance(error.__cause__, AssertionError)


def test_claims_that_hold_beside_one_that_does_not_are_known():
    with pytest.raises(
        SessionCheckError, match="1 claim does not hold, of 2:\n  a_session_may_be_closed_twice: "
    ) as caught:
        check_session(opening(NeverCloses), only="twice")

    assert caught.value.passed == ("the_same_group_runs_twice",)


def test_the_error_survives_pickling():
    error = SessionCheckError("one does not", {"claim": "why"}, ("other",))

    copy = pickle.loads(pickle.dumps(error))

    assert (str(copy), copy.failed, copy.passed) == ("one does not", {"claim": "why"}, ("other",))


def test_a_name_that_no_claim_has_is_refused():
    with pytest.raises(tp.BuildValueError, match="no claim about sessions has 'bogus' in its name"):
        check_session(tp.LocalSession, only="bogus")


def test_ctrl_c_ends_the_checks():
    def interrupted(**_options: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_session(interrupted)


# --- the claims themselves --------------------------------------------------------------------------------------------


def test_there_are_many_claims_and_each_says_why_it_is_true():
    assert len(SESSION_CLAIMS) >= 45
    assert [name for name, claim in SESSION_CLAIMS.items() if not (claim.__doc__ or "").strip()] == []
    assert [name for name, claim in SESSION_CLAIMS.items() if "\n" in (claim.__doc__ or "")] == []


def test_no_claim_has_the_name_of_another_or_in_its_own():
    """So one of them alone can be checked, and none has replaced another."""
    defined = [name for file in FILES for name, value in vars(file).items() if value is SESSION_CLAIMS.get(name)]

    assert defined == list(SESSION_CLAIMS)
    assert Counter(other in name for name in SESSION_CLAIMS for other in SESSION_CLAIMS)[True] == len(SESSION_CLAIMS)


def test_all_claims_are_small():
    lines = {name: len(inspect.getsource(claim).splitlines()) for name, claim in SESSION_CLAIMS.items()}

    assert {name: count for name, count in lines.items() if count > 40} == {}
