"""References to blobs. Numbers are those of the checklist."""

import copy
import pickle

import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.errors import BuildRuntimeError, UnknownOperatorError


@pytest.fixture
def net():
    with fresh_names():
        yield Net("n")


@pytest.mark.parametrize("name", ["x", b"x", BlobReference("x")], ids=repr)
def test_08_a_reference_equals_its_name(name):
    assert BlobReference("x") == name
    assert name == BlobReference("x")


def test_08_the_net_does_not_count(net):
    assert BlobReference("x", net) == BlobReference("x", Net("other"))
    assert hash(BlobReference("x", net)) == hash("x")


@pytest.mark.parametrize("other", ["y", b"y", BlobReference("y"), None, 1, ["x"], ("x",)], ids=repr)
def test_08_a_reference_differs_from_everything_else(other):
    assert BlobReference("x") != other


def test_08_a_reference_and_its_name_are_one_key():
    assert {"x": 1}[BlobReference("x")] == 1  # type: ignore[index]
    assert {BlobReference("x"): 1}["x"] == 1  # type: ignore[index]


@pytest.mark.parametrize(("given", "name"), [("x", "x"), ("é".encode(), "é"), (3, "3"), (BlobReference("x"), "x")])
def test_a_name_may_be_given_as_anything(given, name):
    assert str(BlobReference(given)) == name


def test_a_reference_shows_its_name():
    assert repr(BlobReference("a/x")) == 'BlobReference("a/x")'


def test_09_adding_a_string_keeps_the_net(net):
    blob = BlobReference("x", net)

    assert [str(blob + "_grad"), str("d_" + blob)] == ["x_grad", "d_x"]
    assert (blob + "_grad").Net() is net
    assert ("d_" + blob).Net() is net


@pytest.mark.parametrize("other", [1, b"x", BlobReference("x"), None, ["x"]])
def test_09_adding_anything_else_is_refused(other):
    with pytest.raises(BuildRuntimeError, match="only a string"):
        BlobReference("x") + other
    with pytest.raises(RuntimeError, match="only a string"):
        other + BlobReference("x")


def test_a_reference_is_no_container_and_always_true():
    blob = BlobReference("")

    with pytest.raises(TypeError):
        blob[0]  # type: ignore[index]
    with pytest.raises(TypeError):
        len(blob)
    assert bool(blob) is True


@pytest.mark.parametrize(("name", "scope", "rest"), [("a/b/x", "a/b/", "x"), ("x", "", "x"), ("a/", "a/", "")])
def test_a_name_has_a_scope_and_a_rest(name, scope, rest):
    assert (BlobReference(name).GetNameScope(), BlobReference(name).GetUnscopedName()) == (scope, rest)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_shares_the_net(copied, net):
    blob = BlobReference("x", net)
    blob.meta["note"] = 1

    again = copied(blob)

    assert (again, again.Net(), again.meta) == (blob, net, {"note": 1})


def test_a_pickle_leaves_the_net_behind(net):
    blob = BlobReference("x", net)
    blob.meta["note"] = 1

    again = pickle.loads(pickle.dumps(blob))

    assert (again, again.Net(), again.meta) == (blob, None, {"note": 1})


# --- operators --------------------------------------------------------------------------------------------------------


def test_an_operator_of_the_net_gets_the_reference_as_its_first_input(net):
    x = net.Const(1.0)

    total = x.Add(x, "total")
    x.Copy(outputs="copy")
    total.Sum(["copy", total], ["all"])

    assert [list(op.input) for op in net.Proto().op[1:]] == [[x, x], [x], [total, "copy", total]]
    assert total.Net() is net


def test_the_callers_list_stays_as_it_was(net):
    """Caffe2 put the reference into it (W-37)."""
    x = net.Const(1.0)
    others = [x]

    x.Add(others)

    assert others == [x]


def test_an_operator_needs_a_net():
    with pytest.raises(AttributeError, match=r"has no net that Add could be added to; write net.Add\('x', ...\)"):
        BlobReference("x").Add  # noqa: B018 - the access is the claim


def test_an_operator_that_is_unknown_is_no_attribute(net):
    blob = BlobReference("x", net)

    assert not hasattr(blob, "Ad")
    with pytest.raises(UnknownOperatorError, match="did you mean 'Add'"):
        blob.Addd  # noqa: B018 - the access is the claim


@pytest.mark.parametrize("name", ["__len__", "__array__", "Proto"])
def test_methods_of_nets_and_of_python_are_no_operators(name, net):
    assert not hasattr(BlobReference("x", net), name)
