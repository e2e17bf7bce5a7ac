"""The flights of a file, batch by batch, for tests."""

from __future__ import annotations

from pathlib import Path

from examples.flight_delays import flights

import taskplan as tp


def batches_of(path: Path, rows: int) -> list[flights.Batch]:
    """All batches of a CSV file, `rows` flights each."""
    found: list[flights.Batch] = []
    with tp.fresh_names(), tp.TaskGroup() as group:
        tp.pipe(
            flights.reader(path, rows),
            tp.CallbackWriter(lambda batch: found.append(flights.Batch._make(batch.values()))),
        )
    with tp.LocalSession(tp.Workspace()) as session:
        session.run(group)
    return found
