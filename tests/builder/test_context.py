"""What is current inside a `with` block. Numbers are those of the checklist."""

import threading

import pytest

from taskplan.builder.context import DefaultManaged, Managed, cleared_contexts, stack_of
from taskplan.errors import BuildError, BuildTypeError, NoContextError


class Base(Managed):
    pass


class Child(Base):
    pass


class Other(Managed):
    pass


class Both(Child, Other):
    pass


class Default(DefaultManaged):
    pass


class DefaultChild(Default):
    pass


class Alike(Managed):
    def __eq__(self, other):
        return isinstance(other, Alike)

    def __hash__(self):
        return 0


class Falsy(Managed):
    def __bool__(self):
        return False


def in_new_thread(function):
    """What the function returns when a thread of its own calls it."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join(timeout=30)
    return results[0]


# --- what is current --------------------------------------------------------------------------------------------------


def test_01_nothing_is_current_outside_of_a_block():
    with pytest.raises(NoContextError, match="no Base is open here"):
        Base.current()

    assert Base.current(required=False) is None


def test_01_a_default_is_not_made_where_none_is_required():
    assert in_new_thread(lambda: Default.current(required=False)) is None


def test_02_a_default_is_made_once_a_thread_and_class():
    def defaults():
        return Default.current(), Default.current(), DefaultChild.current()

    first, again, child = in_new_thread(defaults)
    elsewhere, *_ = in_new_thread(defaults)

    assert first is again
    assert len({id(first), id(child), id(elsewhere)}) == 3


def test_02_a_default_stays_when_a_block_inside_it_ends():
    def use():
        default = Default.current()
        with Default() as inner:
            assert Default.current() is inner
        return Default.current() is default

    assert in_new_thread(use)


def test_03_an_object_is_current_for_every_managed_class_that_it_is_of():
    with Both() as both:
        assert [cls.current() for cls in (Both, Child, Base, Other)] == [both] * 4


def test_03_an_object_is_not_current_for_subclasses_of_its_class():
    with Child() as child, Base() as base:
        assert Base.current() is base
        assert Child.current() is child


def test_04_a_block_of_one_thread_is_not_open_in_another():
    with Base():
        assert in_new_thread(lambda: Base.current(required=False)) is None


@pytest.mark.parametrize("given", [Base(), Child()])
def test_05_an_object_that_is_given_comes_back(given):
    with Base():
        assert Base.current(given) is given


def test_05_an_object_that_is_false_counts_as_given():
    falsy = Falsy()

    assert Falsy.current(falsy) is falsy


@pytest.mark.parametrize("given", [Base(), "child", 0, False])
def test_05_an_object_of_another_class_is_refused(given):
    with pytest.raises(BuildTypeError, match="expected Child or None"):
        Child.current(given)


def test_only_managed_classes_have_a_current_object():
    with pytest.raises(AssertionError, match="only subclasses of Managed"):
        stack_of(dict)  # type: ignore[arg-type]


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_06_a_decorated_function_runs_inside_the_block_at_each_call():
    context = Base()

    @context
    def current(argument, *, keyword):
        """What it says."""
        return Base.current(), argument, keyword

    assert [current(1, keyword=2), current(1, keyword=2)] == [(context, 1, 2)] * 2
    assert (current.__name__, current.__doc__) == ("current", "What it says.")
    assert Base.current(required=False) is None


def test_07_an_error_leaves_the_block_and_the_outer_one_is_current_again():
    with Base() as outer:
        with pytest.raises(ZeroDivisionError), Child():
            raise ZeroDivisionError

        assert Base.current() is outer
    assert Child.current(required=False) is None


def test_an_object_may_be_entered_again():
    with Base() as outer, Base() as inner, outer:
        assert Base.current() is outer
        with inner:
            assert Base.current() is inner
        assert Base.current() is outer


def test_a_block_that_is_not_open_cannot_be_closed():
    with pytest.raises(BuildError, match="is not open in this thread"):
        Base().__exit__(None, None, None)


def test_a_block_that_is_closed_too_early_leaves_all_blocks_as_they_were():
    """Caffe2 took the other object off its stack before it looked (W-30)."""
    with Base() as outer, Child() as inner:
        with pytest.raises(BuildError, match="closed before"):
            outer.__exit__(None, None, None)

        assert Base.current() is inner
        assert stack_of(Base) == [outer, inner]


def test_a_block_is_closed_by_an_equal_object():
    Alike().__enter__()

    Alike().__exit__()

    assert Alike.current(required=False) is None


def test_contexts_can_be_set_aside():
    with Base() as base:
        with cleared_contexts():
            assert Base.current(required=False) is None
            with Base() as inner:
                assert Base.current() is inner
        assert Base.current() is base


def test_contexts_come_back_after_an_error():
    with Base() as base:
        with pytest.raises(ZeroDivisionError), cleared_contexts():
            raise ZeroDivisionError

        assert Base.current() is base
