"""Statements 8 to 19 of the checklist: references to blobs, name scopes, names of nets and blobs, external blobs."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import BoomError

import taskplan as tp


@pytest.fixture
def net() -> tp.Net:
    return tp.Net("net")


# --- references -------------------------------------------------------------------------------------------------------


def test_008_a_reference_equals_and_hashes_like_its_name(net):
    blob = tp.BlobReference("scope/x", net)

    assert blob == "scope/x"
    assert blob == b"scope/x"
    assert blob == tp.BlobReference("scope/x")
    assert blob != "x"
    assert blob != b"x"
    assert blob != tp.BlobReference("x", net)
    assert blob != 1
    assert hash(blob) == hash("scope/x")
    assert "scope/x" in {blob}
    assert blob in {"scope/x"}


@pytest.mark.parametrize(("given", "name"), [("x", "x"), ("é".encode(), "é"), (12, "12")])
def test_008a_a_name_is_a_str_or_bytes_or_what_str_makes_of_it(given, name):
    blob = tp.BlobReference(given)

    assert str(blob) == name
    assert blob == name
    assert hash(blob) == hash(name)
    assert repr(blob) == f'BlobReference("{name}")'


def test_009_a_str_added_on_either_side_gives_a_reference_of_the_same_net(net):
    blob = tp.BlobReference("x", net)

    after, before = blob + "_grad", "grad_" + blob

    assert after == "x_grad"
    assert before == "grad_x"
    assert after.Net() is net
    assert before.Net() is net


@pytest.mark.parametrize("other", [1, b"y", None, ["y"], tp.BlobReference("y")], ids=repr)
def test_009a_anything_else_cannot_be_added(other):
    blob: Any = tp.BlobReference("x")

    with pytest.raises(RuntimeError, match="only a string can be added"):
        blob + other
    with pytest.raises(RuntimeError, match="only a string can be added"):
        other + blob


# --- scopes -----------------------------------------------------------------------------------------------------------


def test_010_a_name_scope_prefixes_strings_and_automatic_names_but_no_reference(net):
    with tp.NameScope("outer"), tp.NameScope("inner"):
        named = net.Copy("x", "y", control_input=["z"])
        automatic = net.Copy(named)
        untouched = net.Copy(tp.BlobReference("x"), tp.BlobReference("w"), control_input=[tp.BlobReference("z")])

    first, second, third = net.Proto().op
    assert (list(first.input), list(first.output)) == (["outer/inner/x"], ["outer/inner/y"])
    assert list(first.control_input) == ["outer/inner/z"]
    assert (list(second.input), list(second.output)) == (["outer/inner/y"], ["outer/inner/net/Copy"])
    assert (list(third.input), list(third.output)) == (["x"], ["w"])
    assert list(third.control_input) == ["z"]
    assert (named, automatic, untouched) == ("outer/inner/y", "outer/inner/net/Copy", "w")


def test_010a_a_name_scope_leaves_names_of_nets_steps_and_fed_blobs_alone(ws):
    with tp.NameScope("scope"):
        net = tp.Net("net")
        step = tp.execution_step("step", net)
        tp.FeedBlob("x", np.float32(1))

    assert (net.Name(), step.Name()) == ("net", "step")
    assert tp.Blobs() == ["x"]


def test_010b_an_empty_prefix_leaves_the_scope_as_it_is():
    with tp.NameScope("outer"), tp.NameScope(""), tp.NameScope(None):
        assert tp.CurrentNameScope() == "outer/"


def test_011_reset_replaces_the_scope_and_the_old_one_comes_back_after_an_exception():
    with tp.NameScope("outer"):
        with pytest.raises(BoomError, match="mine"), tp.NameScope("other", reset=True):
            assert tp.CurrentNameScope() == "other/"
            raise BoomError("mine")
        assert tp.CurrentNameScope() == "outer/"

    assert tp.CurrentNameScope() == ""


def test_011a_an_empty_scope_lets_exceptions_through():
    """W-36: Caffe2 swallows whatever is raised inside."""
    with tp.NameScope("outer"):
        with pytest.raises(BoomError, match="mine"), tp.EmptyNameScope():
            assert tp.CurrentNameScope() == ""
            raise BoomError("mine")
        assert tp.CurrentNameScope() == "outer/"


def test_011b_a_name_scope_must_be_a_string():
    wrong: Any = 3
    with pytest.raises(AssertionError, match="3"), tp.NameScope(wrong):
        pass

    assert tp.CurrentNameScope() == ""


# --- names ------------------------------------------------------------------------------------------------------------


def test_012_nets_of_one_name_are_numbered():
    nets = [tp.Net("abc") for _ in range(3)]

    assert [net.Name() for net in nets] == ["abc", "abc_1", "abc_2"]
    assert [str(net) for net in nets] == ["abc", "abc_1", "abc_2"]


def test_012a_a_name_that_numbering_has_used_is_taken():
    nets = [tp.Net("abc"), tp.Net("abc"), tp.Net("abc_1")]

    assert [net.Name() for net in nets] == ["abc", "abc_1", "abc_1_1"]


def test_012b_nets_may_have_no_name():
    nets = [tp.Net(""), tp.Net(None)]

    assert [net.Name() for net in nets] == ["", "_1"]


def test_012c_a_net_made_of_a_message_gets_a_free_name_and_leaves_the_message_alone(net):
    message = net.Proto()

    again = tp.Net(message)

    assert again.Name() == "net_1"
    assert message.name == "net"
    assert again.Proto() is not message


def test_012d_a_name_is_free_again_when_its_net_is_gone():
    """Design D10; in Caffe2 names are taken for as long as the process lives."""
    first = tp.Net("abc")
    del first

    assert tp.Net("abc").Name() == "abc"


def test_012e_nets_made_by_several_threads_at_once_have_different_names():
    """W-35: two threads of Caffe2 may get the same name. All build in the naming context of the process."""
    start = threading.Barrier(4)
    nets: list[tp.Net] = []

    def make() -> None:
        start.wait(10)
        nets.extend([tp.Net("made at once") for _ in range(200)])

    makers = [threading.Thread(target=make) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert len({net.Name() for net in nets}) == 800


@pytest.mark.parametrize("wrong", [3, b"net", ["net"]], ids=repr)
def test_012f_a_net_s_name_must_be_a_string(wrong):
    with pytest.raises(TypeError, match="net"):
        tp.Net(wrong)


def test_013_a_net_made_inside_a_builder_is_named_after_it():
    with tp.NetBuilder(name="b"):
        inside = [tp.Net("n"), tp.Net("n")]
    outside = tp.Net("n")

    assert [net.Name() for net in inside] == ["b/n", "b/n_1"]
    assert outside.Name() == "n"


def test_013a_builders_inside_builders_are_named_in_full():
    with tp.NetBuilder(name="a"), tp.NetBuilder(name="b"):
        assert tp.Net("n").Name() == "a/b/n"
        assert tp.Net("").Name() == "a/b"


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_014_outputs_without_names_are_named_after_net_and_operator(net):
    assert net.Copy("x") == "net/Copy"
    assert net.Sum(["x", "x"], 1) == "net/Sum:0"
    assert net.Split("x", 2) == ("net/Split:0", "net/Split:1")


def test_014a_repeated_names_are_counted_from_two(net):
    assert [net.Copy("x") for _ in range(3)] == ["net/Copy", "net/Copy_2", "net/Copy_3"]
    assert [net.Sum("x", 1) for _ in range(3)] == ["net/Sum:0", "net/Sum_2:0", "net/Sum_3:0"]


def test_014b_repeated_names_are_counted_inside_a_scope_too(net):
    with tp.NameScope("scope"):
        assert [net.Copy("x") for _ in range(2)] == ["scope/net/Copy", "scope/net/Copy_2"]


def test_014c_each_net_counts_for_itself(net):
    other = tp.Net("other")

    assert [net.Copy("x"), other.Copy("x")] == ["net/Copy", "other/Copy"]


def test_015_what_comes_back_depends_on_the_number_of_outputs(net):
    none = net.Print("x", [])
    also_none = net.Print("x", 0)
    one = net.Copy("x", ["y"])
    several = net.Split("x", ["a", "b"])

    assert none is None
    assert also_none is None
    assert isinstance(one, tp.BlobReference)
    assert one == "y"
    assert several == ("a", "b")
    assert {type(blob) for blob in several} == {tp.BlobReference}
    assert [blob.Net() for blob in (one, *several)] == [net] * 3


# --- external inputs and outputs --------------------------------------------------------------------------------------


def test_016_an_unknown_input_becomes_an_external_input_once(net):
    net.Add(["x", "x"], "y")
    net.Add(["x", tp.BlobReference("z")], "w")
    net.Copy("y", "v")

    assert net.external_inputs == ["x", "z"]


def test_016a_an_input_of_another_net_becomes_an_external_input(net):
    other = tp.Net("other")
    made = other.Const(1.0)

    net.Copy(made)

    assert net.external_inputs == [str(made)]


def test_016b_a_call_that_is_refused_leaves_the_net_as_it_was(net):
    """W-39: Caffe2 keeps the inputs of operators that were never added."""
    before = net.Proto().SerializeToString()

    with pytest.raises(ValueError, match="values"):
        net.GivenTensorFill("x", "y", values=[1, 2.0])
    with pytest.raises(TypeError):
        net.Copy("x", object())

    assert net.Proto().SerializeToString() == before
    assert net.Copy("x") == "net/Copy"


@pytest.mark.parametrize("wrong", [None, 3, {"x": 1}, [3], [["x"]]], ids=repr)
def test_016c_an_input_must_be_a_blob_or_a_list_of_blobs(net, wrong):
    with pytest.raises(TypeError):
        net.Copy(wrong, "y")

    assert len(net.Proto().op) == 0


def test_017_a_reference_that_claims_this_net_must_be_defined_in_it(net):
    with pytest.raises(AssertionError, match=r"'net'.*does not define"):
        net.Copy(tp.BlobReference("x", net))

    assert net.external_inputs == []
    assert len(net.Proto().op) == 0


def test_018_an_external_input_can_be_added_once(net):
    net.AddExternalInput("x")
    net.Copy("y", "z")

    for name in ("x", "y", tp.BlobReference("x")):
        with pytest.raises(AssertionError, match=f"'{name}' is an external input of net 'net' already"):
            net.AddExternalInput(name)

    assert net.external_inputs == ["x", "y"]


def test_018a_a_call_must_not_repeat_an_external_input_and_then_adds_none(net):
    with pytest.raises(AssertionError, match="'x' is an external input"):
        net.AddExternalInput("w", "x", "x")

    assert net.external_inputs == []


def test_018b_external_inputs_come_back_as_references_without_a_net(net):
    one = net.AddExternalInput("x")
    several = net.AddExternalInput("y", tp.BlobReference("z", net))

    assert one == "x"
    assert several == ["y", "z"]
    assert [blob.Net() for blob in (one, *several)] == [None] * 3


def test_018c_there_must_be_something_to_add(net):
    with pytest.raises(AssertionError, match="at least one"):
        net.AddExternalInput()


def test_019_an_external_output_must_be_a_reference_to_a_defined_blob(net):
    made = net.Copy("x", "y")

    with pytest.raises(AssertionError, match="must be a BlobReference, got 'y'"):
        net.AddExternalOutput("y")
    with pytest.raises(AssertionError, match="'nowhere' is not defined in net 'net'"):
        net.AddExternalOutput(tp.BlobReference("nowhere"))
    net.AddExternalOutput(made, tp.BlobReference("x"))

    assert net.external_outputs == ["y", "x"]
