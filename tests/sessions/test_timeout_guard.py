"""Guards against hangs: what is too slow is interrupted and then aborted, what ends in time is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import taskplan
from taskplan.sessions.timeout_guard import CompleteInTimeOrDie

START = """
import signal, threading
from taskplan.sessions import timeout_guard
from taskplan.sessions.timeout_guard import CompleteInTimeOrDie, EuthanizeIfNecessary

def hang():
    threading.Event().wait(60)

"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, which may well end badly."""
    return subprocess.run(
        [sys.executable, "-c", START + program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(taskplan.__file__).parents[1])},
    )


def guards() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "taskplan-timeout-guard"]


def test_a_block_that_ends_in_time_leaves_nothing_behind():
    with CompleteInTimeOrDie(60):
        inside = guards()

    assert len(inside) == 1
    assert guards() == []


def test_a_block_that_raises_leaves_nothing_behind():
    """Caffe2 interrupted the process later on. (W-43)"""
    with pytest.raises(ValueError, match="mine"):
        with CompleteInTimeOrDie(60):
            raise ValueError("mine")

    assert guards() == []


def test_a_block_that_takes_too_long_is_interrupted_with_the_stacks_of_all_threads_in_the_log():
    done = run("""
try:
    with CompleteInTimeOrDie(0.05):
        hang()
except KeyboardInterrupt:
    print("interrupted", threading.active_count())
""")

    assert (done.returncode, done.stdout) == (0, "interrupted 1\n")
    assert "did not end within 0.05 s, so the process is interrupted" in done.stderr
    assert "in hang" in done.stderr


def test_a_block_that_survives_the_interrupt_and_ends_is_left_alone():
    """Caffe2 aborted the process all the same. (W-43)"""
    done = run("""
with CompleteInTimeOrDie(0.05):
    try:
        hang()
    except KeyboardInterrupt:
        pass
print("guards:", threading.active_count() - 1)
""")

    assert (done.returncode, done.stdout) == (0, "guards: 0\n")


def test_a_block_that_does_not_end_after_the_interrupt_is_aborted():
    done = run("""
timeout_guard.ABORT_AFTER_S = 0.05
signal.signal(signal.SIGINT, signal.SIG_IGN)
with CompleteInTimeOrDie(0.05):
    hang()
""")

    assert done.returncode == -signal.SIGABRT
    assert "did not end within 0.05 s of its interruption, so it is aborted" in done.stderr


def test_a_process_that_outlives_its_limit_is_ended():
    done = run("""
EuthanizeIfNecessary(0.05)
hang()
""")

    assert done.returncode in (1, -signal.SIGINT)
    assert "KeyboardInterrupt" in done.stderr
