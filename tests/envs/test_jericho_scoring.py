"""AgentBoard's rules for subgoals, on observations made by hand."""

import pytest

from envs.jericho.scoring import bare, reached, tidy


def progress(subgoals, observations):
    """Play observations and return the share of subgoals reached after each."""
    done, shares = [False] * len(subgoals), []
    for observation in observations:
        if (index := reached(subgoals, done, tidy(observation))) is not None:
            done[index] = True
        shares.append(sum(done) / len(done))
    return shares


def test_each_subgoal_counts_once():
    assert progress(["a lamp", "a key"], ["You see a lamp.", "You see a lamp.", "And a key!"]) == [
        0.5,
        0.5,
        1,
    ]


def test_an_observation_reaches_one_subgoal_at_most_in_the_labels_order():
    both = "Here are a key and a lamp."
    assert progress(["a lamp", "a key"], [both, both]) == [0.5, 1]
    done = [False, False]
    assert reached(["a lamp", "a key"], done, both) == 0


def test_a_subgoal_that_is_listed_twice_counts_twice_and_needs_two_observations():
    assert progress(["lamp", "lamp"], ["lamp", "lamp"]) == [0.5, 1]


def test_all_but_letters_digits_and_blanks_is_ignored_in_both():
    assert progress(["<< Chief's office >>"], ["<<Chiefs office>>"]) == [0]
    assert progress(["<< Chief's office >>"], ["\n<< Chief's office >>\nYou are here."]) == [1]
    assert progress(["can't-stop"], ["I cantstop!"]) == [1]


def test_case_counts():
    assert progress(["A Lamp"], ["a lamp"]) == [0]


def test_a_subgoal_may_lie_across_lines_as_the_observation_is_made_one():
    assert tidy("dark\n\n  cellar") == "dark cellar"
    assert progress(["dark cellar"], ["The dark\ncellar."]) == [1]


def test_notes_on_the_score_are_taken_out_before_the_search():
    told = "Taken.\n[Your score has just gone up by ten points.]\nWell done."
    assert tidy(told) == "Taken.  Well done."
    assert progress(["gone up by ten"], [told]) == [0]


@pytest.mark.parametrize("text", ["", "...", "[!]", "é"])
def test_what_is_no_letter_or_digit_leaves_nothing(text):
    assert bare(text) == ""
