"""Guesses at a reply's next tokens: what followed the same last ones, latest first."""

from hypothesis import given
from hypothesis import strategies as st

from arena.engines.hf_guess import Guesser


def test_what_followed_the_last_tokens_is_guessed():
    ids = [1, 2, 3, 4, 5, 6, 9, 1, 2]
    guesser = Guesser(ids)
    assert guesser.guess(3) == [3, 4, 5]
    ids += [3, 4]
    assert guesser.guess(2) == [5, 6]
    assert guesser.guess(0) == []


def test_four_tokens_tell_more_than_two_and_the_latest_more_than_an_earlier():
    assert Guesser([1, 2, 3, 4, 5, 8, 3, 4, 7, 1, 2, 3, 4]).guess(1) == [5]
    assert Guesser([3, 4, 5, 3, 4, 7, 0, 3, 4]).guess(1) == [7]


def test_what_never_stood_before_is_not_guessed():
    assert Guesser([]).guess(4) == []
    assert Guesser([1]).guess(4) == []
    assert Guesser([1, 2, 3, 4, 5]).guess(4) == []


def test_trust_grows_with_what_was_right_and_shrinks_with_what_was_not():
    guesser = Guesser([1, 2] * 40)
    first = len(guesser.guess(99))
    guesser.learn(first, first)
    assert len(guesser.guess(99)) == 2 * first
    guesser.learn(2 * first, 3)
    assert len(guesser.guess(99)) == 3
    guesser.learn(3, 0)
    assert len(guesser.guess(99)) == 1
    guesser.learn(0, 0)
    assert len(guesser.guess(99)) == 1


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(st.integers(0, 3), max_size=20), st.integers(0, 9))
def test_a_guess_stood_behind_the_same_two_tokens(start: list[int], more: list[int], most: int):
    ids = list(start)
    guesser = Guesser(ids)
    for token in more:
        guesser.guess(most)
        ids.append(token)
    found = guesser.guess(most)
    assert len(found) <= most
    assert found == Guesser(ids).guess(most)
    if found:
        whole = ids + found  # what is guessed may repeat itself
        behind = [ids[-2:] + found == whole[i : i + 2 + len(found)] for i in range(len(ids) - 2)]
        assert any(behind)
