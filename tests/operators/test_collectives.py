"""Collective operations without an engine: one object for all nodes, and one a node with messages between them."""

from __future__ import annotations

import pickle
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.operators.fake_run import Bench, WouldWaitError, f32, i32

from taskplan.errors import ArgumentError, DtypeError, OperatorError
from taskplan.operators.collective_objects import (
    Collective,
    CollectiveMessage,
    Failure,
    Fold,
    Offer,
    Partial,
    Result,
    Seat,
    seat_of,
)
from taskplan.operators.collectives import REDUCTIONS, folded
from taskplan.operators.inference import TensorSpec
from taskplan.operators.registry import declaration
from taskplan.operators.waiting import NOT_YET
from taskplan.plan.model import CollectiveDef

FOLDS = {"sum": np.add, "mean": np.add, "min": np.minimum, "max": np.maximum}


def allreduce_of(*parties: int, reduction: str = "sum") -> CollectiveDef:
    nodes = tuple(f"n{number}" for number in range(len(parties)))
    return CollectiveDef("grads", "allreduce", nodes, parties, reduction)


def in_canonical_order(definition: CollectiveDef, given_by_node: dict[str, list[Any]]) -> Any:
    """The result as it is documented, without anything that is under test."""
    fold = FOLDS[definition.reduction]
    parts = [reduce(fold, sorted(given_by_node[node], key=lambda each: each.tobytes())) for node in definition.nodes]
    total = reduce(fold, parts)
    return total / total.dtype.type(sum(definition.parties)) if definition.reduction == "mean" else total


# --- a network of parties ---------------------------------------------------------------------------------------------


@dataclass
class Party:
    """Takes part in one round after the other; `outcomes` has what these came to, up to a failure."""

    name: str
    node: str
    gives: Sequence[tuple[Any, ...] | None]
    outcomes: list[Result | Failure] = field(default_factory=list)
    number: int = 0
    fold: Fold | None = None

    @property
    def ended(self) -> bool:
        return len(self.outcomes) == len(self.gives) or (bool(self.outcomes) and isinstance(self.outcomes[-1], Failure))


class Network:
    """Nodes whose messages keep their order between two of them, and none besides."""

    def __init__(self, definition: CollectiveDef, *, apart: bool) -> None:
        self.definition = definition
        self.lines: dict[tuple[str, str], deque[bytes]] = {}
        whole = Collective(definition, definition.nodes[0])
        self.objects = {
            node: Collective(definition, node, self._sender(node)) if apart else whole for node in definition.nodes
        }

    def _sender(self, source: str) -> Callable[[str, CollectiveMessage], None]:
        def send(target: str, message: CollectiveMessage) -> None:
            self.lines.setdefault((source, target), deque()).append(pickle.dumps(message))

        return send

    def run(self, parties: Sequence[Party], chance: random.Random) -> None:
        """Let parties and messages go on in any order, until nothing can."""
        while True:
            steps = [*self._steps(parties)]
            chance.shuffle(steps)
            if not any(step() for step in steps):
                return
            for each in self.objects.values():
                each.check_invariants()

    def _steps(self, parties: Sequence[Party]) -> Iterator[Callable[[], bool]]:
        for party in parties:
            if not party.ended:
                yield lambda party=party: self._step(party)  # type: ignore[misc]
        for (source, target), line in self.lines.items():
            if line:
                yield lambda source=source, target=target, line=line: self._deliver(source, target, line)  # type: ignore[misc]

    def _deliver(self, source: str, target: str, line: deque[bytes]) -> bool:
        self.objects[target].receive(source, pickle.loads(line.popleft()))
        return True

    def _step(self, party: Party) -> bool:
        """One attempt of a party; whether it went on."""
        collective = self.objects[party.node]
        if party.fold is not None:
            found = folded(self.definition, party.fold)
            for node, message in collective.publish(party.fold, found):
                collective.send(node, message)
            party.fold = None
            return True
        if not party.number:
            party.number = collective.arrive(party.node, Offer(party.gives[len(party.outcomes)], party.name))
            return True
        answer = collective.try_go_on(party.number)
        if isinstance(answer, Fold):
            party.fold = answer
        elif isinstance(answer, Result | Failure):
            party.outcomes.append(answer)
            party.number = 0
        return answer is not NOT_YET


def values_of(party: Party) -> list[Any]:
    """What a party got in each round, of one blob."""
    assert all(isinstance(outcome, Result) for outcome in party.outcomes)
    return [outcome.values[0] for outcome in party.outcomes if isinstance(outcome, Result) and outcome.values]


def some_parties(definition: CollectiveDef, rounds: int, seed: int, dtype: Any = np.float32) -> list[Party]:
    """Parties that give numbers of very different sizes, so that each order of additions has bits of its own."""
    rng = np.random.default_rng(seed)

    def numbers() -> Any:
        return (rng.standard_normal((2, 3)) * 10.0 ** rng.integers(-4, 5, (2, 3))).astype(dtype)

    return [
        Party(f"{node}/{number}", node, [(numbers(),) for _ in range(rounds)])
        for node, count in zip(definition.nodes, definition.parties, strict=True)
        for number in range(count)
    ]


COUNTS = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@given(counts=COUNTS, reduction=st.sampled_from(sorted(FOLDS)), rounds=st.integers(1, 4), seed=SEEDS)
def test_every_party_gets_the_bits_of_the_canonical_order(
    apart: bool, counts: tuple[int, ...], reduction: str, rounds: int, seed: int
) -> None:
    definition = allreduce_of(*counts, reduction=reduction)
    parties = some_parties(definition, rounds, seed)
    expected = [
        in_canonical_order(
            definition,
            {node: [each.gives[number][0] for each in parties if each.node == node] for node in definition.nodes},  # type: ignore[index]
        ).tobytes()
        for number in range(rounds)
    ]

    Network(definition, apart=apart).run(parties, random.Random(seed))

    for party in parties:
        assert [value.tobytes() for value in values_of(party)] == expected
        assert all(value.dtype == np.float32 for value in values_of(party))


@given(counts=COUNTS, seed=SEEDS)
def test_what_was_given_is_never_written_into(counts: tuple[int, ...], seed: int) -> None:
    definition = allreduce_of(*counts)
    parties = some_parties(definition, 2, seed)
    for party in parties:
        for given_values in party.gives:
            given_values[0].flags.writeable = False  # type: ignore[index]

    Network(definition, apart=False).run(parties, random.Random(seed))

    assert all(party.ended for party in parties)


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@given(counts=COUNTS.filter(lambda counts: sum(counts) > 1), seed=SEEDS, at=st.integers(0, 1))
def test_if_one_gives_another_shape_every_party_is_told_and_nobody_waits_on(
    apart: bool, counts: tuple[int, ...], seed: int, at: int
) -> None:
    definition = allreduce_of(*counts)
    chance = random.Random(seed)
    parties = some_parties(definition, 3, seed)
    odd = chance.choice(parties)
    odd.gives = [(f32([1, 2]),) if number == at else each for number, each in enumerate(odd.gives)]

    Network(definition, apart=apart).run(parties, chance)

    for party in parties:
        assert len(party.outcomes) == at + 1
        failure = party.outcomes[-1]
        assert isinstance(failure, Failure)
        assert failure.error == "ShapeError"
        assert f"{odd.name} gives shape (2,)" in failure.text


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@given(counts=COUNTS, seed=SEEDS)
def test_every_party_gets_what_the_root_gives(apart: bool, counts: tuple[int, ...], seed: int) -> None:
    nodes = tuple(f"n{number}" for number in range(len(counts)))
    definition = CollectiveDef("w", "broadcast", nodes, counts)
    chance = random.Random(seed)
    parties = some_parties(definition, 3, seed)
    root = chance.choice(parties)
    for party in parties:
        party.gives = party.gives if party is root else [None] * 3

    Network(definition, apart=apart).run(parties, chance)

    sent = [values[0].tobytes() for values in root.gives if values]
    assert all([value.tobytes() for value in values_of(party)] == sent for party in parties)


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@given(counts=COUNTS.filter(lambda counts: sum(counts) > 1), seed=SEEDS)
def test_nobody_passes_a_barrier_to_which_one_does_not_come(apart: bool, counts: tuple[int, ...], seed: int) -> None:
    nodes = tuple(f"n{number}" for number in range(len(counts)))
    definition = CollectiveDef("b", "barrier", nodes, counts)
    chance = random.Random(seed)
    parties = some_parties(definition, 2, seed)
    for party in parties:
        party.gives = [None, None]
    chance.choice(parties).gives = [None]

    Network(definition, apart=apart).run(parties, chance)

    assert all(len(party.outcomes) == 1 for party in parties)


# --- the object -------------------------------------------------------------------------------------------------------


def test_it_says_who_is_there() -> None:
    collective = Collective(CollectiveDef("epoch", "barrier", ("a", "b"), (1, 2)), "a")

    before = collective.describe()
    collective.arrive("b", Offer(None))

    assert before == "barrier 'epoch' (0 of 3 there, round 1)"
    assert collective.describe() == "barrier 'epoch' (1 of 3 there, round 1)"
    assert collective.lonely() == "nobody comes to barrier 'epoch' any more: 1 of 3 are there"


def test_after_a_round_it_tells_of_the_next() -> None:
    collective = Collective(CollectiveDef("epoch", "barrier", ("a",), (1,)), "a")
    number = collective.arrive("a", Offer(None))
    while isinstance(answer := collective.try_go_on(number), Fold):
        collective.publish(answer, Offer(None))

    described = collective.describe()

    assert described == "barrier 'epoch' (0 of 1 there, round 2)"


def test_the_leader_counts_those_of_other_nodes_whose_part_it_has() -> None:
    collective = Collective(CollectiveDef("epoch", "barrier", ("a", "b"), (1, 2)), "a", lambda *_: None)

    collective.receive("b", Partial("epoch", 1, Offer(None)))

    assert collective.describe() == "barrier 'epoch' (2 of 3 there, round 1)"


def test_messages_bear_the_name_of_the_collective_first() -> None:
    messages = [Partial("c", 1, Offer(None)), Result("c", 1, None), Failure("c", 1, "ShapeError", "text")]

    assert [message[:2] for message in messages] == [("c", 1)] * 3


def test_a_blob_gives_a_collective_and_the_node_on_which_one_is() -> None:
    collective = Collective(allreduce_of(1, 1), "n1", lambda *_: None)

    assert seat_of(collective) == Seat(collective, "n1")
    assert seat_of(Seat(collective, "n0")) == Seat(collective, "n0")
    with pytest.raises(TypeError, match="expected a Collective, got 3"):
        seat_of(3)  # type: ignore[arg-type]


# --- the arithmetic ---------------------------------------------------------------------------------------------------


def reduced(definition: CollectiveDef, *columns: Any, node: str | None = None) -> Any:
    with np.errstate(all="ignore"):  # as in a run
        return folded(definition, Fold(1, node, tuple(Offer(tuple(each), f"p{k}") for k, each in enumerate(columns))))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_mean_is_of_the_dtype_of_the_inputs(dtype: str) -> None:
    made = reduced(allreduce_of(1, 1, reduction="mean"), [np.array([1, 2], dtype)], [np.array([2, 4], dtype)])

    [mean] = made.values
    assert (mean.dtype, mean.tolist()) == (dtype, [1.5, 3.0])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64"])
def test_sums_of_integers_wrap_around(dtype: str) -> None:
    most = np.array([np.iinfo(dtype).max], dtype)

    made = reduced(allreduce_of(1, 1), [most], [np.array([1], dtype)])

    [total] = made.values
    assert (total.dtype, total.tolist()) == (dtype, [np.iinfo(dtype).min])


def test_scalars_stay_scalars() -> None:
    made = reduced(allreduce_of(1, 1, 1), [np.float32(1)], [np.float32(2)], [np.float32(4)])

    [total] = made.values
    assert (type(total), total) == (np.float32, 7)


def test_empty_tensors_are_reduced_to_empty_ones() -> None:
    made = reduced(allreduce_of(2), [f32([]).reshape(0, 3)], [f32([]).reshape(0, 3)], node="n0")

    assert made.values[0].shape == (0, 3)


@pytest.mark.parametrize("reduction", sorted(REDUCTIONS))
@given(seed=SEEDS)
def test_within_a_node_it_does_not_matter_who_comes_first(reduction: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    specials = f32([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, 3.0, -3.0])
    given_values = [np.concatenate([f32(np.zeros(2000)), rng.choice(specials, 5)]) for _ in range(4)]
    definition = allreduce_of(4, reduction=reduction)
    one = reduced(definition, *[[each] for each in given_values], node="n0")

    other = reduced(definition, *[[given_values[k]] for k in rng.permutation(4)], node="n0")

    assert one.values[0].tobytes() == other.values[0].tobytes()


@pytest.mark.parametrize(
    ("one", "other", "error", "text"),
    [
        ([f32([1])], [f32([1, 2])], "ShapeError", "p0 gives shape (1,), p1 gives shape (2,)"),
        ([f32([1])], [i32([1])], "DtypeError", "p0 gives float32, p1 gives int32"),
        ([f32([1])], [f32([1]), f32([1])], "ShapeError", "p0 gives 1 blobs, p1 gives 2 blobs"),
    ],
    ids=["shapes", "dtypes", "counts"],
)
def test_what_does_not_fit_together_is_named_with_both_parties(one: Any, other: Any, error: str, text: str) -> None:
    failure = reduced(allreduce_of(1, 1), one, other)

    tail = "all parties must give the same dtypes and shapes"
    assert failure == Failure("grads", 1, error, f"allreduce 'grads': {text}; {tail}")


# --- the operators ----------------------------------------------------------------------------------------------------


def bench(kind: str, *parties: int, reduction: str = "", **blobs: Any) -> Bench:
    nodes = tuple(f"n{number}" for number in range(len(parties)))
    definition = CollectiveDef("c", kind, nodes, parties, reduction)
    return Bench({"c": Seat(Collective(definition, "n0"), "n0"), **blobs})


def test_the_only_party_gets_what_it_gives() -> None:
    alone = bench("allreduce", 1, reduction="mean", x=f32([1, 2]))

    made = alone.run("CollectiveAllReduce", ["c", "x"], ["y"], reduction="mean")

    np.testing.assert_array_equal(made, f32([1, 2]))


def test_the_only_party_goes_on_from_round_to_round() -> None:
    alone = bench("barrier", 1)
    barrier = alone.instance("CollectiveBarrier", ["c"])

    for _ in range(3):
        barrier()

    assert alone.blobs["c"].collective.describe() == "barrier 'c' (0 of 1 there, round 4)"


@pytest.mark.parametrize("kind", ["CollectiveBarrier", "CollectiveBroadcast", "CollectiveAllReduce"])
def test_a_party_waits_for_the_others(kind: str) -> None:
    reduction = "sum" if kind == "CollectiveAllReduce" else ""
    of_two = bench("any", 1, 1, reduction=reduction, x=f32([1]))
    inputs, outputs = (["c"], []) if kind == "CollectiveBarrier" else (["c", "x"], ["y"])

    with pytest.raises(WouldWaitError):
        of_two.run(kind, inputs, outputs)


def test_there_is_an_output_for_each_input() -> None:
    alone = bench("allreduce", 1, reduction="sum", x=f32([1]))

    text = "got 1 inputs and 2 outputs; give one output for each input"
    with pytest.raises(OperatorError, match=text):
        alone.run("CollectiveAllReduce", ["c", "x"], ["y", "z"])


@pytest.mark.parametrize(
    ("reduction", "value", "text"),
    [
        ("sum", np.array([True]), "the input of 'sum' has dtype bool, expected"),
        ("mean", i32([1]), "the input of 'mean' has dtype int32, expected float16, float32 or float64"),
        ("max", np.array([b"a"], object), "the input of 'max' has dtype string, expected"),
    ],
)
def test_only_numbers_are_reduced_and_means_are_of_floats(reduction: str, value: Any, text: str) -> None:
    alone = bench("allreduce", 1, reduction=reduction, x=value)

    with pytest.raises(DtypeError, match=text):
        alone.run("CollectiveAllReduce", ["c", "x"], ["y"], reduction=reduction)


def test_there_are_four_reductions() -> None:
    alone = bench("allreduce", 1, reduction="sum", x=f32([1]))

    text = "argument 'reduction' must be one of 'sum', 'mean', 'min', 'max', got 'product'"
    with pytest.raises(ArgumentError, match=text):
        alone.run("CollectiveAllReduce", ["c", "x"], ["y"], reduction="product")


def test_outputs_are_as_the_inputs() -> None:
    one, other = TensorSpec(np.dtype("float32"), (2, None)), TensorSpec(np.dtype("int64"), ())

    reduced_specs = declaration("CollectiveAllReduce").infer([None, one, other], {}, 2)  # type: ignore[misc]
    sent = declaration("CollectiveBroadcast").infer([None, one], {}, 1)  # type: ignore[misc]
    unknown = declaration("CollectiveBroadcast").infer([None], {}, 1)  # type: ignore[misc]

    assert (reduced_specs, sent, unknown) == ((one, other), (one,), (None,))
