"""When regions become native code, and that nothing depends on it: no Numba, no cache, or a cache of rubbish."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.engine.compiler.programs import all_blobs, counting, numbers, outcome, space_with, tier_of
from tests.engine.eventually import eventually

import taskplan as tp
from taskplan.engine import tier as tiers
from taskplan.engine.compiler import hot, machine_code, promotion, region

native = pytest.mark.skipif(not tiers.can_be_native(), reason="Numba is not installed")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and nothing of earlier tests in memory."""
    monkeypatch.setenv(machine_code.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(machine_code, "_LOADED", {})
    return tmp_path / "cache"


@pytest.fixture
def hasty(monkeypatch):
    """Loops are compiled after a round, and native as soon as that can be."""
    monkeypatch.setattr(hot, "HOT_ROUNDS", 1)
    monkeypatch.setattr(promotion, "HOT_S", 0.0)


def expected(rounds):
    return outcome(counting(rounds=rounds), "interpret", numbers())


@native
def test_native_code_is_taken_up_in_the_middle_of_one_long_loop(cache, hasty, monkeypatch):
    monkeypatch.setattr(machine_code.Order, "place", machine_code.Order.make)  # it is there at the next look
    program, rounds = counting(rounds=200_000), 200_000

    space = space_with(**numbers())
    with tp.LocalSession(space, tier="auto") as session:
        session.run(program)
        found = tier_of(session, program, "count")

    assert found.tier == "native"
    assert found.python, "it did not begin as Python"
    assert all_blobs(space) == outcome(program, "python", numbers())[1]
    assert space.fetch_blob("n") == rounds


@native
def test_a_process_beside_the_program_makes_native_code_of_one_order_after_the_other(cache):
    orders = []
    for number in range(2):
        text = f"ARRAYS = ()\ndef region(k):\n    return k + {number}\n\ndef entry("
        text += ", ".join(["at_numbers", *(f"at_{kind}" for kind in machine_code.KINDS)])
        orders.append(
            machine_code.Order(f"{text}):\n    numbers = carray(at_numbers, 1)\n    numbers[0] = region(1)\n")
        )

    for order in orders:
        assert order.code() is None
        order.place()
    eventually(lambda: [order.place() for order in orders if not order.code()] == [])

    assert all(order.code() for order in orders)


@native
def test_a_process_that_cannot_compile_says_why(cache):
    order = machine_code.Order("ARRAYS = ()\nthis is no Python")

    eventually(lambda: order.place() or order.path.with_suffix(".error").exists())

    with pytest.raises(machine_code.NotNativeError, match="SyntaxError"):
        order.code()


@native
def test_native_code_that_is_in_the_cache_is_used_by_the_next_process(cache):
    text = (
        "import numpy as np\n"
        "import taskplan as tp\n"
        "from tests.engine.compiler.programs import *\n"
        "with tp.LocalSession(space_with(**numbers()), tier='native') as session:\n"
        "    program = counting(rounds=1000)\n"
        "    session.run(program)\n"
        "    print([each.tier for each in session.tiers(program)], session.workspace().fetch_blob('n'))\n"
        "    import sys; print('numba' in sys.modules)\n"
    )
    shown = [
        subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True, cwd=os.getcwd()).stdout
        for _ in range(2)
    ]

    assert ["'native'" in each and "1000" in each for each in shown] == [True, True]
    assert [each.split()[-1] for each in shown] == ["True", "False"]


@native
@pytest.mark.parametrize("rubbish", [b"", b"no object file", b"\x7fELF" + bytes(100)])
def test_rubbish_in_the_cache_is_made_anew_or_done_without(cache, rubbish):
    right = expected(1000)
    assert outcome(counting(rounds=1000), "native", numbers()) == right
    kept = list(cache.glob("*.o"))
    assert kept
    for path in kept:
        path.write_bytes(rubbish)
    machine_code._LOADED.clear()

    assert outcome(counting(rounds=1000), "native", numbers()) == right


@native
@pytest.mark.parametrize("tier", ["native", "auto"])
def test_a_cache_that_cannot_be_written_leaves_everything_working(tier, tmp_path, cache, hasty, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(machine_code.CACHE, str(tmp_path / "file" / "cache"))

    assert outcome(counting(rounds=50_000), tier, numbers()) == expected(50_000)


@native
def test_a_compiler_that_fails_leaves_everything_working_and_is_quoted(cache, monkeypatch):
    def fails(text):
        raise ValueError("no such machine")

    monkeypatch.setattr(machine_code, "make", fails)
    program = counting(rounds=1000)
    with tp.LocalSession(space_with(**numbers()), tier="native") as session:
        session.run(program)
        [found] = [each for each in session.tiers(program) if "count" in each.step]

        assert (found.tier, found.why) == ("python", "ValueError: no such machine")
        assert session.workspace().fetch_blob("n") == 1000


def test_without_numba_loops_run_as_python_and_say_what_is_missing(cache, hasty, monkeypatch):
    monkeypatch.setattr(tiers, "can_be_native", lambda: False)
    monkeypatch.setattr(promotion, "can_be_native", lambda: False)
    program = counting(rounds=50_000)

    with tp.LocalSession(space_with(**numbers()), tier="auto") as session:
        session.run(program)
        found = tier_of(session, program, "count")
        blobs = session.workspace().fetch_blob("n"), session.workspace().fetch_blob("h")

    assert (found.tier, found.why) == ("python", "the packages of the extra 'fast' are not installed")
    assert [blob.tolist() for blob in blobs] == [expected(50_000)[1][name][1] for name in "nh"]


def test_without_numba_a_session_that_must_be_native_is_refused(monkeypatch):
    monkeypatch.setattr(tiers, "can_be_native", lambda: False)

    with pytest.raises(tp.PlanError, match="'native', which needs Numba"):
        tp.LocalSession(tp.Workspace(), tier="native")


@native
def test_native_code_that_is_left_after_each_round_gives_the_same(cache, monkeypatch):
    monkeypatch.setattr(region, "SLICE_S", 0.0)

    assert outcome(counting(rounds=2000), "native", numbers()) == expected(2000)


AGAIN = """
import numpy as np
import taskplan as tp
from taskplan import ops
with tp.TaskGroup() as group, tp.Task():
    table = ops.GivenTensorFill([], 1, shape=[4], values=[1.0, 2.0, 3.0, 4.0])
    weights = ops.GivenTensorFill([], 1, shape=[3], values=[1.0, 2.0, 3.0])
    place, total = ops.Const(0), ops.Const(np.float32(0))
    with ops.loop(1000):
        ops.Add([place, ops.Const(1)], [place])
        ops.Mod([place], [place], divisor=4)
        ops.Add([total, ops.Gather([table, place])], [total])
        ops.Add([weights, total], [weights])
with tp.LocalSession(tp.Workspace(), tier="native") as session:
    session.run(group)
    assert "native" in [each.tier for each in session.tiers(group)]
"""


@native
def test_the_next_program_finds_the_native_code_of_the_last_one(tmp_path):
    kept = []
    for _ in range(2):
        environment = {**os.environ, "TASKPLAN_CACHE": str(tmp_path), "PYTHONHASHSEED": "random"}
        subprocess.run([sys.executable, "-c", AGAIN], check=True, env=environment)
        kept.append({path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.o")})

    assert kept[0] == kept[1] != {}
