"""Programs that move records, written for Caffe2: its modules are there, and do what they did."""

from __future__ import annotations

from tests.caffe2.running import printed

STORE = '''
import numpy as np
from caffe2.python import core, workspace
from caffe2.python.dataset import Dataset
from caffe2.python.net_builder import ops
from caffe2.python.schema import ConstRecord, FeedRecord, FetchRecord, List, NewRecord, Struct, from_blob_list
from caffe2.python.session import LocalSession
from caffe2.python.task import TaskGroup, WorkspaceType, final_output
from caffe2.python.pipeline import NetProcessor, pipe, pipe_and_output

ws = workspace.C.Workspace()
session = LocalSession(ws)


def ten_rows():
    """A dataset of the numbers from 0 to 9."""
    values = Struct(("label", np.arange(10)))
    with core.NameScope("ten"):
        blobs = NewRecord(core.Net("ten"), values)
    FeedRecord(blobs, values, ws)
    return Dataset(blobs)


def empty(name):
    """A dataset without rows."""
    init = core.Net(name)
    with core.NameScope(name):
        made = Dataset(Struct(("label", np.int64)))
        made.init_empty(init)
    session.run(init)
    return made


def labels(dataset):
    return FetchRecord(dataset.content(), ws).label().tolist()
'''


def test_records_go_through_instances_and_a_queue_and_are_counted_on_the_way():
    lines = printed(f"""{STORE}
def counting(record):
    with ops.task_init():
        rows, instances = ops.CreateCounter([], ["rows"]), ops.CreateCounter([], ["instances"])
    ops.CountUp(rows)
    with ops.task_instance_exit():
        ops.CountUp(instances)
    with ops.task_exit():
        counts.append(final_output(ops.RetrieveCount(rows)))
        counts.append(final_output(ops.RetrieveCount(instances)))
    return record


counts = []
target = empty("target")
with TaskGroup() as group:
    queue = pipe(ten_rows().reader(), processor=counting, num_runtime_threads=3, capacity=5)
    pipe(queue, target.writer(), num_runtime_threads=2)
session.run(group)
print(sorted(labels(target)), [int(count.fetch()) for count in counts])
""")

    assert lines == ["[0, 1, 2, 3, 4, 5, 6, 7, 8, 9] [10, 3]"]


def test_records_are_taken_from_a_queue_in_batches():
    """The example of queues."""
    lines = printed(f"""{STORE}
from caffe2.python.queue_util import Queue


def shown(record):
    ops.Python(lambda inputs, outputs: print(inputs[0].data.tolist()))([record.label()], [])
    return record


target = empty("target")
queue = Queue(capacity=4, num_dequeue_records=3)
with TaskGroup() as group:
    pipe(ten_rows().reader(), output=queue)
    pipe(queue, target.writer(), processor=shown)
session.run(group)
""")

    assert lines == ["[0, 1, 2]", "[3, 4, 5]", "[6, 7, 8]", "[9]"]


def test_a_limit_over_a_kept_cursor_reads_on_with_each_run():
    lines = printed(f"""{STORE}
from caffe2.python.dataio import ReaderWithLimit

init = core.Net("init")
limited = ReaderWithLimit(ten_rows().reader(init, batch_size=2), num_iter=3)
session.run(init)
target = empty("target")
with TaskGroup(WorkspaceType.GLOBAL) as group:
    pipe(limited, target.writer())
for _ in range(2):
    session.run(group)
    print(labels(target), ws.blobs[str(limited.data_finished())].fetch())
""")

    assert lines == ["[0, 1, 2, 3, 4, 5] False", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9] True"]


def test_nested_records_are_cut_in_all_columns_alike():
    """The example of datasets."""
    lines = printed(f"""{STORE}
schema = Struct(("user", np.int64), ("carts", List(List(np.float32))))
fill, init, read = core.Net("fill"), core.Net("init"), core.Net("read")
dataset = Dataset(schema, name="D")
dataset.init_empty(fill)
columns = [[7, 8, 9], [2, 0, 2], [2, 1, 0, 1], [1.5, 2.0, 3.0, 4.0]]
rows = from_blob_list(schema, [np.array(each, leaf.base) for each, leaf in zip(columns, schema.field_types())])
dataset.writer(fill).write_record(fill, ConstRecord(fill, rows))
stop, batch = dataset.reader(init, batch_size=2).read_record(read)
session.run(fill)
session.run(init)
for _ in range(3):
    session.run(read)
    print([column.tolist() for column in FetchRecord(batch, ws).field_blobs()], ws.blobs[str(stop)].fetch())
""")

    assert lines == [
        "[[7, 8], [2, 0], [2, 1], [1.5, 2.0, 3.0]] False",
        "[[9], [2], [0, 1], [4.0]] False",
        "[[], [], [], []] True",
    ]


def test_pipes_double_what_they_read():
    """The example of pipelines."""
    lines = printed(f"""{STORE}
def double(record):
    return Struct(("label", ops.Add([record.label(), record.label()], 1)))


source, target = ten_rows(), empty("target")
with TaskGroup() as group:
    queue = pipe(source.reader(batch_size=4), processor=double, num_runtime_threads=2, capacity=8, name="double")
    pipe(queue, target.writer(), name="sink")
session.run(group)
print(sorted(labels(target)), [task.name for task in group.tasks()])

net = core.Net("net")
given = net.set_input_record(Struct(("label", np.int64)))
net.set_output_record(Struct(("label", net.Add([given.label(), given.label()], 1))))
second = empty("second")
with TaskGroup() as group:
    composed = pipe(source.reader(), processor=double, num_threads=0)
    _, last = pipe_and_output(composed, second.writer(), processor=NetProcessor(net), final_outputs="nothing")
with core.NameScope("x"):
    print(type(composed).__name__, last.names)
""")

    assert lines == [
        "[0, 2, 4, 6, 8, 10, 12, 14, 16, 18] ['local/double', 'local/sink']",
        "ProcessingReader ['nothing']",
    ]


def test_databases_are_written_and_read_entry_by_entry():
    lines = printed("""
        import os, tempfile
        from caffe2.python import workspace
        C = workspace.C
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rows.db")
            db = C.create_db("minidb", path, C.Mode.new)
            transaction = db.new_transaction()
            for number in range(3):
                transaction.put(f"row {number}", f"{number}")
            transaction.commit()
            db.close()
            cursor = C.create_db("minidb", path, C.Mode.read).new_cursor()
            while cursor.valid():
                print(cursor.key(), cursor.value())
                cursor.next()
        print(C.create_db("nosuchdb", path, C.Mode.read))
    """)

    assert lines == ["b'row 0' b'0'", "b'row 1' b'1'", "b'row 2' b'2'", "None"]


def test_all_modules_of_the_data_side_are_there():
    lines = printed("""
        from caffe2.python import cached_reader, data_workers, dataio, dataset, db_file_reader, pipeline, queue_util
        from caffe2.python import record_queue, text_file_reader
        from caffe2.python.dataio import CompositeReader, CompositeReaderBuilder, CounterReader, CountUntil, Pipe
        from caffe2.python.dataio import PipedReaderBuilder, Reader, ReaderBuilder, ReaderWithDelay, ReaderWithLimit
        from caffe2.python.dataio import ReaderWithLimitBase, ReaderWithTimeLimit, Writer
        from caffe2.python.pipeline import DEFAULT_QUEUE_CAPACITY, Output, processor_name
        print(DEFAULT_QUEUE_CAPACITY)
    """)

    assert lines == ["100"]
