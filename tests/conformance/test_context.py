"""Statements 1 to 7 of the checklist: what is current inside which `with` block."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.conformance.programs import TIMEOUT_S, BoomError

import taskplan as tp


class Shop(tp.Managed):
    """Something that must be open to be current."""


class Bakery(Shop):
    """A kind of shop."""


class Stall(tp.Managed):
    """Another thing that can be open."""


class MarketStall(Stall, Shop):
    """Two things at once."""


def of_new_thread(question: Callable[[], Any]) -> Any:
    """The answer of a thread that begins with it."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(question).result(TIMEOUT_S)


def open_shops() -> list[object]:
    """What is current for each class."""
    return [cls.current(required=False) for cls in (Shop, Bakery, Stall, MarketStall)]


# --- nothing is open --------------------------------------------------------------------------------------------------


def test_001_current_without_an_open_block_raises():
    with pytest.raises(AssertionError, match="no Shop is open"):
        Shop.current()


def test_001a_current_without_an_open_block_is_none_if_none_is_required():
    assert Shop.current(required=False) is None
    assert Shop.current(None, required=False) is None


def test_001b_a_default_is_not_made_where_none_is_required():
    class Clerk(tp.DefaultManaged):
        pass

    assert Clerk.current(required=False) is None


@pytest.mark.parametrize("cls", [tp.Task, tp.TaskGroup, tp.NetBuilder])
def test_001c_tasks_groups_and_builders_need_an_open_block(cls):
    assert cls.current(required=False) is None
    with pytest.raises(AssertionError, match=r"no .* is open here; write this inside `with"):
        cls.current()


# --- defaults ---------------------------------------------------------------------------------------------------------


def test_002_a_default_is_made_once_for_each_thread_and_kept():
    class Clerk(tp.DefaultManaged):
        pass

    mine = Clerk.current()
    first, second = of_new_thread(lambda: (Clerk.current(), Clerk.current()))

    assert type(mine) is Clerk
    assert Clerk.current() is mine
    assert first is second
    assert first is not mine


def test_002a_each_class_has_a_default_of_its_own():
    class Clerk(tp.DefaultManaged):
        pass

    class HeadClerk(Clerk):
        pass

    clerk = Clerk.current()
    head = HeadClerk.current()

    assert (type(clerk), type(head)) == (Clerk, HeadClerk)
    assert Clerk.current() is clerk
    assert HeadClerk.current() is head


def test_002b_a_subclass_default_does_not_become_current_for_its_bases():
    class Clerk(tp.DefaultManaged):
        pass

    class HeadClerk(Clerk):
        pass

    HeadClerk.current()

    assert Clerk.current(required=False) is None


def test_002c_an_open_block_hides_the_default():
    class Clerk(tp.DefaultManaged):
        pass

    default = Clerk.current()

    with Clerk() as clerk:
        assert Clerk.current() is clerk
    assert Clerk.current() is default


@pytest.mark.parametrize("cls", [tp.Cluster, tp.Node])
def test_002d_clusters_and_nodes_have_defaults(cls):
    first, second = of_new_thread(lambda: (cls.current(), cls.current()))

    assert type(first) is cls
    assert first is second


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_003_an_open_object_is_current_for_all_its_managed_classes():
    with Bakery() as bakery:
        assert open_shops() == [bakery, bakery, None, None]

    assert open_shops() == [None] * 4


def test_003a_opening_a_base_leaves_subclasses_as_they_were():
    with Bakery() as bakery, Shop() as shop:
        assert open_shops() == [shop, bakery, None, None]


def test_003b_with_several_bases_the_object_is_current_for_all():
    with MarketStall() as stall:
        assert open_shops() == [stall, None, stall, stall]


def test_003c_an_object_may_be_opened_again_while_it_is_open():
    shop = Shop()

    with shop, shop:
        pass
    with shop:
        with shop:
            assert Shop.current() is shop
        assert Shop.current() is shop

    assert Shop.current(required=False) is None


def test_003d_the_innermost_block_is_the_current_one():
    with Shop() as outer:
        with Shop() as inner:
            assert Shop.current() is inner
        assert Shop.current() is outer


def test_004_what_is_open_in_one_thread_is_not_current_in_another():
    with Bakery():
        assert of_new_thread(open_shops) == [None] * 4


def test_004a_a_task_group_is_open_in_its_thread_only():
    with tp.TaskGroup() as group:
        assert of_new_thread(lambda: tp.TaskGroup.current(required=False)) is None
        assert tp.TaskGroup.current() is group


# --- values that are given --------------------------------------------------------------------------------------------


def test_005_a_given_object_is_returned_as_it_is():
    bakery = Bakery()

    with Shop() as shop:
        assert Shop.current(bakery) is bakery
        assert Shop.current(bakery, required=False) is bakery
        assert Shop.current() is shop


def test_005a_a_given_object_counts_also_if_it_is_falsy():
    class EmptyShop(Shop):
        def __bool__(self) -> bool:
            return False

    empty = EmptyShop()

    with Shop():
        assert Shop.current(empty) is empty


@pytest.mark.parametrize("wrong", ["a name", 0, Shop(), Shop, False], ids=["str", "int", "object", "class", "bool"])
@pytest.mark.parametrize("required", [True, False])
def test_005b_a_given_object_of_another_class_is_refused(wrong, required):
    with pytest.raises(AssertionError, match="expected Bakery or None"):
        Bakery.current(wrong, required)


# --- decorators -------------------------------------------------------------------------------------------------------


def test_006_a_decorated_function_runs_inside_the_block():
    shop = Shop()

    @shop
    def sell(item: str, *, price: int) -> tuple[Shop, str, int]:
        return Shop.current(), item, price

    assert sell("bread", price=3) == (shop, "bread", 3)
    assert sell("cake", price=9) == (shop, "cake", 9)
    assert Shop.current(required=False) is None


def test_006a_a_decorated_function_keeps_its_name_and_docstring():
    @Shop()
    def sell() -> None:
        """Hand it over."""

    assert (sell.__name__, sell.__doc__) == ("sell", "Hand it over.")


def test_006b_a_decorated_function_may_call_itself():
    shop = Shop()
    seen: list[Shop] = []

    @shop
    def count(down: int) -> None:
        seen.append(Shop.current())
        if down:
            count(down - 1)

    count(2)

    assert seen == [shop] * 3
    assert Shop.current(required=False) is None


# --- ends -------------------------------------------------------------------------------------------------------------


def test_007_an_exception_leaves_the_block_and_closes_it():
    with Shop() as outer:
        with pytest.raises(BoomError, match="mine"), Bakery():
            raise BoomError("mine")
        assert open_shops() == [outer, None, None, None]


def test_007a_an_exception_in_a_decorated_function_closes_the_block():
    @Bakery()
    def sell() -> None:
        raise BoomError("mine")

    with pytest.raises(BoomError, match="mine"):
        sell()

    assert open_shops() == [None] * 4


@pytest.mark.parametrize("cls", [tp.TaskGroup, tp.NetBuilder, tp.Node, tp.Cluster])
def test_007b_an_exception_closes_groups_builders_nodes_and_clusters(cls):
    before = cls.current(required=False)

    with pytest.raises(BoomError, match="mine"), cls() as opened:
        assert cls.current() is opened
        raise BoomError("mine")

    assert cls.current(required=False) is before


def test_007c_an_exception_closes_a_task_and_the_group_forgets_it():
    """A half-written task would run as if it were whole."""
    with tp.TaskGroup() as group:
        with pytest.raises(BoomError, match="mine"), tp.Task():
            raise BoomError("mine")
        assert tp.Task.current(required=False) is None

    assert group.tasks() == []


def test_007d_a_block_that_is_closed_out_of_order_is_refused_and_nothing_is_lost():
    """W-30: Caffe2 takes the wrong object off its stack and only then complains."""
    outer, inner = Shop(), Bakery()

    with outer:
        with inner:
            with pytest.raises(AssertionError, match="opened inside it"):
                outer.__exit__(None, None, None)
            assert open_shops() == [inner, inner, None, None]
        assert open_shops() == [outer, None, None, None]


def test_007e_a_block_that_is_not_open_cannot_be_closed():
    with pytest.raises(AssertionError, match="not open"):
        Shop().__exit__(None, None, None)
