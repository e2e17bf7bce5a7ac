"""Datasets: columns of nested records, read in order, appended to, trimmed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.data.reading import all_read, copying, reading

import taskplan as tp
from taskplan import ops
from taskplan.builder.program import compile_group
from taskplan.builder.records import ConstRecord
from taskplan.builder.schema import List, Scalar, Struct, from_blob_list
from taskplan.data.dataset import Const, Dataset, execution_step_with_progress
from taskplan.data.pipeline import pipe
from taskplan.errors import BuildTypeError, BuildValueError, DtypeError, OperatorError, ShapeError

CARTS = Struct(("user", np.int64), ("carts", List(List(np.float32))))
ROWS = [[7, 8, 9], [2, 0, 2], [2, 1, 0, 1], [1.5, 2, 3, 4]]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    with tp.fresh_names(), tp.WorkspaceGuard(tp.Workspace()):
        yield


@pytest.fixture
def session() -> Iterator[Any]:
    with tp.LocalSession(tp.Workspace.current) as made:
        yield made


def filled(schema: Any = CARTS, rows: list[Any] = ROWS, name: str = "D") -> Dataset:
    """A dataset that was made empty and then written to, in the current workspace."""
    dataset, net = Dataset(schema, name=name), tp.Net("fill")
    dataset.init_empty(net)
    dataset.writer(net).write_record(net, ConstRecord(net, from_blob_list(schema, rows)))
    tp.RunNetOnce(net)
    return dataset


def numbers(*values: int, name: str = "D") -> Dataset:
    return filled(Struct(("n", np.int64)), [list(values)], name)


def held(dataset: Dataset) -> list[Any]:
    return [tp.FetchBlob(blob).tolist() for blob in dataset.get_blobs() or ()]


# --- reading in order -------------------------------------------------------------------------------------------------


def test_batches_come_in_order_then_empty_ones_with_stop_again_and_again() -> None:
    """Item 65, on the example of the specification."""
    init, read = tp.Net("init"), tp.Net("read")
    stop, batch = filled().reader(init, batch_size=2).read_record(read)
    tp.RunNetOnce(init)
    tp.CreateNet(read)

    seen = []
    for _ in range(4):
        tp.RunNet(read)
        seen.append([*(tp.FetchBlob(blob).tolist() for blob in batch.field_blobs()), bool(tp.FetchBlob(stop))])

    assert seen == [
        [[7, 8], [2, 0], [2, 1], [1.5, 2, 3], False],
        [[9], [2], [0, 1], [4], False],
        [[], [], [], [], True],
        [[], [], [], [], True],
    ]


def test_an_enforced_batch_size_makes_a_short_remainder_the_end(session: Any) -> None:
    """Item 69."""
    reader = filled().reader(batch_size=2, enforce_batch_size=True)

    assert all_read(reader, session) == [[[7, 8], [2, 0], [2, 1], [1.5, 2, 3]]]


def test_without_an_init_net_each_run_begins_at_the_first_record(session: Any) -> None:
    seen: list[Any] = []
    with tp.TaskGroup() as group:
        reading(numbers(1, 2, 3).reader(batch_size=2), seen)

    session.run(group)
    session.run(group)

    assert seen == [[[1, 2]], [[3]]] * 2


def test_with_an_init_net_the_cursor_goes_on_from_run_to_run(session: Any) -> None:
    dataset, init, seen = numbers(1, 2, 3), tp.Net("init"), []
    reader = dataset.reader(init)
    session.run(init)
    assert all_read(reader, session) == [[[1]], [[2]], [[3]]]

    dataset.writer(more := tp.Net("more")).write(more, [more.Const([4])])
    session.run(more)
    seen += all_read(reader, session)

    assert seen == [[[4]]]


def test_a_reset_lets_a_reader_begin_again(session: Any) -> None:
    init, again = tp.Net("init"), tp.Net("again")
    reader = numbers(1, 2).reader(init)
    reader.reset(again)
    session.run(init)
    first = all_read(reader, session)

    session.run(again)

    assert all_read(reader, session) == first == [[[1]], [[2]]]


@pytest.mark.parametrize("kind", [tp.WorkspaceType.GLOBAL, tp.WorkspaceType.PRIVATE])
def test_one_reader_serves_several_tasks_each_from_the_start(session: Any, kind: str) -> None:
    """Caffe2 emits the setup of a reader once, so that the second group finds no cursor."""
    reader = numbers(1, 2).reader()
    first: list[Any] = []
    second: list[Any] = []
    with tp.TaskGroup(kind) as group:
        reading(reader, first, name="first")
        reading(reader, second, name="second")

    session.run(group)

    assert first == second == [[[1]], [[2]]]


def test_instances_of_a_task_share_its_cursor(session: Any) -> None:
    reader = numbers(*range(50)).reader(batch_size=2)

    seen = all_read(reader, session, instances=3)

    assert sorted(n for [batch] in seen for n in batch) == [*range(50)]


def test_the_first_cursor_has_the_name_of_the_dataset_and_others_one_of_their_own() -> None:
    dataset = numbers(1)
    first, second, named = dataset.reader(), dataset.reader(), dataset.reader(cursor_name="mine")
    net = tp.Net("init")
    with tp.NameScope("scope"):
        for reader in (first, named, second):
            reader.setup_ex(net, net)
    other = tp.Net("other")
    second.setup_ex(other, other)

    assert [str(each.cursor) for each in (first, named)] == ["scope/D_cursor", "scope/mine"]
    assert str(second.cursor) not in ("scope/D_cursor", "D_cursor_auto_0")


def test_a_first_column_without_elements_in_its_rows_does_not_end_the_data(session: Any) -> None:
    """Caffe2 takes an empty first column for the end: of these 4 rows it delivers none."""
    tp.FeedBlob("wide", np.zeros((4, 0), np.float32))
    tp.FeedBlob("n", np.arange(4))
    fields = Struct(("wide", Scalar(blob=tp.BlobReference("wide"))), ("n", Scalar(blob=tp.BlobReference("n"))))

    seen = all_read(Dataset(fields).reader(batch_size=3), session)

    assert [n for _, n in seen] == [[0, 1, 2], [3]]


def test_records_whose_lists_are_empty_are_records(session: Any) -> None:
    schema = Struct(("tags", List(str)))

    assert all_read(filled(schema, [[0, 0], []]).reader(batch_size=2), session) == [[[0, 0], []]]


def test_a_reader_that_is_not_set_up_says_so() -> None:
    with pytest.raises(AssertionError, match="setup not called"):
        numbers(1).reader().read(tp.Net("read"))


# --- making datasets --------------------------------------------------------------------------------------------------


def test_two_datasets_of_two_nets_do_not_share_blobs() -> None:
    """Caffe2 gives both the same names, and the second overwrites the first."""
    first, second = numbers(1, name="first"), numbers(2, name="second")

    assert (held(first), held(second)) == ([[1]], [[2]])


def test_the_blobs_of_a_dataset_are_its_own_as_long_as_a_task_reads_it(session: Any) -> None:
    first: list[Any] = []
    second: list[Any] = []
    with tp.TaskGroup() as group:
        reading(numbers(1).reader(), first)
        gc.collect()
        reading(numbers(2).reader(), second)

    session.run(group)

    assert (first, second) == ([[[1]]], [[[2]]])


def test_a_dataset_is_made_of_names_of_columns_too() -> None:
    dataset = Dataset(["user", "carts:lengths", "carts:values"])

    assert dataset.fields == dataset.field_names() == ["user", "carts:lengths", "carts:values"]
    assert (dataset.name, dataset.field_blobs, dataset.get_blobs()) == ("dataset", None, None)


def test_types_are_an_attribute_and_can_be_called() -> None:
    """In Caffe2 the attribute hides the method."""
    dataset = Dataset(CARTS)

    assert dataset.field_types == dataset.field_types() == CARTS.field_types()


def test_lengths_are_put_before_their_values() -> None:
    assert Dataset(["carts:values", "carts:lengths"]).fields == ["carts:lengths", "carts:values"]


def test_a_record_gives_a_dataset_its_blobs() -> None:
    dataset = Dataset(Struct(("n", Scalar(np.int64, blob=tp.BlobReference("x")))))

    assert dataset.get_blobs() == ["x"]
    assert dataset.content().n() == "x"


@pytest.mark.parametrize("fields", [None, "user", [1], Scalar(np.int64)])
def test_what_is_neither_a_schema_nor_names_makes_no_dataset(fields: Any) -> None:
    with pytest.raises(
        BuildTypeError, match="a dataset is made of a Struct or a list of names of columns, got "
    ) as got:
        Dataset(fields)
    assert isinstance(got.value, AssertionError)


def test_a_dataset_without_blobs_cannot_be_used() -> None:
    dataset = Dataset(CARTS)

    with pytest.raises(TypeError, match=r"dataset 'dataset' has no blobs yet; call init_empty"):
        dataset.content()
    for use in (dataset.reader, dataset.random_reader, dataset.writer):
        with pytest.raises(AssertionError, match=r"^Dataset not initialized"):
            use()


class Column:
    """As a column of pandas, which NumPy does not know."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def to_numpy(self) -> Any:
        return np.array(self._values)


class Frame(dict[str, Any]):
    """As a data frame of pandas."""

    @property
    def columns(self) -> list[str]:
        return list(self)


def test_a_data_frame_is_fed_at_once(session: Any) -> None:
    dataset = Dataset(Struct(("n", np.int64), ("name", str), ("any", Scalar())))
    frame = Frame(a=Column(np.array([1, 2], np.int32)), b=np.array(["x", "é"], object), c=[0.5, 1])

    dataset.init_from_dataframe(tp.Net("frame"), frame)

    assert all_read(dataset.reader(batch_size=5), session) == [[[1, 2], [b"x", "é".encode()], [0.5, 1]]]
    assert tp.FetchBlob((dataset.get_blobs() or [""])[0]).dtype == np.int64


def test_a_data_frame_must_fit_the_schema() -> None:
    dataset = Dataset(Struct(("n", np.int64)))

    with pytest.raises(BuildValueError, match=r"has 2 columns, \['a', 'b'\], for 1 fields, \['n'\]"):
        dataset.init_from_dataframe(tp.Net("net"), Frame(a=[1], b=[2]))
    with pytest.raises(BuildTypeError, match="field 'n' is declared as int64, got a column of float64; convert it"):
        dataset.init_from_dataframe(tp.Net("net"), Frame(a=[1.5]))


def test_a_constant_is_fed_at_once() -> None:
    net = tp.Net("net")

    blob = Const(net, [1, 2], dtype=np.float32, name="w")

    assert str(blob) == "net/w"
    assert (tp.FetchBlob(blob).dtype, tp.FetchBlob(blob).tolist()) == (np.float32, [1, 2])
    assert not net.Proto().op
    with pytest.raises(BuildTypeError, match="expected a Net, got 'net'"):
        Const("net", 1)  # type: ignore[arg-type]


# --- writing ----------------------------------------------------------------------------------------------------------


def test_records_are_copied_by_several_instances_without_loss(session: Any) -> None:
    source, target, init = filled(rows=[[1] * 60, [1] * 60, [1] * 60, [2] * 60]), Dataset(CARTS), tp.Net("init")
    target.init_empty(init)
    session.run(init)
    with tp.TaskGroup() as group:
        copying(source.reader(batch_size=7), target.writer(), instances=4)

    session.run(group)

    assert held(target) == held(source)


def test_the_mutex_of_the_writers_of_a_dataset_has_the_line_of_the_first_of_them():
    """And not the line that compiles the group."""
    dataset = Dataset(Struct(("n", np.int64)))
    dataset.init_empty(tp.Net("init"))
    source = tp.IterableReader(range(3), dataset.schema, rows=True)
    with tp.TaskGroup() as group:
        pipe(source, dataset)
        line = sys._getframe().f_lineno - 1

    program, _ = compile_group(group, shared_nodes=False)

    [made] = [op for net in program.plans["local"].nets for op in net.ops if op.type == "CreateMutex"]
    assert (made.site.file, made.site.line) == (__file__, line)


@pytest.mark.parametrize("kind", [tp.WorkspaceType.GLOBAL, tp.WorkspaceType.PRIVATE])
def test_two_tasks_that_append_to_one_dataset_lose_no_record(session: Any, kind: str) -> None:
    """In Caffe2 each writer has a mutex of its own, and they overwrite each other's records."""
    target, init = Dataset(Struct(("n", np.int64))), tp.Net("init")
    target.init_empty(init)
    session.run(init)
    with tp.TaskGroup(kind) as group:
        for source in (numbers(*range(200), name="low"), numbers(*range(200, 400), name="high")):
            copying(source.reader(), target.writer(), name=source.name)

    session.run(group)

    assert sorted(held(target)[0]) == [*range(400)]
    plan = tp.Plan("all")
    plan.AddStep(group.to_task().get_step())
    calls = [op for net in plan.Proto().network for op in net.op]
    assert len({op.input[0] for op in calls if op.type == "AtomicAppend"}) == 1
    assert len([op for op in calls if op.type == "CreateMutex"]) == 1


def test_a_failed_write_changes_no_column() -> None:
    """Item 68, through a writer: the second column of the record does not fit."""
    fields = Struct(("a", Scalar()), ("b", Scalar()))
    dataset = filled(fields, [np.array([1.0], np.float32), np.array([[1.0, 2.0]], np.float32)])
    net = tp.Net("net")
    dataset.writer(net).write(net, [net.Const([2.0]), net.Const([3.0])])

    with pytest.raises(ShapeError, match=r"AtomicAppend: additions\[1\] has shape \(1,\)"):
        tp.RunNetOnce(net)

    assert held(dataset) == [[1], [[1, 2]]]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Struct(("other", np.int64)), r"has records of fields \(n: int64\).*got fields \(other: int64\)"),
        (Struct(("n", np.float64)), r"has records of fields \(n: int64\).*got fields \(n: float64\)"),
        (Struct(("n", np.int64), ("m", np.int64)), r"got fields \(n: int64, m: int64\)"),
    ],
)
def test_a_record_of_other_names_or_types_is_refused_while_building(record: Struct, message: str) -> None:
    """Item 75. Caffe2 writes it."""
    dataset, net = numbers(), tp.Net("net")
    writer = dataset.writer(net)

    with pytest.raises(BuildValueError, match=rf"^dataset 'D' .*{message}"):
        writer.write_record(net, tp.schema.NewRecord(net, record))


def test_a_record_whose_types_are_not_known_is_checked_in_the_run() -> None:
    """Item 75, on the first append: Caffe2 lets an empty column take on any type."""
    dataset, net = Dataset(Struct(("n", np.int64)), name="D"), tp.Net("net")
    dataset.init_empty(net)
    dataset.writer(net).write_record(net, Struct(("n", net.Const([1.5]))))

    with pytest.raises(DtypeError, match="field 'n' has dtype float32, expected int64; cast it"):
        tp.RunNetOnce(net)

    assert tp.FetchBlob((dataset.get_blobs() or [""])[0]).dtype == np.int64


def test_the_declared_inner_shape_holds_for_the_first_record_too() -> None:
    """Item 75."""
    dataset, net = Dataset(Struct(("m", Scalar((np.float32, (2,)))))), tp.Net("net")
    dataset.init_empty(net)
    dataset.writer(net).write(net, [net.Const([[1.0, 2.0, 3.0]])])

    with pytest.raises(ShapeError, match=r"field 'm' has shape \(1, 3\), expected \(n, 2\)"):
        tp.RunNetOnce(net)


def test_columns_of_no_declared_type_take_on_that_of_the_first_record() -> None:
    dataset = filled(Struct(("x", Scalar())), [np.array([b"text"], object)])

    assert held(dataset) == [[b"text"]]


def test_inconsistent_columns_are_refused_and_nothing_is_appended() -> None:
    """Item 67, through a writer."""
    dataset, net = filled(), tp.Net("net")
    blobs = [net.Const([1]), net.Const(np.array([1], np.int32)), net.Const(np.array([2], np.int32)), net.Const([1.0])]
    dataset.writer(net).write(net, blobs)

    with pytest.raises(OperatorError, match=r"CheckDatasetConsistency: field 'carts:values:values' has 1 entries"):
        tp.RunNetOnce(net)

    assert held(dataset) == ROWS


def test_negative_lengths_are_refused_by_the_writer() -> None:
    """Item 78."""
    dataset, net = filled(Struct(("x", List(np.int64))), [[1], [5]]), tp.Net("net")
    dataset.writer(net).write(net, [net.Const(np.array([4, -1], np.int32)), net.Const([1, 2, 3])])

    with pytest.raises(OperatorError, match="field 'x:lengths' holds a negative length, -1"):
        tp.RunNetOnce(net)


def test_a_record_of_another_number_of_fields_is_refused() -> None:
    dataset, net = numbers(), tp.Net("net")

    with pytest.raises(AssertionError, match=r"dataset 'D' has the 1 fields \['n'\], got 0 blobs, \[\]"):
        dataset.writer(net).write(net, [])


def test_a_writer_that_is_not_set_up_says_so() -> None:
    net = tp.Net("net")

    with pytest.raises(AssertionError, match="setup not called"):
        numbers().writer().write(net, [net.Const([1])])


def test_a_writer_with_an_init_net_is_set_up_there_only(session: Any) -> None:
    dataset, init = numbers(1), tp.Net("init")
    writer = dataset.writer(init)
    session.run(init)
    task_init, task_exit = tp.Net("task_init"), tp.Net("task_exit")

    writer.setup_ex(task_init, task_exit)

    assert [op.type for op in init.Proto().op] == ["CreateMutex"]
    assert not task_init.Proto().op
    with tp.TaskGroup() as group:
        copying(numbers(2, name="more").reader(), writer)
    session.run(group)
    assert held(dataset) == [[1, 2]]


def test_a_writer_is_set_up_by_a_net_outside_of_tasks() -> None:
    dataset, net = numbers(1), tp.Net("net")
    writer = dataset.writer()

    writer.setup_ex(net, net)
    writer.write(net, [net.Const([2])])
    tp.RunNetOnce(net)

    assert held(dataset) == [[1, 2]]


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_trimming_cuts_all_columns_to_a_multiple_of_records() -> None:
    """Item 71."""
    flat, nested, net = numbers(1, 2, 3, 4, 5, name="flat"), filled(name="nested"), tp.Net("net")
    flat.trim(net, multiple_of=2)
    nested.trim(net, multiple_of=2)

    tp.RunNetOnce(net)

    assert held(flat) == [[1, 2, 3, 4]]
    assert held(nested) == [[7, 8], [2, 0], [2, 1], [1.5, 2, 3]]


def test_a_record_that_is_appended_while_another_task_reads_is_read_whole_or_not_at_all() -> None:
    """Caffe2 guards nothing there."""
    for seed in range(10):
        schema = Struct(("x", List(np.int64)))
        dataset = filled(schema, [[1], [0]], name=f"D{seed}")
        seen: list[Any] = []
        more = filled(schema, [[2] * 6, [7] * 12], name=f"more{seed}")
        with tp.TaskGroup() as group:
            reading(dataset.reader(batch_size=3), seen)
            copying(more.reader(), dataset.writer())

        with tp.SimulatedSession(tp.Workspace.current, seed=seed) as session:
            session.run(group)

        assert all(sum(lengths) == len(values) for lengths, values in seen)
        assert held(dataset) == [[1] + [2] * 6, [0] + [7] * 12]


def test_progress_is_printed_while_substeps_run_at_once() -> None:
    first, second, init = tp.Net("first"), tp.Net("second"), tp.Net("init")

    step = execution_step_with_progress(
        "epoch", init, [tp.execution_step("a", first), tp.execution_step("b", second)], tp.BlobReference("rows")
    )

    assert step.Proto().concurrent_substeps
    assert step.Proto().report_interval == 5
    [report] = [net for net in step.Nets() if net.Proto().op]
    assert [(op.type, list(op.input)) for op in report.Proto().op] == [("Print", ["rows"])]


def test_a_dataset_stands_at_both_ends_of_a_pipe(session: Any) -> None:
    source, target, init = numbers(1, 2, 3), Dataset(Struct(("n", np.int64))), tp.Net("init")
    target.init_empty(init)
    session.run(init)

    def double(record: Any) -> Struct:
        return Struct(("n", ops.Add([record.n(), record.n()])))

    with tp.TaskGroup() as group:
        assert pipe(source, target, processor=double) is target
    session.run(group)
    session.run(group)

    assert held(target) == [[2, 4, 6] * 2]


def test_several_pipes_with_several_threads_write_all_records(session: Any) -> None:
    target, init = Dataset(Struct(("n", np.int64))), tp.Net("init")
    target.init_empty(init)
    session.run(init)
    with tp.TaskGroup() as group:
        pipe(numbers(*range(100), name="low").reader(batch_size=3), target, num_threads=3)
        pipe(numbers(*range(100, 200), name="high"), target.writer(), num_runtime_threads=3)

    session.run(group)

    assert sorted(held(target)[0]) == [*range(200)]
