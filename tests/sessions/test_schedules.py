"""Schedules and tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskplan as tp
from taskplan.sessions.schedules import Choice, Deviating, Mixed, Recording, Seeded, Token, results_of, shortest

CHOICES = st.lists(
    st.integers(2, 5).flatmap(lambda options: st.tuples(st.just(options), st.integers(0, options - 1), st.booleans())),
    max_size=60,
).map(lambda made: [Choice(*each) for each in made])


def made_by(text: str, like: list[Choice]) -> list[int]:
    schedule = Token("p", "0000", text, "").made_schedule()
    return [schedule.choose(choice.options, preempts=choice.preempts) for choice in like]


@given(CHOICES)
def test_both_ways_to_write_choices_bring_them_back(made):
    chosen = [choice.chosen for choice in made]

    assert made_by(str(Deviating.after(chosen)), made) == chosen
    assert made_by(str(Mixed.of(made)), made) == chosen


@given(CHOICES)
def test_the_shorter_way_is_taken(made):
    ways = {str(Deviating.after([choice.chosen for choice in made])), str(Mixed.of(made))}

    assert len(shortest(Deviating({}), made)) == min(map(len, ways))


def test_a_seed_makes_the_same_choices_each_time():
    first, second = Seeded(7), Seeded(7)

    assert [first.choose(3, preempts=True) for _ in range(50)] == [second.choose(3, preempts=True) for _ in range(50)]


@pytest.mark.parametrize("text", ["tp1.abc.0000.s7.", "tp1.q2Hn3vQp.12ab.dAAECAQ.Ab9_", "tp1.q2Hn3vQp.0000.m.x"])
def test_a_token_survives_being_written_and_read(text):
    assert str(Token.parse(text)) == text


@pytest.mark.parametrize("text", ["", "tp1", "tp1.a.b.x7.", "tp1.a.b.sx.", "tp1.a.b.d_.", "a.b.c.d.e"])
def test_what_is_no_token_is_refused(text):
    with pytest.raises(tp.BuildError, match="token"):
        Token.parse(text)


def test_a_token_of_another_format_is_refused_by_its_number():
    with pytest.raises(tp.BuildError, match="format 'tp2', and this version of taskplan reads 'tp1'"):
        Token.parse("tp2.a.b.s1.")


def test_a_choice_that_is_not_there_is_a_replay_that_has_diverged():
    recording = Recording(Deviating({0: 3}))

    with pytest.raises(tp.ReplayDivergedError, match="choice 1 was between more than 2 steps"):
        recording.choose(2, preempts=False)


def test_preemptions_are_choices_that_take_the_turn_from_somebody():
    recording = Recording(Deviating({0: 1, 1: 1, 2: 1}))
    for preempts in (True, False, True, True):
        recording.choose(2, preempts=preempts)

    assert recording.preemptions == 2


def test_results_of_many_functions_take_ten_times_two_letters():
    digests = [bytes([number] * 8) for number in range(25)]

    assert len(results_of(digests)) == 20
    assert results_of(digests[:3]) != results_of(digests[1:4])
    assert results_of([]) == ""
