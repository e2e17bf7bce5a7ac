"""Machines that are lost, as raylets that are stopped; `python -m tests.soak --raylets` hurts more of them."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

STOPPED_WITH_ROOM_ELSEWHERE = 2
"""The number of a run: a raylet is stopped, and all nodes may be on the other one."""


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_a_node_whose_machine_hangs_is_lost_and_the_next_run_starts_it_on_another():
    """In a process of its own, which has several raylets."""
    command = [sys.executable, "-m", "tests.soak", "--raylets", "--runs", "1"]

    done = subprocess.run(
        [*command, "--seed", str(STOPPED_WITH_ROOM_ELSEWHERE)], capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "hurt: stop when record 1" in done.stdout
    assert "outcomes: NodeLostError 1" in done.stdout
