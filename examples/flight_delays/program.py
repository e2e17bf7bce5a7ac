"""Learn to predict arrival delays while the flights stream by, on three nodes that exchange data through channels.

::

    reader --- training ---> trainer, two instances --- learned ---> evaluator
       `-------------------------- held_out ---------------------------^

`build` says what runs where; what the tasks compute are the plain functions in `work`. From the repository's root::

    .venv/bin/python examples/flight_delays/program.py
    .venv/bin/taskplan show --tree examples/flight_delays/program.py:build
"""

import os
import sys
import time
from pathlib import Path

# Before NumPy is loaded: trainers are threads, and if each of their matrix products had threads too, they would only
# fight for the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the repository, wherever this file is run from

import click
from examples.flight_delays import flights, report, work

from taskplan import BlobReference, Channel, LocalSession, Node, SimulatedSession, Task, TaskGroup, final_output, ops

ALL_ROWS = 336_776
BATCH_ROWS = 2_000
TRAINERS = 2
REPORT_EVERY_MS = 1_000
SESSIONS = {"local": LocalSession, "simulated": SimulatedSession}


def build(rows: int = ALL_ROWS) -> TaskGroup:
    """The program, for the first `rows` rows of the file; its outputs are `sums`, `weights` and `figures`."""
    # A full channel makes its writer wait: memory stays small, however far ahead the reader could be.
    training = Channel("training", capacity=8, schema=flights.Batch._fields)
    held_out = Channel("held_out", capacity=8, schema=flights.Batch._fields)
    learned = Channel("learned", capacity=8, schema=["flights", "weights"])
    with TaskGroup() as program:
        with Node("reader"):
            read(rows, training, held_out)
        with Node("trainer"):
            train(training, learned)
        with Node("evaluator"):
            evaluate(held_out, learned)
    return program


def read(rows: int, training: Channel, held_out: Channel) -> None:
    """Deal out the flights: every tenth batch is held out, of the others each goes to a trainer that is free."""
    with Task(name="read"), ops.loop():
        # A function that keeps something between calls is given as what makes it, so that each run makes it anew.
        next_batch = ops.Python((work.open_batches, (flights.data_file(), rows, BATCH_ROWS), {}))
        *batch, is_held_out, at_end = next_batch([], len(flights.Batch._fields) + 2)
        ops.stop_if(at_end)
        with ops.If(is_held_out) as branch:
            held_out.writer().write(None, batch)
        with branch.Else():
            training.writer().write(None, batch)


def train(training: Channel, learned: Channel) -> None:
    """Add up what batches teach, in several instances at once, and tell after each batch what is known by now."""
    with Task(name="train", num_instances=TRAINERS):
        with ops.task_init():  # once, for all instances
            total = new_total(ops.call(work.no_sums))
        with ops.task_instance_init():  # in each instance, for itself
            batches = ops.Const(0)
        with ops.loop():
            ended, batch = training.reader().read()
            ops.stop_if(ended)
            so_far = add_to(total, ops.call(work.sums_of, *batch.field_blobs()))
            learned.writer().write(None, ops.call(work.learn, so_far, outputs=2))
            ops.Add([batches, ops.Const(1)], [batches])
        with ops.task_instance_exit():
            ops.call(work.show_share, batches, outputs=0)
        with ops.task_exit():
            # Of two instances that told at once, the later one may have known less. Now all is added up.
            sums = value_of(total)
            known, weights = ops.call(work.learn, sums, outputs=2)
            final_output([ops.Copy(sums, "sums"), ops.Copy(weights, "weights")])
            learned.writer().write(None, [known, weights])


def evaluate(held_out: Channel, learned: Channel) -> None:
    """Score the newest weights on everything that has been held out so far."""
    with Task(name="collect"):
        with ops.local_init():  # once on this node, for both of its tasks
            total = new_total(ops.call(work.no_sums_by_band))
            known, weights = ops.call(work.learn, ops.call(work.no_sums), outputs=2)
        with ops.loop():
            ended, batch = held_out.reader().read()
            ops.stop_if(ended)
            add_to(total, ops.call(work.sums_by_band, *batch.field_blobs()))
    with Task(name="follow"):
        with ops.task_reporter(interval_ms=REPORT_EVERY_MS):
            ops.call(work.show_progress, known, weights, value_of(total), outputs=0)
        with ops.loop():
            ended, news = learned.reader().read()
            ops.stop_if(ended)
            ops.Copy(news.flights(), known)
            ops.Copy(news.weights(), weights)
        with ops.local_exit():  # both tasks have ended
            final_output(ops.Copy(ops.call(work.figures, value_of(total), weights), "figures"))


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
    help="How to run: on threads of this process, or one step at a time under virtual time.",
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
    program = build(rows)
    with SESSIONS[session](seed=seed) as running:
        began = time.perf_counter()
        running.run(program)
        seconds = time.perf_counter() - began
        outputs = running.outputs(program)
    if isinstance(running, SimulatedSession):
        print(f"simulated as {running.token}")
    print(report.write(out, seconds, **outputs))


if __name__ == "__main__":
    main()
