"""The log of an experiment."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from taskplan.sessions.experiment_util import ExternalLogger, ModelTrainerLog

COLUMNS = [
    "time_spent",
    "cumulative_time_spent",
    "input_count",
    "cumulative_input_count",
    "cumulative_batch_count",
    "inputs_per_sec",
]


class Kept(ExternalLogger):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.runtime_args: Mapping[str, Any] = {}
        self.rows: list[Mapping[str, Any]] = []

    def set_runtime_args(self, runtime_args: Mapping[str, Any]) -> None:
        self.runtime_args = runtime_args

    def log(self, log_dict: Mapping[str, Any]) -> None:
        self.rows.append(log_dict)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_has_the_arguments_then_a_header_then_a_row_for_each_measurement(folder):
    log = ModelTrainerLog("digits", {"batch": 64})
    log.log(640, 10, {"loss": 0.5, "accuracy": 0.9})
    log.log(960, 15, {"loss": 0.25, "accuracy": 0.95})

    [path] = folder.iterdir()
    assert re.fullmatch(r"digits_\d{8}_\d{6}\.log", path.name)
    first, *table = path.read_text().splitlines()
    assert first == "# {'batch': 64}"
    rows = list(csv.DictReader(table))
    assert list(rows[0]) == [*COLUMNS, "accuracy", "loss"]
    assert [row["input_count"] for row in rows] == ["640", "320"]
    assert [row["cumulative_input_count"] for row in rows] == ["640", "960"]
    assert [row["cumulative_batch_count"] for row in rows] == ["10", "15"]
    assert [row["loss"] for row in rows] == ["0.5", "0.25"]


def test_times_add_up_and_give_the_rate():
    kept = Kept()
    log = ModelTrainerLog("digits", {}, [kept])

    log.log(100, 1, {})
    log.log(300, 2, {})

    first, second = kept.rows
    assert second["cumulative_time_spent"] == pytest.approx(first["time_spent"] + second["time_spent"])
    assert second["inputs_per_sec"] == pytest.approx(200 / second["time_spent"])


def test_values_with_commas_stay_in_their_column(folder):
    ModelTrainerLog("digits", {}).log(1, 1, {"shape": (2, 3)})

    [path] = folder.iterdir()
    [row] = csv.DictReader(path.read_text().splitlines()[1:])
    assert row["shape"] == "(2, 3)"


def test_external_loggers_get_the_arguments_with_the_experiments_id():
    kept = Kept()

    log = ModelTrainerLog("digits", {"batch": 64}, [kept])

    assert kept.runtime_args == {"batch": 64, "experiment_id": log.experiment_id}
    assert log.filename == f"{log.experiment_id}.log"


def test_what_an_external_logger_raises_is_only_logged(caplog):
    class Broken(Kept):
        def log(self, log_dict: Mapping[str, Any]) -> None:
            raise OSError("no connection")

    kept = Kept()
    log = ModelTrainerLog("digits", {}, [Broken(), kept])

    log.log(1, 1, {})

    assert len(kept.rows) == 1
    assert "no connection" in caplog.text


def test_an_external_logger_must_have_both_methods():
    class Half(ExternalLogger):
        def log(self, log_dict: Mapping[str, Any]) -> None: ...

    with pytest.raises(TypeError, match="set_runtime_args"):
        Half()  # type: ignore[abstract]
