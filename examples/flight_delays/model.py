"""A linear model that learns online, from any number of trainers at once, and is exact at every moment.

Least squares needs only sums over the rows seen: of x times x, of x times y, of y times y. They are the *moments* of
the rows: one float64 matrix, with y as its last row and column. Sums can be taken in any order. So each trainer adds up
the moments of its own batches, and what they have together is what one trainer would have that saw every batch, to
rounding. The weights come from a small linear system, solved whenever somebody asks for them.

The same matrix scores, as the squared error of any weights on the rows seen is a quadratic form in it. So an evaluator
that adds up the moments of its batches can score the latest weights on everything held out so far.

The first feature must be 1 in every row; its moments are the number of rows and the sums of the other columns.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Moments = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float64]


class Score(NamedTuple):
    """Root mean squared errors on the same rows, in the unit of the target.

    Attributes:
        model: of the weights that are scored.
        mean: of predicting the mean of the target.
        shift: of predicting one feature plus the constant that suits these rows best.
    """

    model: float
    mean: float
    shift: float

    @property
    def of_mean(self) -> float:
        """The model's error as a fraction of the mean's."""
        return self.model / self.mean

    @property
    def below_shift(self) -> float:
        """By what fraction of the shift's error the model's is smaller."""
        return 1 - self.model / self.shift


def no_moments(width: int) -> Moments:
    """The moments of no rows, for ``width`` features."""
    return np.zeros((width + 1, width + 1))


def moments(x: Floats, y: Floats) -> Moments:
    """The moments of rows of features ``x`` with targets ``y``; those of two batches add up to those of both."""
    rows = np.concatenate((x, y[:, None]), axis=1, dtype=np.float64)
    return rows.T @ rows


def rows_seen(seen: Moments) -> int:
    """How many rows these are the moments of."""
    return round(float(seen[0, 0]))


def solve(seen: Moments, *, ridge: float = 1.0) -> Weights:
    """The weights that have the least squared error on the rows seen, plus ``ridge`` times their own squared length."""
    gram, moment = seen[:-1, :-1], seen[:-1, -1]
    return np.linalg.solve(gram + np.diag(np.full_like(moment, ridge)), moment).astype(np.float64)


def predict(x: Floats, weights: Weights) -> npt.NDArray[np.float64]:
    """The target that is expected for each row of features."""
    return x @ weights


def score(seen: Moments, weights: Weights, *, shifted: int) -> Score:
    """Compare weights with two simple predictions, each at its best on the rows seen.

    Args:
        seen: the moments of the rows to score on.
        weights: as ``solve`` returned them for other rows.
        shifted: the position of the feature that, plus a constant, is the second of the simple predictions.

    Raises:
        ValueError: no rows were seen.
    """
    if not rows_seen(seen):
        raise ValueError("there are no rows to score on")
    feature_sums, target_sum = seen[0, :-1], seen[0, -1]
    mean, shift = np.zeros_like(weights), np.zeros_like(weights)
    mean[0] = target_sum / seen[0, 0]
    shift[shifted] = 1
    shift[0] = (target_sum - feature_sums[shifted]) / seen[0, 0]
    return Score(_rmse(seen, weights), _rmse(seen, mean), _rmse(seen, shift))


def _rmse(seen: Moments, weights: Weights) -> float:
    residual = np.append(weights, -1)
    # Rounding can leave a perfect fit a little below zero.
    return float(np.sqrt(max(residual @ seen @ residual, 0) / seen[0, 0]))
