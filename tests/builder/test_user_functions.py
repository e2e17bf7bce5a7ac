"""Functions of the user in nets. Numbers are those of the checklist."""

import pickle
from functools import partial

import numpy as np
import pytest

import taskplan
from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import NamingContext, fresh_names
from taskplan.builder.net import Net
from taskplan.errors import BuildError, BuildTypeError
from taskplan.operators.python import registered_function


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


@pytest.fixture
def net():
    return Net("n")


@pytest.fixture
def workspace():
    return taskplan.Workspace()


def doubling(log):
    """Builds a function that doubles; both write down in a file that they ran, wherever they were unpickled."""

    def note(what):
        with open(log, "a") as file:
            file.write(what)

    def double(inputs, outputs):
        note("run ")
        outputs[0].feed(inputs[0].data * 2)

    note("build ")
    return double


def tokens_of(net):
    return [arg.s.decode() for op in net.Proto().op for arg in op.arg if arg.name == "token"]


# --- Python -----------------------------------------------------------------------------------------------------------


def test_24_a_builder_runs_once_a_net_instance_and_its_function_once_a_run(net, workspace, tmp_path):
    net.Python((doubling, (str(tmp_path / "log"),), {}))("x", "x")
    workspace.feed_blob("x", np.float32(1))

    for _ in range(2):
        instance = workspace.create_net(net, overwrite=True)
        for _ in range(3):
            instance.run()

    assert (tmp_path / "log").read_text().split() == ["build", "run", "run", "run"] * 2
    assert workspace.fetch_blob("x") == 64


def test_25_what_the_function_returns_is_ignored(net, workspace):
    def function(inputs, outputs):
        outputs[0].feed(np.float32(1))
        return "something"

    net.Python(function)([], "y")
    workspace.run(net)

    assert workspace.fetch_blob("y") == 1


def test_25_an_error_of_the_function_is_raised_as_it_is(net, workspace):
    class OwnError(Exception):
        pass

    error = OwnError("why")

    def function(inputs, outputs):
        raise error

    net.Python(function)([], [])

    with pytest.raises(OwnError) as raised:
        workspace.run(net)
    assert raised.value is error


def test_the_function_is_in_the_model_and_a_token_in_the_message(net):
    def function(inputs, outputs):
        pass

    add = net.Python(function)
    results = [add("x"), add("x", 2), net.Python(function)("x", 0)]

    assert results == ["n/Python", ("n/Python:0", "n/Python:1"), None]
    assert tokens_of(net) == ["function", "function", "function:1"]
    assert [op.function for op in net.to_model().ops] == [function] * 3


def test_gradient_indices_are_always_written(net):
    net.Python(len, grad_output_indices=[1])("x", [], extra=None)

    assert [arg.name for arg in net.Proto().op[0].arg] == ["grad_output_indices", "grad_input_indices", "token"]
    assert list(net.Proto().op[0].arg[0].ints) == [1]


def test_a_function_may_want_the_workspace(net, workspace):
    seen = []

    def function(inputs, outputs, ws):
        seen.append(ws)
        ws.feed_blob("fed", np.int64(3))

    net.Python(function, pass_workspace=True)([], [])
    workspace.run(net)

    assert seen == [workspace]
    assert workspace.fetch_blob("fed") == 3


def test_a_class_may_supply_the_functions(net, workspace):
    class Times:
        def __init__(self, factor):
            self.factor = factor

        def forward(self, inputs, outputs):
            outputs[0].feed(inputs[0].data * self.factor)

        def backward(self, inputs, outputs):
            raise AssertionError

    net.Python(3, python_func_type=Times)(net.Const(2.0), "y")
    workspace.run(net)

    assert tokens_of(net) == ["forward"]
    assert workspace.fetch_blob("y") == 6


def test_a_builder_is_pickled_with_its_arguments(net):
    net.Python((partial, (max, 1), {}), grad_f=(partial, (), {}), pass_workspace=True)("x", [])

    arguments = {arg.name: arg for arg in net.Proto().op[0].arg}
    assert pickle.loads(arguments["pickled_builder"].s) == (partial, (max, 1), {})
    assert pickle.loads(arguments["pickled_grad_builder"].s) == (partial, (), {})
    assert arguments["pass_workspace"].i == 1


@pytest.mark.parametrize(
    ("f", "grad_f", "error", "text"),
    [
        ((len, ()), None, BuildError, r"f must be \(builder, args, kwargs\), got \(<built-in function len>, \(\)\)"),
        ((len, (), {}), (len,), BuildError, "grad_f must be"),
        ((len, (), {}), len, BuildError, "grad_f must be"),
        (len, (len, (), {}), BuildError, "only grad_f is a tuple"),
        ("len", None, BuildTypeError, "expected a function, got 'len'"),
        ((len, (), {"x": (each for each in ())}), None, BuildTypeError, "cannot be pickled"),
    ],
    ids=["pair", "grad_pair", "grad_function", "grad_tuple", "text", "generator"],
)
def test_what_is_no_function_is_refused(f, grad_f, error, text, net):
    with pytest.raises(error, match=text):
        net.Python(f, grad_f)

    assert not net.Proto().op


@pytest.mark.parametrize(
    "other_net",
    [
        lambda net: net.Clone("c"),
        lambda net: Net("appended").AppendNet(net),
        lambda net: holding(then_net=net),
        lambda net: holding(then_nets=[net]),
    ],
    ids=["clone", "appended", "argument", "arguments"],
)
def test_a_function_lives_as_long_as_a_net_that_calls_it(other_net):
    net = Net("n")
    net.Python(lambda inputs, outputs: None)([], [])
    [token] = tokens_of(net)
    other = other_net(net)
    del net

    assert registered_function(token) is not None

    del other

    assert registered_function(token) is None


def holding(**arguments):
    """A net with an operator that has nets as arguments."""
    with fresh_names(NamingContext(caffe2=True)):
        net = Net("holding")
        net.If("c", [], **arguments)
        return net


# --- call -------------------------------------------------------------------------------------------------------------


def test_a_plain_function_is_called_with_arrays(net, workspace):
    x = net.Const([1.0, 2.0, 6.0])

    one = net.call(np.sum, x)
    two = net.call(lambda a: (a.min(), a.max()), x, outputs=["least", "most"])
    nothing = net.call(lambda a: None, x, outputs=0)
    workspace.run(net)

    assert (one, two, nothing) == ("n/Call:0", ("least", "most"), None)
    assert [workspace.fetch_blob(blob) for blob in (one, *two)] == [9.0, 1.0, 6.0]


def test_a_call_that_is_refused_holds_no_function(net):
    with pytest.raises(BuildError):
        net.call(len, BlobReference("x", net))

    net.call(len, "x")

    assert tokens_of(net) == ["len"]
