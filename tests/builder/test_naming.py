"""Names that are unique while something bears them. Numbers are those of the checklist."""

import gc
import threading
import time

import pytest

from taskplan.builder.context import NetNaming
from taskplan.builder.naming import NamingContext, current_names, fresh_names
from taskplan.builder.net import Net
from taskplan.errors import BuildTypeError


class Builder(NetNaming):
    """Stands for whatever gives its name to nets made inside it."""

    def __init__(self, name):
        self.name = name


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def names_of(nets):
    return [net.Name() for net in nets]


# --- nets -------------------------------------------------------------------------------------------------------------


def test_12_nets_of_one_name_are_numbered():
    nets = [Net("abc"), Net("abc"), Net("abc")]

    assert names_of(nets) == ["abc", "abc_1", "abc_2"]


def test_12_a_name_that_was_made_up_is_taken_too():
    nets = [Net("abc"), Net("abc"), Net("abc_1"), Net("abc_1")]

    assert names_of(nets) == ["abc", "abc_1", "abc_1_1", "abc_1_2"]


def test_12_a_name_that_was_asked_for_is_left_out_when_names_are_made_up():
    nets = [Net("abc_1"), Net("abc"), Net("abc"), Net("abc")]

    assert names_of(nets) == ["abc_1", "abc", "abc_2", "abc_3"]


@pytest.mark.parametrize("name", ["", None])
def test_a_net_needs_no_name(name):
    nets = [Net(name), Net(name)]

    assert names_of(nets) == ["", "_1"]


@pytest.mark.parametrize("name", [3, b"abc", ["abc"]], ids=repr)
def test_a_name_must_be_a_string(name):
    with pytest.raises(BuildTypeError, match="a net is made of a name or a NetDef message"):
        Net(name)


def test_13_a_net_made_inside_a_builder_is_named_after_it():
    with Builder("b"):
        nets = [Net("n"), Net("n"), Net("")]

    assert names_of(nets) == ["b/n", "b/n_1", "b"]


def test_13_a_builder_without_a_name_adds_nothing():
    with Builder(""):
        assert Net("n").Name() == "n"


def test_a_name_is_free_when_nothing_bears_it_any_more():
    """Caffe2 never gave a name back (W-35)."""
    first, second, third = Net("n"), Net("n"), Net("n")
    del second

    nets = [Net("n"), Net("n")]

    assert names_of([first, third, *nets]) == ["n", "n_2", "n_1", "n_3"]


def test_a_net_that_was_used_is_gone_at_once():
    """Nothing here refers back to it, so no garbage collector is needed to free its name."""
    gc.disable()
    try:
        net = Net("n")
        total = net.Add([net.Const(1.0), "x"])
        net.AddExternalOutput(total)
        net.Python(lambda inputs, outputs: None)(total, "y")
        net.to_model()
        del net, total

        assert Net("n").Name() == "n"
    finally:
        gc.enable()


def test_nets_made_by_several_threads_at_once_have_names_of_their_own():
    """Caffe2 gave two of them the same one (W-35)."""
    barrier = threading.Barrier(8)
    nets = []

    def make(names):
        with fresh_names(names):
            barrier.wait(timeout=30)
            nets.extend([Net("n") for _ in range(200)])

    threads = [threading.Thread(target=make, args=(current_names(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(names_of(nets)) == sorted(["n", *(f"n_{k}" for k in range(1, 1600))])


def test_120_naming_many_nets_alike_takes_time_in_proportion():
    """Ten times as many take ten times as long, in Caffe2 a hundred times. The bound is for a busy machine."""

    def seconds(count):
        with fresh_names() as names:
            start = time.perf_counter()
            taken = [names.net("n") for _ in range(count)]
            taken.clear()
            return time.perf_counter() - start

    seconds(2_000)
    few, many = min(seconds(2_000) for _ in range(3)), min(seconds(20_000) for _ in range(3))

    assert many < 40 * few


def test_120_giving_names_back_and_taking_them_again_takes_time_in_proportion():
    def seconds(count):
        with fresh_names() as names:
            taken = [names.net("n") for _ in range(count)]
            start = time.perf_counter()
            for index in range(count):
                taken[index] = names.net("n")
            return time.perf_counter() - start

    seconds(2_000)
    few, many = min(seconds(2_000) for _ in range(3)), min(seconds(20_000) for _ in range(3))

    assert many < 40 * few


# --- other names ------------------------------------------------------------------------------------------------------


def test_tokens_are_numbered_behind_a_colon():
    names = current_names()

    taken = [names.token("f"), names.token("f"), names.token("g")]

    assert [each.name for each in taken] == ["f", "f:1", "g"]


def test_steps_are_numbered_and_never_alike():
    names = current_names()

    assert [names.step() for _ in range(3)] == ["step", "step_1", "step_2"]


def test_several_names_may_share_a_count():
    names = current_names()

    assert [names.numbered(base, "k") for base in ("a/If", "b/If", "a/Do")] == ["a/If", "b/If_1", "a/Do_2"]


# --- contexts ---------------------------------------------------------------------------------------------------------


def test_the_same_program_has_the_same_bytes_in_fresh_names():
    def build():
        with fresh_names():
            net = Net("n")
            net.Python(build)(net.Const(1.0), "y")
            return net.Proto().SerializeToString(deterministic=True)

    assert build() == build()


def test_names_of_an_inner_context_are_not_taken_in_the_outer_one():
    outer = Net("n")
    with fresh_names():
        inner = Net("n")

    assert names_of([outer, inner, Net("n")]) == ["n", "n", "n_1"]


def test_the_outer_context_is_current_again_after_an_error():
    outer = current_names()

    with pytest.raises(ZeroDivisionError), fresh_names():
        raise ZeroDivisionError

    assert current_names() is outer


def test_a_fresh_context_is_for_programs_of_the_same_kind():
    with fresh_names(NamingContext(caffe2=True)), fresh_names() as inner:
        assert inner.caffe2


def test_a_context_can_be_gone_on_with():
    net = Net("n")

    with fresh_names() as names:
        first = Net("n")
    with fresh_names(names):
        second = Net("n")

    assert names_of([net, first, second]) == ["n", "n", "n_1"]
