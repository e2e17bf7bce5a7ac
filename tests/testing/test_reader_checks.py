"""`check_reader` and `check_writer`: what passes, and what is found out."""

from __future__ import annotations

import numpy as np
import pytest

import taskplan as tp
from taskplan.testing import ReaderCheckError, WriterCheckError, check_reader, check_writer

N = tp.Struct(("n", np.int64))


def parts_of(*parts):
    class Parts:
        skipped = 0

        def parts(self):
            for part in parts:
                yield lambda part=part: (tuple(np.asarray(column) for column in batch) for batch in part)

    return Parts


READERS = {
    "counter": lambda: tp.CountUntil(7),
    "nothing": lambda: tp.CountUntil(0),
    "iterable": lambda: tp.IterableReader([[1], [2, 3]], N),
    "source of parts": lambda: tp.SourceReader(parts_of([([1],), ([2],)], [([3],)], []), N),
    "composite": lambda: tp.CompositeReader(["a", "b"], [tp.CountUntil(5), tp.CountUntil(5)]),
    "limit": lambda: tp.ReaderWithLimit(tp.CountUntil(9), 4),
    "processed": lambda: tp.pipe(tp.CountUntil(4), processor=lambda record: record, num_threads=0),
    "text": lambda: tp.IterableReader([("a",), ("ä",)], tp.Struct(("text", str)), rows=True, batch_size=1),
}


@pytest.mark.parametrize("name", READERS)
def test_readers_of_ours_pass(name):
    check_reader(READERS[name])


def test_what_one_instance_reads_comes_back():
    batches = check_reader(READERS["iterable"])

    assert [batch["n"].tolist() for batch in batches] == [[1], [2, 3]]


def test_readers_of_files_pass(tmp_path):
    path = str(tmp_path / "n.csv")
    with open(path, "w") as file:
        file.write("n\n" + "\n".join(map(str, range(10))))

    batches = check_reader(lambda: tp.CsvReader(path, N, batch_size=4))

    assert [batch["n"].tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


class ReadsOnWhereItWas(tp.Reader):
    """Keeps its place from run to run."""

    left = 5

    def __init__(self):
        super().__init__(N)

    def read(self, read_net):
        def next_number():
            self.left -= 1
            return max(self.left, 0), self.left < 0

        n, stop = read_net.call(next_number, outputs=2)
        return stop, [read_net.Cast([n], to=tp.DataType.INT64)]


def test_a_reader_that_does_not_begin_anew_is_found_out():
    with pytest.raises(
        ReaderCheckError, match="gave 0 records in the second of two runs of a group, in a LocalSession"
    ):
        check_reader(ReadsOnWhereItWas)


class CountsInEachInstance(tp.Reader):
    """Gives all records to each instance."""

    def __init__(self):
        super().__init__(N)

    def read_ex(self, local_init_net, local_finish_net):
        counter = local_init_net.CreateCounter([], init_count=0)
        net = tp.Net("read")
        n = net.CountUp([counter], 1)
        return [net], net.GE([n, net.Const(3, dtype=np.int64)]), [n]


def test_a_reader_that_gives_records_to_several_instances_is_found_out():
    with pytest.raises(ReaderCheckError, match="gave 12 records in 4 instances, in a LocalSession, and 3 at first"):
        check_reader(CountsInEachInstance)


class TellsNoSchema(ReadsOnWhereItWas):
    def __init__(self):
        tp.Reader.__init__(self)


def test_a_reader_without_a_schema_is_refused():
    with pytest.raises(AssertionError, match="Schema not provided"):
        check_reader(TellsNoSchema)


# --- writers ----------------------------------------------------------------------------------------------------------


def test_writers_of_files_pass(tmp_path):
    path = str(tmp_path / "n.parquet")

    def written():
        found: list[int] = []
        if (tmp_path / "n.parquet").exists():
            with tp.fresh_names(), tp.TaskGroup() as group:
                tp.pipe(tp.ParquetReader(path), tp.CallbackWriter(lambda record: found.extend(record["n"].tolist())))
            with tp.LocalSession(tp.Workspace()) as session:
                session.run(group)
        return found

    check_writer(lambda: tp.ParquetWriter(path), written)


def test_a_writer_that_shows_half_of_a_failed_run_is_found_out():
    found: list[int] = []

    with pytest.raises(WriterCheckError, match="after it"):
        check_writer(lambda: tp.CallbackWriter(lambda record: found.extend(record["n"].tolist())), lambda: found)


def test_a_writer_that_loses_rows_is_found_out():
    found: list[int] = []

    def every_other(record):
        if record["n"][0] % 2:
            found.extend(record["n"].tolist())

    with pytest.raises(WriterCheckError, match="after 1 instances wrote 0 to 19"):
        check_writer(lambda: tp.CallbackWriter(every_other), lambda: found)
