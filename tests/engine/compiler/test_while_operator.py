"""An operator `While` that repeats its nets for long is compiled while it runs."""

from __future__ import annotations

import numpy as np
import pytest

import taskplan as tp

FED = {"i": np.int64(0), "one": np.int64(1), "total": np.float32(0), "tenth": np.float32(0.1), "left": np.int64(777)}


def counting(rounds: int, *, fails: bool = False) -> tp.Net:
    condition, body, net = tp.Net("condition"), tp.Net("body"), tp.Net("outer")
    condition.LT(["i", condition.Const(np.int64(rounds))], ["goes_on"])
    body.Add(["i", "one"], ["i"])
    body.Add(["total", "tenth"], ["total"])
    if fails:
        body.Div(["one", "left"], ["quotient"])
        body.Sub(["left", "one"], ["left"])
    net.Const(True, blob_out="goes_on")
    net.While(["goes_on"], [], loop_net=body, cond_net=condition)
    return net


def ended(tier: str, rounds: int, *, fails: bool = False) -> tuple[dict[str, bytes], str, list[str]]:
    """What blobs hold in the end, what was raised, and how what was compiled has run."""
    ws = tp.Workspace()
    for name, value in FED.items():
        ws.feed_blob(name, value)
    error = ""
    with tp.fresh_names(), tp.LocalSession(ws, tier=tier) as session:
        net = counting(rounds, fails=fails)
        try:
            session.run(net)
        except tp.OperatorError as raised:
            error = "\n".join([str(raised), *raised.__notes__])
        tiers = [each.tier for each in session.tiers(net)]
    return {name: ws.fetch_blob(name).tobytes() for name in FED}, error, tiers


def test_a_long_while_in_a_step_that_runs_once_is_compiled_and_gives_the_same():
    right, *_ = ended("interpret", 5_000)

    found, error, tiers = ended("auto", 5_000)

    assert (found, error) == (right, "")
    assert tiers == ["python"]


def test_a_short_while_is_interpreted():
    assert ended("auto", 20)[2] == []


@pytest.mark.parametrize("tier", ["auto", "python"])
def test_an_operator_that_fails_in_a_compiled_while_is_placed_as_in_the_interpreter(tier):
    right, expected, _ = ended("interpret", 5_000, fails=True)

    found, error, _ = ended(tier, 5_000, fails=True)

    assert "net 'body' > op 3 Div" in error
    assert (found, error) == (right, expected)


def test_a_condition_that_is_no_bool_any_more_is_refused_as_in_the_interpreter():
    messages = []
    for tier in ("interpret", "auto"):
        ws = tp.Workspace()
        ws.feed_blob("goes_on", np.array(True))
        ws.feed_blob("rounds", np.int64(0))

        def count(inputs, outputs, ws=ws):
            rounds = int(inputs[0].data) + 1
            ws.feed_blob("rounds", np.int64(rounds))
            if rounds == 300:
                ws.feed_blob("goes_on", np.float32(1))

        with tp.fresh_names(), tp.LocalSession(ws, tier=tier) as session:
            body, net = tp.Net("body"), tp.Net("outer")
            body.Python(count)(["rounds"], [])
            net.While(["goes_on"], [], loop_net=body)
            with pytest.raises(tp.DtypeError) as caught:
                session.run(net)
        messages.append("\n".join([str(caught.value), *caught.value.__notes__]))

    assert messages[0] == messages[1]
    assert "op 1 While" in messages[0]
