"""What the tasks of the program compute: plain functions of arrays.

They stand apart from the program so that it can be shipped to where it runs: what a script itself defines, nobody else
can import.
"""

import numpy as np
import numpy.typing as npt
from examples.flight_delays import flights, model

Values = npt.NDArray[np.float64]
Column = npt.NDArray[np.int32]

BANDS = ("on time or early", "up to 15 min", "up to 1 hour", "up to 3 hours", "more than that")
"""How late a plane leaves: the flights that are scored together, by the limits `flights.LATE_BY`."""


def no_sums() -> model.Moments:
    """What a trainer starts from."""
    return model.no_moments(len(flights.FEATURES))


def sums_of(*columns: Column) -> model.Moments:
    """All that a batch teaches."""
    return model.moments(*flights.features(flights.Batch(*columns)))


def learn(sums: model.Moments) -> tuple[int, model.Weights]:
    """How many flights were seen, and the weights that suit them best."""
    return model.rows_seen(sums), model.solve(sums)


def no_sums_by_band() -> Values:
    """What an evaluator starts from: sums for each of the bands."""
    return np.stack([no_sums() for _ in BANDS])


def sums_by_band(*columns: Column) -> Values:
    """All that is needed to score any weights on a batch, apart for each of the bands."""
    batch = flights.Batch(*columns)
    x, y = flights.features(batch)
    band = np.searchsorted(flights.LATE_BY, batch.dep_delay)
    return np.stack([model.moments(x[band == index], y[band == index]) for index in range(len(BANDS))])


def figures(by_band: Values, weights: model.Weights) -> Values:
    """A row for all flights and one for each band: how many, and the errors of the model, the mean and the shift."""
    return np.array([_row(sums, weights) for sums in (by_band.sum(axis=0), *by_band)])


def _row(sums: model.Moments, weights: model.Weights) -> tuple[float, ...]:
    rows = model.rows_seen(sums)
    return (rows, *(model.score(sums, weights, shifted=flights.DEPARTURE_DELAY) if rows else [np.nan] * 3))


def show_progress(learned_from: npt.NDArray[np.int64], weights: model.Weights, by_band: Values) -> None:
    """Print how good the weights are on what has been held out so far."""
    rows, error, mean, shift = figures(by_band, weights)[0]
    if learned_from and rows:
        print(
            f"learned from {learned_from:9,} flights; off by {error:5.2f} min on {rows:6,.0f} that were held out "
            f"(mean {mean:.2f}, shift {shift:.2f})",
            flush=True,
        )


def show_share(batches: npt.NDArray[np.int32]) -> None:
    """Print how much one of the trainers did."""
    print(f"a trainer has learned from {batches} batches", flush=True)
