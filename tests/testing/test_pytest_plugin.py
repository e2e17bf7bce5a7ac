"""The pytest plugin: the fixture `simulate` with its options and its reports, and `virtual_clock`."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

PROGRAMS = """
import pytest
import taskplan as tp
from taskplan import ops
from taskplan.testing import Fault

def lost_update():
    "Two tasks read a number and write what is one more; if both read first, one of the updates is lost."
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Task(name="first"), ops.local_init():
            ops.Const(0, blob_out="x")
        for name in ("a", "b"):
            with tp.Task(name=name):
                old = ops.Copy("x")
                ops.Add([old, ops.Const(1)], ["x"])
        with tp.Task(name="last"), ops.local_exit():
            ops.Assert(ops.EQ(["x", ops.Const(2)]), [], error_msg="an update was lost")
    return group

def sound(value=3):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        tp.final_output(ops.Const(value, blob_out="result"))
    return group
"""

LOST = """
def test_update(simulate):
    simulate(lost_update())
"""


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run pytest on a file with these tests, in this process."""
    pytester.makepyfile(test_programs=PROGRAMS + tests)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)


def shown(result: pytest.RunResult) -> str:
    return "\n".join(result.outlines)


def token_of(result: pytest.RunResult) -> str:
    """The token that the report gives."""
    [token] = re.findall(r"^token   (\S+)$", shown(result), re.MULTILINE)
    return str(token)


# --- simulate ---------------------------------------------------------------------------------------------------------


def test_a_program_that_holds_in_all_orders_passes(pytester):
    result = run(
        pytester,
        """
def test_it(simulate):
    found = simulate(sound())
    assert found.complete
    assert [outcome.what for outcome in found.outcomes] == ["result = 3"]
""",
    )

    result.assert_outcomes(passed=1)


def test_the_first_failure_is_raised_itself_with_its_place_and_token(pytester):
    result = run(pytester, LOST)

    result.assert_outcomes(failed=1)
    said = shown(result)
    assert "taskplan.OperatorError: Assert" in said
    assert "an update was lost" in said
    assert re.search(rf"^E +  token  {re.escape(token_of(result))}$", said, re.MULTILINE)


def test_the_report_has_the_token_and_the_command_that_replays_it(pytester):
    result = run(pytester, LOST)

    token = token_of(result)
    said = shown(result)
    assert "Captured simulation call" in said
    assert f"\nreplay  pytest test_programs.py::test_update --simulate-replay {token}" in said


def test_the_command_suits_the_folder_in_which_pytest_was_called(pytester):
    pytester.makeini("[pytest]")
    folder = pytester.mkdir("some tests")
    folder.joinpath("test_it.py").write_text(PROGRAMS + LOST.replace("test_update(", "test_update(number, "))
    folder.joinpath("conftest.py").write_text("import pytest\n@pytest.fixture(params=['a b'])\ndef number(): pass\n")

    from_above = pytester.runpytest_inprocess("some tests")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        from_inside = pytester.runpytest_inprocess("test_it.py")

    assert "replay  pytest 'some tests/test_it.py::test_update[a b]' --simulate-replay tp1." in shown(from_above)
    assert "replay  pytest 'test_it.py::test_update[a b]' --simulate-replay tp1." in shown(from_inside)


def test_a_replay_runs_the_one_execution_that_failed(pytester):
    token = token_of(run(pytester, LOST))

    result = run(pytester, LOST, "--simulate-replay", token)

    result.assert_outcomes(failed=1)
    assert token_of(result) == token
    assert "\n     1 times  OperatorError: Assert" in shown(result)


def test_a_token_holds_also_when_its_test_is_run_alone(pytester):
    """What other tests have built, and keep, takes no names away from this one."""
    kept = "KEPT = []\ndef test_before():\n    KEPT.append(lost_update())\n"
    token = token_of(run(pytester, kept + LOST))

    result = run(pytester, LOST, "--simulate-replay", token)

    result.assert_outcomes(failed=1)
    assert token_of(result) == token


def test_functions_that_build_a_program_do_so_in_fresh_names_for_each_run(pytester):
    built = """
BUILT = []

def build():
    BUILT.append(lost_update())
    return BUILT[-1]

def test_update(simulate):
    found = simulate(build, check=False)
    assert found.runs == len(BUILT) - 1  # and once for the trace of the failure
    assert len({outcome.token.split(".")[1] for outcome in found.outcomes}) == 1
    assert found.failure is None
"""
    first = run(pytester, built)

    result = run(pytester, built, "--simulate-replay", token_of(first))

    assert "assert found.failure is None" in shown(first)
    assert token_of(result) == token_of(first)


def test_of_several_programs_of_a_test_the_one_is_replayed_whose_token_it_is(pytester):
    tests = "def test_both(simulate):\n    assert simulate(sound()).complete\n    simulate(lost_update())\n"
    token = token_of(run(pytester, tests))

    result = run(pytester, tests, "--simulate-replay", token)

    result.assert_outcomes(failed=1)
    assert token_of(result) == token
    assert "\n     1 times  OperatorError: Assert" in shown(result)


def test_a_token_of_none_of_the_programs_of_a_test_is_an_error(pytester):
    result = run(
        pytester, "def test_it(simulate):\n    simulate(sound())\n", "--simulate-replay", "tp1.AAAAAAAA.0000.s0."
    )

    result.assert_outcomes(passed=1, errors=1)
    assert "the token is of another program" in shown(result)


def test_what_is_no_token_is_an_error(pytester):
    result = run(pytester, LOST, "--simulate-replay", "bogus")

    result.assert_outcomes(failed=1)
    assert "this is no token of a simulated run: 'bogus'" in shown(result)


def test_a_failure_that_a_fault_has_brought_is_replayed_too(pytester):
    tests = """
def test_it(simulate):
    simulate(sound(), faults=[Fault("*", probability=0.05)])
"""
    first = run(pytester, tests, "--simulate-seed", "11")
    token = token_of(first)

    result = run(pytester, tests, "--simulate-replay", token)

    result.assert_outcomes(failed=1)
    assert "InjectedFaultError" in shown(result)
    assert token_of(result) == token


def test_what_a_run_is_fed_a_replay_is_fed_too(pytester):
    tests = """
def build():
    with tp.TaskGroup() as group, tp.Task():
        ops.call(lambda x: 1 / x, "x", outputs=1)
    return group

def test_it(simulate):
    simulate(build(), feed={"x": 1})
    simulate(build, feed={"x": 0})
"""
    with_error = tests.replace("lambda x: 1 / x", "fail_at_0").replace(
        "def build", "def fail_at_0(x):\n    assert x, 'nothing'\n    return x\n\ndef build"
    )
    first = run(pytester, with_error)

    result = run(pytester, with_error, "--simulate-replay", token_of(first))

    result.assert_outcomes(failed=1)
    assert "nothing" in shown(result)
    assert token_of(result) == token_of(first)


def test_without_a_check_the_exploration_is_returned_and_the_test_decides(pytester):
    result = run(
        pytester,
        """
def test_it(simulate):
    found = simulate(lost_update(), check=False)
    assert sorted(outcome.failed for outcome in found.outcomes) == [False, True]
    assert found.complete
""",
    )

    result.assert_outcomes(passed=1)


# --- how many runs, and from which seed -------------------------------------------------------------------------------

COUNTS = """
def large():
    with tp.TaskGroup() as group:
        for name in "abc":
            with tp.Task(name=name):
                with ops.local_init():
                    ops.CreateCounter([], [f"counter {name}"])
                with ops.loop(5):
                    for each in "abc":
                        ops.CountUp([f"counter {each}"])
    return group

def test_it(simulate):
    found = simulate(large(), check=False, RUNS)
    print("runs:", found.runs, [outcome.token for outcome in found.outcomes])
    assert False
"""


@pytest.mark.parametrize(
    ("given", "options", "runs"),
    [("", [], 200), ("", ["--simulate-runs", "30"], 30), ("runs=7", ["--simulate-runs", "30"], 7)],
)
def test_the_number_of_runs_is_that_of_the_call_or_the_option(pytester, given, options, runs):
    result = run(pytester, COUNTS.replace("RUNS", given), *options)

    assert f"runs: {runs} [" in shown(result)


def test_too_few_runs_are_refused(pytester):
    result = run(pytester, LOST, "--simulate-runs", "0")

    result.assert_outcomes(failed=1)
    assert "runs must be at least 1, got 0" in shown(result)


SEEDED = """
def test_it(simulate):
    simulate(sound(), faults=[Fault("*", probability=0.5)], GIVEN)
"""


@pytest.mark.parametrize(
    ("given", "options", "least"),
    [("", [], 0), ("", ["--simulate-seed", "500"], 500), ("seed=900", ["--simulate-seed", "500"], 900)],
)
def test_random_runs_begin_with_the_seed_of_the_call_or_the_option(pytester, given, options, least):
    """With faults that have a probability all runs are random, and the seed of one is in its token."""
    result = run(pytester, SEEDED.replace("GIVEN", given), *options)

    seed = int(token_of(result).split(".")[3].removeprefix("s"))
    assert least <= seed < least + 100


# --- the clock, and the plugin itself ---------------------------------------------------------------------------------


def test_each_test_has_a_virtual_clock_of_its_own(pytester):
    result = run(
        pytester,
        """
@pytest.mark.parametrize("again", [False, True])
def test_it(virtual_clock, again):
    assert virtual_clock.now() == 0
    virtual_clock.advance(2.5)
    assert virtual_clock.now() == 2.5
""",
    )

    result.assert_outcomes(passed=2)


def test_the_options_and_fixtures_are_described(pytester):
    options = shown(pytester.runpytest_inprocess("--help"))
    fixtures = shown(pytester.runpytest_inprocess("--fixtures"))

    for option in ("--simulate-runs", "--simulate-seed", "--simulate-replay"):
        assert option in options
    assert "simulate -- " in fixtures
    assert "virtual_clock -- " in fixtures


def test_pytest_finds_the_plugin_by_itself(tmp_path):
    """As a user runs it: installed, in a process of its own."""
    (tmp_path / "test_it.py").write_text(PROGRAMS + "def test_it(simulate):\n    simulate(sound())\n")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert "1 passed" in done.stdout, done.stdout + done.stderr
