from tests.tui.fakes import not_json, turn
from tui.playhead import Playhead, differs, first_difference, next_failure

NAMES = ("a", "b")


def test_a_linked_step_back_moves_all_to_the_same_turn_and_stops_following():
    head = Playhead(NAMES)
    frames = {"a": 10, "b": 4}
    head.move(-1, "b", frames)
    assert (head.frame("a", frames), head.frame("b", frames)) == (8, 3)
    head.move(-6, "b", frames)
    assert (head.frame("a", frames), head.frame("b", frames)) == (2, 2)
    assert not head.following


def test_going_forward_to_the_end_follows_again():
    head = Playhead(NAMES)
    frames = {"a": 3, "b": 3}
    head.move(-1, "a", frames)
    head.move(1, "a", frames)
    assert head.following
    assert head.frame("a", {"a": 5, "b": 3}) == 4


def test_unlinked_only_the_chosen_one_moves():
    head = Playhead(NAMES, linked=False)
    frames = {"a": 5, "b": 5}
    head.move(-2, "b", frames)
    assert (head.frame("a", frames), head.frame("b", frames)) == (4, 2)
    assert head.follows("a")


def test_linking_again_brings_all_to_the_chosen_turn():
    head = Playhead(NAMES, linked=False)
    frames = {"a": 5, "b": 5}
    head.move(-3, "b", frames)
    head.toggle_link("b", frames)
    assert (head.frame("a", frames), head.frame("b", frames)) == (1, 1)


def test_turns_that_come_while_looking_back_are_counted():
    head = Playhead(NAMES)
    head.move(-1, "a", {"a": 5, "b": 5})
    assert head.new_frames("a", {"a": 8, "b": 5}) == 3
    head.move(-1, "a", {"a": 8, "b": 5})
    assert head.new_frames("a", {"a": 8, "b": 5}) == 3
    head.follow()
    assert head.new_frames("a", {"a": 8, "b": 5}) == 0


def test_nobody_moves_before_the_first_turn_or_where_there_is_none():
    head = Playhead(NAMES)
    head.move(-5, "a", {"a": 3, "b": 3})
    assert head.frame("a", {"a": 3, "b": 3}) == 0
    empty = Playhead(NAMES)
    empty.move(-1, "a", {"a": 0, "b": 0})
    assert empty.frame("a", {"a": 0, "b": 0}) == -1


def test_held_the_view_stays_where_it_is_though_turns_come():
    head = Playhead(NAMES)
    head.hold({"a": 3, "b": 3})
    assert head.frame("a", {"a": 9, "b": 3}) == 2


def test_the_next_failure_is_the_first_of_anybody():
    turns = {
        "a": [turn(0), turn(1), turn(2, valid=False)],
        "b": [not_json(0), turn(1), turn(2), not_json(3)],
    }
    assert next_failure(turns, -1) == ("b", 0)
    assert next_failure(turns, 0) == ("a", 2)
    assert next_failure(turns, 2) == ("b", 3)
    assert next_failure(turns, 3) is None


def test_contestants_differ_where_an_action_a_failure_or_the_length_does():
    same = [turn(0), turn(1)]
    assert first_difference([(same, True), (same, True)]) is None
    assert first_difference([(same, True), ([turn(0), turn(1, action="drop")], True)]) == 1
    assert first_difference([(same, True), ([not_json(0)], True)]) == 0
    assert first_difference([(same, True), (same[:1], True)]) == 1


def test_a_contestant_who_still_plays_does_not_differ_by_being_behind():
    assert first_difference([([turn(0), turn(1)], True), ([turn(0)], False)]) is None


def test_a_turn_differs_from_the_baselines_where_both_have_played_it():
    assert differs([turn(0, action="drop")], [turn(0)], 0)
    assert not differs([turn(0)], [turn(0)], 0)
    assert not differs([turn(0), turn(1)], [turn(0)], 1)
