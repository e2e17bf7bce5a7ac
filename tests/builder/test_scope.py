"""Scopes of names and devices. Numbers are those of the checklist."""

import threading

import pytest

from taskplan.builder.arguments import CreateOperator
from taskplan.builder.blobs import BlobReference, ScopedBlobReference, ScopedName
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.scope import (
    CurrentDeviceScope,
    CurrentNameScope,
    DeviceOption,
    DeviceScope,
    EmptyDeviceScope,
    EmptyNameScope,
    NameScope,
)
from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.plan import taskplan_pb2 as pb


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def in_new_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join(timeout=30)
    return results[0]


# --- names ------------------------------------------------------------------------------------------------------------


def test_there_is_no_name_scope_at_first():
    assert CurrentNameScope() == ""


def test_10_a_scope_is_put_before_plain_strings_and_names_that_the_net_makes_up():
    net = Net("n")

    with NameScope("a"), NameScope("b"):
        net.Add(["x", "y"], "z")
        named = net.Add(["x", "y"])

    assert list(net.Proto().op[0].input) == ["a/b/x", "a/b/y"]
    assert list(net.Proto().op[0].output) == ["a/b/z"]
    assert named == "a/b/n/Add"
    assert net.Name() == "n"


def test_10_no_scope_is_put_before_a_reference():
    net = Net("n")

    with NameScope("a"):
        net.Add([BlobReference("x"), BlobReference("y")], BlobReference("z"))

    assert list(net.Proto().op[0].input) == ["x", "y"]
    assert list(net.Proto().op[0].output) == ["z"]


def test_10_a_scope_is_put_before_control_inputs():
    with NameScope("a"):
        op = CreateOperator("Copy", BlobReference("x"), BlobReference("y"), control_input=["go", BlobReference("on")])

    assert list(op.control_input) == ["a/go", "on"]


def test_10_names_are_made_up_in_each_scope_apart():
    net = Net("n")

    with NameScope("a"):
        first, second = net.Const(1), net.Const(1)
    outside = net.Const(1)

    assert [first, second, outside] == [
        "a/n/GivenTensorInt64Fill:0",
        "a/n/GivenTensorInt64Fill_2:0",
        "n/GivenTensorInt64Fill:0",
    ]


def test_11_a_scope_with_reset_replaces_the_others_until_it_ends():
    seen = []

    def fail_in_scope():
        with NameScope("b", reset=True):
            seen.append(CurrentNameScope())
            raise ZeroDivisionError

    with NameScope("a"):
        with pytest.raises(ZeroDivisionError):
            fail_in_scope()
        seen.append(CurrentNameScope())

    assert seen == ["b/", "a/"]


@pytest.mark.parametrize("nothing", ["", None])
def test_an_empty_scope_changes_nothing(nothing):
    with NameScope("a"), NameScope(nothing):
        assert CurrentNameScope() == "a/"


def test_a_scope_must_be_a_string():
    with pytest.raises(BuildTypeError, match="must be a string, got 3"), NameScope(3):  # type: ignore[arg-type]
        pass


def test_a_scope_of_one_thread_is_none_of_another():
    with NameScope("a"), DeviceScope(DeviceOption(0)):
        assert in_new_thread(lambda: (CurrentNameScope(), CurrentDeviceScope())) == ("", None)


def test_an_error_passes_through_the_empty_scopes():
    """Caffe2 swallowed whatever was raised there (W-36)."""
    seen = []

    def fail_in_scope():
        with EmptyNameScope(), EmptyDeviceScope():
            seen.append((CurrentNameScope(), CurrentDeviceScope()))
            raise ZeroDivisionError

    with NameScope("a"), DeviceScope(DeviceOption(0)):
        with pytest.raises(ZeroDivisionError):
            fail_in_scope()
        seen.append((CurrentNameScope(), CurrentDeviceScope()))

    assert seen == [("", None), ("a/", DeviceOption(0))]


def test_scoped_names_and_references_have_the_scope_before_them():
    net = Net("n")

    with NameScope("a"):
        assert ScopedName("x") == "a/x"
        assert ScopedBlobReference("x", net) == "a/x"
        assert ScopedBlobReference("x", net).Net() is net


# --- devices ----------------------------------------------------------------------------------------------------------


def test_a_device_option_has_what_it_is_given():
    option = DeviceOption(1, 2, random_seed=3, node_name="n", numa_node_id=4, extra_info=["b", "a"])

    assert option == pb.DeviceOption(
        device_type=1, device_id=2, random_seed=3, node_name="n", numa_node_id=4, extra_info=["b", "a"]
    )


def test_what_is_not_given_to_a_device_option_stays_unset():
    assert [field.name for field, _ in DeviceOption(0).ListFields()] == ["device_type", "device_id"]


def test_operators_get_a_copy_of_the_device_scope():
    net = Net("n")
    option = DeviceOption(0, random_seed=5)

    with DeviceScope(option):
        net.Copy("x", "y")
        net.Copy("y", "z", device_option=DeviceOption(0, random_seed=6))
    option.random_seed = 7
    net.Copy("z", "w")

    seeds = [op.device_option.random_seed for op in net.Proto().op]
    assert seeds == [5, 6, 0]
    assert not net.Proto().op[2].HasField("device_option")


def test_a_random_seed_is_an_option_of_the_device_and_no_argument():
    net = Net("n")

    net.Copy("x", "y", random_seed=9)

    assert net.Proto().op[0].device_option.random_seed == 9
    assert not net.Proto().op[0].arg


def test_an_inner_device_scope_has_the_node_and_the_extra_information_of_the_outer_one():
    with DeviceScope(DeviceOption(0, node_name="outer", extra_info=["b"])):
        with DeviceScope(DeviceOption(1, extra_info=["c", "a"])):
            assert CurrentDeviceScope() == DeviceOption(1, node_name="outer", extra_info=["a", "b", "c"])
        with DeviceScope(None, node_name="inner"):
            assert CurrentDeviceScope() == pb.DeviceOption(node_name="inner", extra_info=["b"])


def test_a_device_scope_does_not_change_the_option_that_it_is_given():
    option = DeviceOption(0)

    with DeviceScope(option, node_name="n"):
        pass

    assert option == DeviceOption(0)


def test_a_device_scope_of_nothing_is_refused():
    with pytest.raises(BuildValueError, match="got neither"), DeviceScope(None):
        pass


def test_a_device_scope_of_something_else_is_refused():
    with pytest.raises(BuildTypeError, match="takes a DeviceOption message, got 'cpu'"), DeviceScope("cpu"):  # type: ignore[arg-type]
        pass
