"""The examples do what they say: each is run as people run it, and the main job is held to its figures."""

from __future__ import annotations

import math
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from examples import clean_readings, parameter_server
from examples.flight_delays import flights, model, program, report, work
from tests.examples.reading import batches_of

import taskplan
from taskplan import LocalSession, Workspace
from taskplan.cli import main as taskplan_command

EXAMPLES = Path(__file__).parents[2] / "examples"
MAIN_JOB = EXAMPLES / "flight_delays" / "program.py"
FEW_ROWS = 40_000
HANGS_AFTER_S = 120


@pytest.fixture(autouse=True)
def _like_a_new_program() -> Iterator[None]:
    with taskplan.fresh_names():
        yield
    taskplan.ResetWorkspace()


@pytest.fixture
def session() -> Iterator[LocalSession]:
    with LocalSession(Workspace(), timeout_s=HANGS_AFTER_S) as session:
        yield session


def run_main_job(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the main job as `make run` does, from another folder."""
    command = [sys.executable, str(MAIN_JOB), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=HANGS_AFTER_S, check=False)


@cache
def all_batches() -> list[flights.Batch]:
    """The batches of the file."""
    return batches_of(flights.data_file(), program.BATCH_ROWS)


def sums_of_batches(rows: int, *, held_out: bool) -> model.Moments:
    """What one loop over the file adds up."""
    batches = all_batches()[: math.ceil(rows / program.BATCH_ROWS)]
    chosen = (batch for number, batch in enumerate(batches) if flights.is_held_out(number) == held_out)
    return sum((work.sums_of(*batch) for batch in chosen), start=work.no_sums())


def test_hello_prints_the_sum(capsys):
    runpy.run_path(str(EXAMPLES / "hello.py"), run_name="__main__")

    assert capsys.readouterr().out == "10\n"


def test_retry_branches_prints_what_its_docstring_says(capsys):
    found = runpy.run_path(str(EXAMPLES / "retry_branches.py"), run_name="__main__")

    said = found["__doc__"].partition("::\n\n")[2]
    assert capsys.readouterr().out.split() == said.split()


def test_the_parameter_server_finds_the_line(capsys):
    runpy.run_path(str(EXAMPLES / "parameter_server.py"), run_name="__main__")

    *progress, end = capsys.readouterr().out.splitlines()
    assert progress[-1].startswith(f"step {parameter_server.STEPS}: ")
    assert end == "the server ends with 3.00 x + 2.00"


def test_the_closing_block_of_the_parameter_server_runs_though_a_worker_fails(session, capsys):
    def fails(worker: int, line: parameter_server.Values) -> tuple[parameter_server.Values, float]:
        raise ZeroDivisionError(f"worker {worker}")

    with pytest.raises(ZeroDivisionError):
        session.run(parameter_server.build(fails))

    assert "the server ends with 0.00 x + 0.00" in capsys.readouterr().out


def test_bad_readings_are_kept_aside_and_reported(tmp_path, capsys):
    clean_readings.main(folder=tmp_path)

    assert capsys.readouterr().out.splitlines() == [
        f"55 readings in {tmp_path / 'readings.parquet'}",
        f"5 bad rows in {tmp_path / 'bad_rows.csv'}:",
        "  line 9: column 'temperature_f' is '--', expected float32",
        "  line 15: column 'humidity' is '8O', expected float32",
        "  line 23: the row has 3 fields, expected 5",
        "  line 35: the row has 6 fields, expected 5",
        "  line 54: column 'temperature_f' is '1e', expected float32",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"readings.parquet", "bad_rows.csv"}


def test_clean_readings_are_in_celsius_and_in_the_order_of_the_file(session, tmp_path):
    found = []
    clean_readings.main(folder=tmp_path)
    with taskplan.TaskGroup() as group:
        stored = taskplan.ParquetReader(str(tmp_path / "readings.parquet"))
        taskplan.pipe(stored, taskplan.CallbackWriter(found.append))

    session.run(group)

    [batch] = found
    assert batch["taken"].tolist() == sorted(batch["taken"].tolist())
    assert np.nanmax(batch["celsius"]) < 20
    assert np.isnan(batch["celsius"]).sum() == 1
    assert np.isnan(batch["humidity"]).sum() == 1


@pytest.mark.parametrize("target", ["hello.py", "retry_branches.py", "parameter_server.py:build"])
def test_short_examples_pass_the_check(target):
    result = CliRunner().invoke(taskplan_command, ["check", str(EXAMPLES / target)])

    assert (result.exit_code, result.output) == (0, "no problems\n")


def test_the_main_job_passes_the_check():
    result = CliRunner().invoke(taskplan_command, ["check", f"{MAIN_JOB}:build"])

    assert (result.exit_code, result.output) == (0, "no problems\n")


def test_the_main_job_can_be_shown():
    result = CliRunner().invoke(taskplan_command, ["show", "--tree", f"{MAIN_JOB}:build"])

    assert result.exit_code == 0
    for part in ("node reader", "node trainer", "node evaluator", "num_concurrent_instances=2", "channel learned"):
        assert part in result.output


def test_the_main_job_predicts_better_than_the_mean_and_the_shift(tmp_path, record_property):
    ended = run_main_job(tmp_path)

    assert ended.returncode == 0, ended.stderr
    record_property("report", ended.stdout)
    with np.load(tmp_path / "out" / "flight_delays" / report.MODEL) as saved:
        weights, sums = saved["weights"], saved["sums"]
    held_out = sums_of_batches(program.ALL_ROWS, held_out=True)
    score = model.score(held_out, weights, shifted=flights.DEPARTURE_DELAY)
    assert score.of_mean <= 0.42
    assert score.below_shift >= 0.03
    assert model.rows_seen(sums) + model.rows_seen(held_out) == 327_346
    assert f"{score.model:6.2f} min  the model\n" in ended.stdout


def test_the_main_job_says_where_the_report_and_the_model_are(tmp_path):
    ended = run_main_job(tmp_path, "--rows", "20000", "--out", "here")

    assert ended.stdout.splitlines()[-2:] == [f"report: here/{report.REPORT}", f"model:  here/{report.MODEL}"]
    assert {path.name for path in (tmp_path / "here").iterdir()} == {report.REPORT, report.MODEL, "flights.parquet"}


def test_the_main_job_copies_the_flights_once_and_keeps_batches_in_order(tmp_path):
    first = run_main_job(tmp_path, "--rows", "20000")
    again = run_main_job(tmp_path, "--rows", "20000")

    assert first.stdout.startswith("copied the flights from CSV to ")
    assert "copied" not in again.stdout
    assert "; no batches out of order\n" in again.stdout


def test_the_copy_is_read_in_the_batches_in_which_the_file_is(session, tmp_path):
    found = []
    session.run(program.copying(tmp_path / "flights.parquet"))
    with taskplan.TaskGroup() as group:
        stored = program.stored(tmp_path / "flights.parquet")
        taskplan.pipe(stored, taskplan.CallbackWriter(lambda batch: found.append(flights.Batch._make(batch.values()))))

    session.run(group)

    np.testing.assert_equal(found, all_batches())


def test_a_main_job_without_held_out_flights_is_refused(tmp_path):
    ended = run_main_job(tmp_path, "--rows", "19999")

    assert ended.returncode == 2
    assert "19999 is not in the range" in ended.stderr


def test_trainers_add_up_what_one_loop_over_the_file_does(session):
    job = program.build(FEW_ROWS)
    session.run(job)

    outputs = session.outputs(job)

    np.testing.assert_allclose(outputs["sums"], sums_of_batches(FEW_ROWS, held_out=False), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(outputs["weights"], model.solve(outputs["sums"]))


def test_the_figures_of_all_flights_are_those_of_the_final_weights(session):
    job = program.build(FEW_ROWS)
    session.run(job)

    outputs = session.outputs(job)

    held_out = sums_of_batches(FEW_ROWS, held_out=True)
    expected = model.score(held_out, outputs["weights"], shifted=flights.DEPARTURE_DELAY)
    np.testing.assert_allclose(outputs["figures"][0], [model.rows_seen(held_out), *expected], rtol=1e-6)


def test_the_main_job_can_be_run_again(session):
    job = program.build(FEW_ROWS)
    session.run(job)
    first = session.outputs(job)["sums"]

    session.run(job)

    np.testing.assert_allclose(session.outputs(job)["sums"], first, rtol=1e-9, atol=1e-6)


def test_the_evaluator_reports_while_the_job_runs(session, capsys):
    session.run(program.build(FEW_ROWS))

    assert "that were held out (mean " in capsys.readouterr().out


def test_the_bands_of_a_batch_add_up_to_all_of_it():
    batch = all_batches()[0]

    by_band = work.sums_by_band(*batch)

    np.testing.assert_allclose(by_band.sum(axis=0), work.sums_of(*batch), rtol=1e-9)


def test_a_band_without_flights_is_left_out_of_the_table():
    figures = np.full((1 + len(work.BANDS), 4), 10.0)
    figures[2] = [0, np.nan, np.nan, np.nan]

    table = report.table(figures)

    assert work.BANDS[0] in table
    assert work.BANDS[1] not in table
