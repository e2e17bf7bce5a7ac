"""Functions of the user as operators."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench, f32, i32

from taskplan.errors import DtypeError, OperatorError
from taskplan.operators.python import register_function
from taskplan.operators.run import UNSET
from taskplan.plan import functions
from taskplan.plan.types import DataType


@pytest.fixture
def bench() -> Bench:
    values = f32([1, 2, 3])
    values.flags.writeable = False
    return Bench({"x": values, "n": np.int64(4)})


# --- Python -----------------------------------------------------------------------------------------------------------


def test_an_output_becomes_what_was_fed_to_it(bench: Bench) -> None:
    fed = f32([7, 8])

    bench.run("Python", ["x"], ["y"], lambda inputs, outputs: outputs[0].feed(fed))
    fed[0] = 0

    assert bench.blobs["y"].tolist() == [7, 8]


def test_handles_show_arrays_also_of_rank_0(bench: Bench) -> None:
    seen: list[Any] = []

    bench.run("Python", ["x", "n"], [], lambda inputs, outputs: seen.extend(each.data for each in inputs))

    assert seen[0].tolist() == [1, 2, 3]
    assert isinstance(seen[1], np.ndarray)
    assert (seen[1].shape, seen[1].dtype) == ((), np.int64)


def test_an_input_cannot_be_written_into(bench: Bench) -> None:
    def write(inputs: list[Any], outputs: list[Any]) -> None:
        inputs[0].data[0] = 9

    with pytest.raises(ValueError, match=r"read-only"):
        bench.run("Python", ["x"], [], write)


def test_a_fetched_input_is_a_copy(bench: Bench) -> None:
    def write(inputs: list[Any], outputs: list[Any]) -> None:
        inputs[0].fetch()[0] = 9

    bench.run("Python", ["x"], [], write)

    assert bench.blobs["x"].tolist() == [1, 2, 3]


def test_an_input_in_place_can_be_written_into_and_leaves_the_old_value_alone(bench: Bench) -> None:
    old = bench.blobs["x"]

    def write(inputs: list[Any], outputs: list[Any]) -> None:
        inputs[0].data[0] = 9
        outputs[0].data[1] = 8

    bench.run("Python", ["x"], ["x"], write)

    assert bench.blobs["x"].tolist() == [9, 8, 3]
    assert old.tolist() == [1, 2, 3]


def test_an_output_that_is_left_alone_keeps_its_value(bench: Bench) -> None:
    bench.blobs["y"] = before = f32([5])

    bench.run("Python", ["x"], ["y", "z"], lambda inputs, outputs: None)

    assert bench.blobs["y"] is before
    assert bench.blobs["z"] is UNSET


def test_what_the_function_returns_is_ignored(bench: Bench) -> None:
    bench.run("Python", ["x"], ["y"], lambda inputs, outputs: False)

    assert bench.blobs["y"] is UNSET


@pytest.mark.parametrize("dtype", [DataType.INT64, np.int64, "i8"])
def test_an_output_can_be_made_and_then_filled(bench: Bench, dtype: Any) -> None:
    def fill(inputs: list[Any], outputs: list[Any]) -> None:
        outputs[0].init([2, 2], dtype)
        outputs[0].data[...] = [[1, 2], [3, 4]]

    made = bench.run("Python", [], ["y"], fill)

    assert made.tolist() == [[1, 2], [3, 4]]
    assert made.dtype == np.int64


def test_a_made_output_of_strings_holds_empty_ones(bench: Bench) -> None:
    made = bench.run("Python", [], ["y"], lambda inputs, outputs: outputs[0].init([2], DataType.STRING))

    assert made.tolist() == [b"", b""]


def test_an_output_is_not_made_of_a_type_that_no_tensor_has(bench: Bench) -> None:
    with pytest.raises(DtypeError, match=r"99"):
        bench.run("Python", [], ["y"], lambda inputs, outputs: outputs[0].init([2], 99))


def test_reshaping_keeps_as_many_elements_and_otherwise_begins_with_zeros(bench: Bench) -> None:
    bench.blobs |= {"y": i32([1, 2, 3, 4]), "z": i32([1, 2])}

    def reshape(inputs: list[Any], outputs: list[Any]) -> None:
        outputs[0].reshape([2, 2])
        outputs[1].reshape(inputs[0].shape)
        outputs[2].reshape([1])

    y, z, fresh = bench.run("Python", ["x"], ["y", "z", "fresh"], reshape)

    assert y.tolist() == [[1, 2], [3, 4]]
    assert (z.tolist(), z.dtype) == ([0, 0, 0], np.int32)
    assert (fresh.tolist(), fresh.dtype) == ([0], np.float32)


def test_an_array_that_the_function_kept_cannot_be_written_into_afterwards(bench: Bench) -> None:
    kept: list[Any] = []

    def keep(inputs: list[Any], outputs: list[Any]) -> None:
        outputs[0].init([2], DataType.FLOAT)
        kept.append(outputs[0].data)

    bench.run("Python", [], ["y"], keep)

    with pytest.raises(ValueError, match=r"read-only"):
        kept[0][0] = 1


def test_an_output_of_rank_0_is_stored_as_a_scalar(bench: Bench) -> None:
    made = bench.run("Python", [], ["y"], lambda inputs, outputs: outputs[0].feed(np.array(3, np.int32)))

    assert type(made) is np.int32


def test_strings_are_fed_as_bytes(bench: Bench) -> None:
    made = bench.run("Python", [], ["y"], lambda inputs, outputs: outputs[0].feed(["a", b"b\0"]))

    assert made.dtype == object
    assert made.tolist() == [b"a", b"b\0"]


@pytest.mark.parametrize("data", [np.ones(1, np.complex64), np.array([object()]), None, [[1], [1, 2]]])
def test_only_tensors_can_be_fed(bench: Bench, data: Any) -> None:
    with pytest.raises(DtypeError, match=r"'y'"):
        bench.run("Python", [], ["y"], lambda inputs, outputs: outputs[0].feed(data))


def test_foreign_byte_order_is_converted(bench: Bench) -> None:
    made = bench.run("Python", [], ["y"], lambda inputs, outputs: outputs[0].feed(np.array([1, 2], ">i4")))

    assert made.dtype.isnative
    assert made.tolist() == [1, 2]


def test_the_workspace_comes_third_if_asked_for(bench: Bench) -> None:
    seen: list[Any] = []

    bench.run("Python", [], [], lambda inputs, outputs, ws: seen.append(ws), pass_workspace=True)

    assert seen == [bench.workspace]


def test_an_exception_of_the_function_is_raised_as_it_is(bench: Bench) -> None:
    def divide(inputs: list[Any], outputs: list[Any]) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match=r"^mine$"):
        bench.run("Python", ["x"], [], divide)


@pytest.mark.parametrize("kind", ["Python", "Call"])
def test_a_function_gets_tensors_only(bench: Bench, kind: str) -> None:
    bench.run("CreateCounter", [], ["c"])
    called: list[Any] = []

    with pytest.raises(OperatorError, match=rf"^{kind}: input 'c' holds"):
        bench.run(kind, ["c"], [], lambda *args: called.append(args))
    with pytest.raises(OperatorError, match=rf"^{kind}: input 'missing' was never written"):
        bench.run(kind, ["missing"], [], lambda *args: called.append(args))

    assert not called


def test_a_builder_is_called_once_an_instance(bench: Bench) -> None:
    built: list[tuple[Any, ...]] = []

    def build(start: int, *, step: int) -> Callable[..., None]:
        built.append((start, step))
        return lambda inputs, outputs: outputs[0].feed(np.array([start + step]))

    for _ in range(2):
        instance = bench.instance("Python", [], ["y"], (build, (1,), {"step": 2}))
        instance()
        instance()

    assert built == [(1, 2), (1, 2)]
    assert bench.blobs["y"].tolist() == [3]


def test_a_builder_has_to_return_a_function(bench: Bench) -> None:
    with pytest.raises(OperatorError, match=r"a builder has to return one"):
        bench.run("Python", [], [], (lambda: 5, (), {}))


def double(scale: int) -> Callable[..., None]:
    return lambda inputs, outputs: outputs[0].feed(inputs[0].data * scale)


def test_a_pickled_builder_is_read_from_the_argument(bench: Bench) -> None:
    pickled = functions.dumps((double, (2,), {}))

    assert bench.run("Python", ["x"], ["y"], pickled_builder=pickled).tolist() == [2, 4, 6]


def test_an_operator_with_only_a_token_finds_the_registered_function(bench: Bench) -> None:
    function = double(3)
    register_function("tests/triple", function)

    assert bench.run("Python", ["x"], ["y"], token="tests/triple").tolist() == [3, 6, 9]


def test_a_registered_function_lives_as_long_as_somebody_holds_it(bench: Bench) -> None:
    function = double(3)
    register_function("tests/gone", function)
    del function
    gc.collect()

    with pytest.raises(OperatorError, match=r"no function is known by token 'tests/gone'"):
        bench.run("Python", ["x"], ["y"], token="tests/gone")


# --- Call -------------------------------------------------------------------------------------------------------------


def test_a_plain_function_gets_arrays_and_returns_one(bench: Bench) -> None:
    result = bench.run("Call", ["x", "n"], ["y"], lambda x, n: x * n)

    assert result.tolist() == [4, 8, 12]


def test_a_plain_function_returns_a_tuple_for_several_outputs(bench: Bench) -> None:
    total, doubled = bench.run("Call", ["x"], ["total", "doubled"], lambda x: (x.sum(), x * 2))

    assert type(total) is np.float32
    assert doubled.tolist() == [2, 4, 6]


def test_a_plain_function_may_return_nothing_for_no_output(bench: Bench) -> None:
    seen: list[float] = []

    bench.run("Call", ["x"], [], lambda x: seen.extend(x.tolist()))

    assert seen == [1, 2, 3]


def test_python_numbers_that_a_function_returns_become_scalars(bench: Bench) -> None:
    a, b, c = bench.run("Call", [], ["a", "b", "c"], lambda: (True, 2, 0.5))

    assert [type(value) for value in (a, b, c)] == [np.bool_, np.int64, np.float64]


@pytest.mark.parametrize(
    ("returned", "outputs", "expected"),
    [
        (None, ["y"], "one array or number"),
        ((1, 2), ["y"], "one array or number"),
        (1, ["y", "z"], "a tuple of 2"),
        (1, [], "None"),
    ],
)
def test_a_plain_function_returns_as_many_values_as_there_are_outputs(
    bench: Bench, returned: Any, outputs: list[str], expected: str
) -> None:
    with pytest.raises(OperatorError, match=rf"^Call: the function must return {expected}, it returned"):
        bench.run("Call", [], outputs, lambda: returned)


def test_what_a_plain_function_returns_stays_its_own(bench: Bench) -> None:
    """A function that updates its own array in place must not change a value that a blob holds."""
    state = np.zeros(2)

    def step() -> Any:
        state[...] += 1
        return state

    first = bench.run("Call", [], ["y"], step)
    second = bench.run("Call", [], ["y"], step)

    assert (first.tolist(), second.tolist()) == ([1, 1], [2, 2])


def test_a_plain_function_cannot_write_into_what_it_gets(bench: Bench) -> None:
    def write(x: Any) -> Any:
        x += 1
        return x

    bench.blobs["x"] = f32([1])

    with pytest.raises(ValueError, match=r"read-only"):
        bench.run("Call", ["x"], ["y"], write)


def test_a_plain_function_returns_tensors_only(bench: Bench) -> None:
    with pytest.raises(DtypeError, match=r"^Call: blob 'y'"):
        bench.run("Call", [], ["y"], object)
