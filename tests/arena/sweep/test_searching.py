import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.sweep.searching import bisecting, every


@given(st.integers(2, 300), st.data())
def test_bisecting_ends_at_the_two_neighbours_around_the_first_drop(count: int, data: st.DataObject):
    cliff = data.draw(st.integers(1, count - 1))
    played = list(bisecting(count, lambda place: place >= cliff))
    assert {cliff - 1, cliff} <= set(played)
    assert len(played) == len(set(played)) <= 2 + math.ceil(math.log2(count))


def test_the_ends_come_first_and_nothing_else_is_played_without_a_drop_between_them():
    assert list(bisecting(9, lambda place: False)) == [0, 8]
    assert list(bisecting(9, lambda place: True)) == [0, 8]


@pytest.mark.parametrize(("count", "played"), [(0, []), (1, [0]), (2, [0, 1])])
def test_few_places_are_all_played(count: int, played: list[int]):
    assert list(bisecting(count, lambda place: place > 0)) == played
    assert list(every(count)) == played
