"""Clean a CSV file of weather readings into Parquet; rows that are no readings are kept aside, counted, and reported.

::

    readings.csv ---> rows that are whole ---> to Celsius, two instances, in order ---> readings.parquet
                 `--> bad_rows.csv

A row is bad if it lacks a field or has one too many, or if a number is none. What is missing is no mistake: it stays
missing. Both files appear when all has been read, or not at all.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from taskplan import (
    BatchFunction,
    CsvReader,
    LocalSession,
    ParquetWriter,
    Struct,
    TaskGroup,
    TaskOutput,
    Workspace,
    final_output,
    ops,
    pipe,
)

READINGS = Path(__file__).with_name("readings.csv")
RAW = Struct(("station", str), ("taken", str), ("temperature_f", np.float32), ("humidity", np.float32), ("note", str))
CLEAN = Struct(("station", str), ("taken", str), ("celsius", np.float32), ("humidity", np.float32))
NO_SENSOR_READS_ABOVE_F = 150


def to_celsius(batch: dict[str, Any]) -> dict[str, Any]:
    """The readings in Celsius; what no sensor can have read is taken as missing."""
    fahrenheit = np.where(batch["temperature_f"] > NO_SENSOR_READS_ABOVE_F, np.nan, batch["temperature_f"])
    celsius = ((fahrenheit - 32) / 1.8).astype(np.float32)
    return {"station": batch["station"], "taken": batch["taken"], "celsius": celsius, "humidity": batch["humidity"]}


def build(source: Path, folder: Path) -> tuple[TaskGroup, TaskOutput]:
    """The program, and its output: how many rows were read, and how many were bad."""
    lines = CsvReader(str(source), RAW, batch_size=16, bad_rows=str(folder / "bad_rows.csv"))

    def counted(batch: Any) -> Any:
        with ops.task_exit():
            _batches, rows, skipped = lines.counts(ops.net())
            counts.append(final_output([rows, skipped]))
        return batch

    counts: list[TaskOutput] = []
    with TaskGroup() as program:
        read = pipe(lines, processor=counted, name="read", capacity=4)
        clean = pipe(read, processor=BatchFunction(to_celsius, CLEAN), num_runtime_threads=2, ordered=True)
        pipe(clean, ParquetWriter(str(folder / "readings.parquet")), name="write")
    return program, counts[0]


def main(source: Path = READINGS, folder: Path = Path("out/clean_readings")) -> None:
    """Clean the file, and say what came of it."""
    folder.mkdir(parents=True, exist_ok=True)
    program, counts = build(source, folder)
    with LocalSession(Workspace()) as session:
        session.run(program)
    good, bad = (int(count) for count in counts.fetch())
    print(f"{good} readings in {folder / 'readings.parquet'}")
    print(f"{bad} bad rows in {folder / 'bad_rows.csv'}:")
    with (folder / "bad_rows.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            print(f"  line {row['line']}: {row['reason'].partition(', in ')[0]}")


if __name__ == "__main__":
    main()
