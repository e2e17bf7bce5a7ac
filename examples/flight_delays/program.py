"""Learn to predict arrival delays while the flights stream by, on three nodes that exchange data through channels.

::

    reader --- training ---> teach, two instances ---> add up --- learned ---> evaluator
       `-------------------------------- held_out ----------------------------^

`build` says what runs where; what the tasks compute are the plain functions in `work`. The first run copies the flights
from CSV to Parquet, which later runs read. From the repository's root::

    .venv/bin/python examples/flight_delays/program.py
    .venv/bin/taskplan show --tree examples/flight_delays/program.py:build
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before NumPy is loaded: trainers are threads, and if each of their matrix products had threads too, they would only
# fight for the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the repository, wherever this file is run from

import click
import numpy as np
from examples.flight_delays import flights, report, work

from taskplan import (
    BlobReference,
    Channel,
    DataType,
    LocalSession,
    Node,
    ParquetReader,
    ParquetWriter,
    ProcessSession,
    RaySession,
    ReaderWithLimit,
    SimulatedSession,
    Struct,
    TaskGroup,
    final_output,
    ops,
    pipe,
)

ALL_ROWS = 336_776
BATCH_ROWS = 2_000
TRAINERS = 2
REPORT_EVERY_MS = 250
SESSIONS = {"local": LocalSession, "simulated": SimulatedSession, "process": ProcessSession, "ray": RaySession}


def build(rows: int = ALL_ROWS, copy: Path | None = None) -> TaskGroup:
    """The program, for the first `rows` flights; its outputs are `sums`, `weights`, `figures` and `late_news`.

    It reads `copy`, as `copying` writes it, or without one the CSV file.
    """
    source = flights.reader(flights.data_file(), BATCH_ROWS) if copy is None else stored(copy)
    # A full channel makes its writer wait: memory stays small, however far ahead the reader could be.
    training, held_out, learned = (Channel(name, capacity=8) for name in ("training", "held_out", "learned"))
    with TaskGroup() as program:
        with Node("reader"):
            pipe(ReaderWithLimit(source, -(-rows // BATCH_ROWS)), processor=dealing(training, held_out), name="read")
        with Node("trainer"):
            # Each instance takes a batch that is free, and hands on what it teaches when all before it have done so.
            taught = pipe(training, processor=teach, num_runtime_threads=TRAINERS, ordered=True, capacity=8)
            pipe(taught, learned, processor=add_up)
        with Node("evaluator"):
            evaluate(held_out, learned)
    return program


def copying(copy: Path) -> TaskGroup:
    """Another program: it reads the CSV file, and writes a copy that is read in a fraction of the time."""
    with TaskGroup() as program:
        cleaned = pipe(flights.reader(flights.data_file(), BATCH_ROWS), name="clean")
        pipe(cleaned, ParquetWriter(str(copy), row_group_rows=10 * BATCH_ROWS), name="store")
    return program


def stored(copy: Path) -> ParquetReader:
    """A reader of the copy; batches are cut as they are from the CSV file."""
    return ParquetReader(str(copy), batch_size=BATCH_ROWS, schema=flights.SCHEMA)


def dealing(training: Channel, held_out: Channel) -> Callable[[Any], None]:
    """Deal out the flights: every tenth batch is held out, of the others each goes to a trainer that is free."""

    def deal(batch: Any) -> None:
        with ops.task_init():
            counter = ops.CreateCounter([])
        number = ops.CountUp(counter)
        numbered = Struct(("number", number)) + batch
        with ops.If(ops.call(flights.is_held_out, number)) as branch:
            held_out.writer().write(None, batch)
        with branch.Else():
            training.writer().write(None, numbered)

    return deal


def teach(batch: Any) -> Struct:
    """Work out what a batch teaches: nearly all of the time goes here."""
    with ops.task_instance_init():  # in each instance, for itself
        batches = ops.Const(0)
    ops.Add([batches, ops.Const(1)], [batches])
    with ops.task_instance_exit():
        ops.call(work.show_share, batches, outputs=0)
    _, *columns = batch.field_blobs()
    return Struct(("number", batch.number()), ("sums", ops.call(work.sums_of, *columns)))


def add_up(taught: Any) -> Struct:
    """Add up what batches teach, and tell after each batch what is known by now."""
    with ops.task_init():
        total = ops.call(work.no_sums)
        newest, late_news = ops.Const(-1, dtype=np.int64), ops.Const(0)
    ops.Add([total, taught.sums()], [total])
    ops.Add([late_news, ops.Cast(ops.LT([taught.number(), newest]), to=DataType.INT64)], [late_news])
    ops.Copy(taught.number(), newest)
    known, weights = ops.call(work.learn, total, outputs=2)
    with ops.task_exit():
        ops.Copy(ops.call(work.learn, total, outputs=2)[1], "weights")
        final_output([ops.Copy(total, "sums"), "weights", ops.Copy(late_news, "late_news")])
    return Struct(("flights", known), ("weights", weights))


def evaluate(held_out: Channel, learned: Channel) -> None:
    """Score the newest weights on everything that has been held out so far."""
    shared: dict[str, BlobReference] = {}

    def collect(batch: Any) -> None:
        with ops.local_init():  # once on this node, for both of its tasks
            shared["total"] = new_total(ops.call(work.no_sums_by_band))
            shared["known"], shared["weights"] = ops.call(work.learn, ops.call(work.no_sums), outputs=2)
        add_to(shared["total"], ops.call(work.sums_by_band, *batch.field_blobs()))

    def follow(news: Any) -> None:
        known, weights = shared["known"], shared["weights"]
        with ops.task_reporter(interval_ms=REPORT_EVERY_MS):
            ops.call(work.show_progress, known, weights, value_of(shared["total"]), outputs=0)
        ops.Copy(news.flights(), known)
        ops.Copy(news.weights(), weights)
        with ops.local_exit():  # both tasks have ended
            final_output(ops.Copy(ops.call(work.figures, value_of(shared["total"]), weights), "figures"))

    pipe(held_out, processor=collect)
    pipe(learned, processor=follow)


def new_total(zero: BlobReference) -> BlobReference:
    """A sum to which several can add: a queue with one place, so that who has taken the value out is alone with it."""
    total: BlobReference = ops.CreateBlobsQueue([], capacity=1, num_blobs=1)
    ops.EnqueueBlobs([total, zero], [zero])
    return total


def add_to(total: BlobReference, amount: BlobReference) -> BlobReference:
    """Add to a sum; returns what it is then."""
    value = ops.DequeueBlobs(total)
    ops.Add([value, amount], [value])
    return _put_back(total, value)


def value_of(total: BlobReference) -> BlobReference:
    """What a sum is now."""
    return _put_back(total, ops.DequeueBlobs(total))


def _put_back(total: BlobReference, value: BlobReference) -> BlobReference:
    copy: BlobReference = ops.Copy(value)
    ops.EnqueueBlobs([total, value], [value])
    return copy


@click.command()
@click.option(
    "--session",
    type=click.Choice([*SESSIONS]),
    default="local",
    show_default=True,
    help="Threads of this process, one step at a time under virtual time, a process for each node, or a Ray cluster.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of steps in a simulation.")
@click.option(
    "--rows",
    type=click.IntRange(min=flights.HELD_OUT_EVERY * BATCH_ROWS),
    default=ALL_ROWS,
    show_default=True,
    help="Read so many rows of the file, in whole batches.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/flight_delays"),
    show_default=True,
    help="Folder for the report and the model.",
)
def main(session: str, seed: int, rows: int, out: Path) -> None:
    """Learn to predict the arrival delays of the flights that left New York in 2013."""
    out.mkdir(parents=True, exist_ok=True)
    copy = out / "flights.parquet"
    with SESSIONS[session](seed=seed) as running:
        if not is_current(copy):
            seconds = seconds_of(running, copying(copy))
            print(f"copied the flights from CSV to {copy} in {seconds:.1f} s; from now on the copy is read")
        program = build(rows, copy)
        seconds = seconds_of(running, program)
        outputs = running.outputs(program)
    if isinstance(running, SimulatedSession):
        print(f"simulated as {running.token}")
    print(report.write(out, seconds, **outputs))


def is_current(copy: Path) -> bool:
    """Whether there is a copy, and it has the columns that this program reads."""
    return copy.exists() and ParquetReader(str(copy)).schema() == flights.SCHEMA


def seconds_of(session: LocalSession, program: TaskGroup) -> float:
    """How long a run takes."""
    began = time.perf_counter()
    session.run(program)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
