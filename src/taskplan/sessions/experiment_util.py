"""The log of an experiment: one line a measurement, in a file and to other loggers."""

from __future__ import annotations

import csv
import io
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

logger = logging.getLogger("taskplan")


class ExternalLogger(ABC):
    """Another place that is to have what a `ModelTrainerLog` writes."""

    @abstractmethod
    def set_runtime_args(self, runtime_args: Mapping[str, Any]) -> None:
        """Take the arguments of the experiment; called once, before any measurement."""

    @abstractmethod
    def log(self, log_dict: Mapping[str, Any]) -> None:
        """Take one measurement."""


class ModelTrainerLog:
    """Writes the course of an experiment to `<expname>_<date>_<time>.log`, as CSV below one line with its arguments.

    Example::

        log = ModelTrainerLog("digits", {"batch": 64})
        log.log(input_count=6400, batch_count=100, additional_values={"loss": 0.4})

    Args:
        expname: the name of the experiment; the file is made in the folder that it says, or in the current one.
        runtime_args: what the experiment was started with.
        external_loggers: get the arguments, with the `experiment_id` among them, and each measurement. What they raise
            at a measurement is only logged.

    Attributes:
        experiment_id: the name with date and time.
        filename: the file.
    """

    def __init__(
        self, expname: str, runtime_args: Mapping[str, Any], external_loggers: Iterable[ExternalLogger] | None = None
    ) -> None:
        self.experiment_id = f"{expname}_{datetime.now():%Y%m%d_%H%M%S}"
        self.filename = f"{self.experiment_id}.log"
        self.external_loggers = list(external_loggers or ())
        self._has_header = False
        self._started_s = self._last_s = time.monotonic()
        self._last_input_count = 0
        self.logstr(f"# {runtime_args}")
        for external in self.external_loggers:
            external.set_runtime_args({**runtime_args, "experiment_id": self.experiment_id})

    def logstr(self, line: str) -> None:
        """Append a line to the file."""
        with open(self.filename, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        logger.info("%s", line)

    def log(self, input_count: int, batch_count: int, additional_values: Mapping[str, Any]) -> None:
        """Write one measurement; the first one determines the columns.

        Args:
            input_count: how many inputs there were since the beginning.
            batch_count: how many batches.
            additional_values: further columns, written in the order of their names.
        """
        now_s = time.monotonic()
        spent_s, new_inputs = now_s - self._last_s, input_count - self._last_input_count
        self._last_s, self._last_input_count = now_s, input_count
        row = {
            "time_spent": spent_s,
            "cumulative_time_spent": now_s - self._started_s,
            "input_count": new_inputs,
            "cumulative_input_count": input_count,
            "cumulative_batch_count": batch_count,
            "inputs_per_sec": new_inputs / spent_s if spent_s > 0 else 0.0,
            **{name: additional_values[name] for name in sorted(additional_values)},
        }
        if not self._has_header:
            self._has_header = True
            self.logstr(_csv_line(row))
        self.logstr(_csv_line(row.values()))
        for external in self.external_loggers:
            try:
                external.log(row)
            except Exception:
                logger.exception("%r raised and goes on to be called", external)


def _csv_line(values: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()
