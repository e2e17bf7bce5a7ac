"""What a run leaves behind: a few lines to read at once, a report, and the model."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from examples.flight_delays import flights, model
from examples.flight_delays.work import BANDS, Values

REPORT = "report.md"
MODEL = "model.npz"

PAGE = """# Arrival delays of flights that left New York in 2013

```text
{summary}
```

The error by how late the plane left the gate, in minutes. A bar of `#` is the model's; `-` is what the shift has more.
In each line the shift is the one that suits just these flights best, whereas the model is the same in all.

```text
{table}
```

`{model}` holds the `weights` of the `features`, and the `sums` that they were computed from, to go on learning.
"""


def write(
    folder: Path,
    seconds: float,
    *,
    sums: model.Moments,
    weights: model.Weights,
    figures: Values,
    late_news: npt.NDArray[np.int64],
) -> str:
    """Write the report and the model, each whole or not at all; returns the lines to read at once."""
    summary = summarised(figures, model.rows_seen(sums), seconds, int(late_news))
    page = PAGE.format(summary=summary, table=table(figures), model=MODEL)
    arrays = io.BytesIO()
    np.savez_compressed(arrays, features=flights.FEATURES, weights=weights, sums=sums)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / REPORT, page.encode())
    _replace(folder / MODEL, arrays.getvalue())
    return f"{summary}\nreport: {folder / REPORT}\nmodel:  {folder / MODEL}"


def summarised(figures: Values, learned_from: int, seconds: float, late_news: int) -> str:
    """How fast the run was, and how good the model is."""
    held_out, error, mean, shift = figures[0]
    rows = learned_from + held_out
    return f"""\
{rows:,.0f} flights in {seconds:.1f} s, {rows / seconds:,.0f} a second; {late_news or "no"} batches out of order
learned from {learned_from:,}, held out {held_out:,.0f}; root mean squared error on those held out:
  {error:6.2f} min  the model
  {mean:6.2f} min  predicting the mean: the model's is {error / mean:.3f} of that
  {shift:6.2f} min  the departure delay plus the best constant: the model's is {1 - error / shift:.1%} less"""


def table(figures: Values) -> str:
    """The errors of model and shift for each band, with a bar."""
    lines = [f"{'left late by':<16} {'flights':>7} {'model':>6} {'shift':>6}"]
    for band, (flights_, error, _mean, shift) in zip(("any", *BANDS), figures, strict=True):
        if flights_:
            bar = "#" * round(error) + "-" * (round(shift) - round(error))
            lines.append(f"{band:<16} {flights_:7,.0f} {error:6.2f} {shift:6.2f} {bar}")
    return "\n".join(lines)


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
