"""Chains of element-wise operators give what the operators give, in nets that run again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import taskplan as tp
from taskplan.engine import interpret
from taskplan.engine.compiler import chains
from taskplan.engine.compiler.machine_code import Order

LENGTH = 12

Feed = Mapping[str, Any]


@pytest.fixture
def chained_at_once(monkeypatch):
    """Nets have their chains made before the second run, with native code that is made then and there."""
    pytest.importorskip("numba")
    monkeypatch.setattr("taskplan.engine.interpret.HOT_RUNS", 2)
    monkeypatch.setattr(Order, "place", Order.make)
    monkeypatch.setattr(chains, "LOOK_EVERY", 1)


def net_of(*, in_place: bool = False, alike: bool = False) -> tp.Net:
    net = tp.Net("chain")
    net.AddExternalInput("x")
    net.AddExternalInput("factor")
    last = "x"
    for number in range(LENGTH):
        result = "x" if in_place else "y" if alike else f"y{number}"
        if number % 3:
            net.Add([last, "x"], [result])
        else:
            net.Mul([last, "factor"], [result])
        last = result
    net.LT([last, "x"], ["less"])
    return net


def values_of(ws: tp.Workspace) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    found = {name: ws.fetch_blob(name) for name in ws.names()}
    return {name: (str(value.dtype), value.shape, value.tobytes()) for name, value in found.items()}


def ran(tier: str, monkeypatch: pytest.MonkeyPatch, net: tp.Net, feeds: Sequence[Feed]) -> tuple[list[Any], int]:
    """What all blobs hold after each run, and of how many calls the net consists at last."""
    monkeypatch.setenv("TASKPLAN_TIER", tier)
    ws = tp.Workspace()
    for name, value in feeds[0].items():
        ws.feed_blob(name, value)
    kept = ws.create_net(net)
    found = []
    for feed in feeds:
        for name, value in feed.items():
            ws.feed_blob(name, value)
        kept.run()
        found.append(values_of(ws))
    return found, len(kept._bound.sequence)


def check_agree(monkeypatch: pytest.MonkeyPatch, net: tp.Net, feeds: Sequence[Feed]) -> None:
    right, _ = ran("interpret", monkeypatch, net, feeds)
    found, calls = ran("auto", monkeypatch, net, feeds)
    assert found == right
    assert calls < LENGTH


FLOATS = {"x": np.linspace(-3, 3, 16, dtype=np.float32), "factor": np.float32(1.1)}


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("alike", [False, True])
def test_a_chain_gives_the_bits_of_its_operators(chained_at_once, monkeypatch, in_place, alike):
    check_agree(monkeypatch, net_of(in_place=in_place, alike=alike), [FLOATS, {}, {}, FLOATS, {}])


@pytest.mark.parametrize("kind", [np.float64, np.int32, np.int64])
def test_integers_wrap_and_doubles_keep_their_bits_in_a_chain(chained_at_once, monkeypatch, kind):
    feed = {"x": (np.arange(5) * 10**8).astype(kind), "factor": kind(7)}

    check_agree(monkeypatch, net_of(), [feed, {}, feed])


def test_arrays_of_another_shape_are_taken_by_the_same_chain(chained_at_once, monkeypatch):
    feeds = [{**FLOATS, "x": np.ones(shape, np.float32)} for shape in [(4,), (4,), (2, 3), (7,), (1, 1, 1)]]

    check_agree(monkeypatch, net_of(), feeds)


def test_values_of_another_type_and_large_ones_are_left_to_the_operators(chained_at_once, monkeypatch):
    doubles = {"x": np.ones(4, np.float64), "factor": np.float64(3)}
    large = {**FLOATS, "x": np.ones(100_000, np.float32)}
    scalars = {**FLOATS, "x": np.float32(2)}

    check_agree(monkeypatch, net_of(), [FLOATS, FLOATS, doubles, large, scalars, FLOATS, FLOATS])


def test_a_value_that_was_put_into_a_queue_does_not_change_when_the_chain_runs_again(chained_at_once):
    ws = tp.Workspace()
    for name, value in FLOATS.items():
        ws.feed_blob(name, value)
    make = tp.Net("make")
    make.CreateBlobsQueue([], ["queue"], capacity=10)
    ws.run(make)
    net = net_of(in_place=True)
    net.Copy(["x"], ["item"])
    net.EnqueueBlobs(["queue", "item"], ["item"])
    kept = ws.create_net(net)
    put = []
    for _ in range(5):
        kept.run()
        put.append(ws.fetch_blob("x"))
    take = tp.Net("take")
    take.DequeueBlobs(["queue"], ["taken"])
    taker = ws.create_net(take)

    for expected in put:
        taker.run()
        np.testing.assert_array_equal(ws.fetch_blob("taken"), expected)
    assert len(kept._bound.sequence) < LENGTH


def test_operands_that_do_not_fit_raise_what_the_operator_raises(chained_at_once, monkeypatch):
    messages = []
    for tier in ("interpret", "auto"):
        with tp.fresh_names(), pytest.raises(tp.OperatorError) as caught:
            ran(tier, monkeypatch, net_of(), [FLOATS, {}, {}, {"factor": np.ones(3, np.float32)}])
        messages.append((str(caught.value), caught.value.__notes__))

    assert messages[0] == messages[1]


def test_short_chains_are_not_worth_it():
    ws = tp.Workspace()
    for name, value in FLOATS.items():
        ws.feed_blob(name, value)
    net = tp.Net("short")
    net.AddExternalInput("x")
    net.Add(["x", "x"], ["y"])
    net.Add(["y", "x"], ["z"])
    kept = ws.create_net(net)
    for _ in range(interpret.HOT_RUNS + 1):
        kept.run()

    assert len(kept._bound.sequence) == 2
