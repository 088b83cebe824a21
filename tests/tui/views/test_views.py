"""What each benchmark's view shows of an episode that was really played."""

from dataclasses import replace

from arena.protocol.base import Failure, FailureKind
from envs.base import Task
from tests.tui.views.played import expert, played, text, turn
from tui.views.choice import view_of
from tui.views.pddl import stepped
from tui.views.view import Room

BLOCKS = "pddl/blockworld-small/0"
ROOMS = "pddl/gripper-small/1"


def task(benchmark: str, **data: object) -> Task:
    return Task("x/0", benchmark, None, "bundled", 0, 30, "easy", data)


def test_blocks_stand_on_the_table_and_go_into_the_hand():
    solution = expert(BLOCKS)
    taken = solution[0].split()[1]
    shown = played(BLOCKS, solution)
    before, holding = text(*shown, upto=0), text(*shown, upto=1)
    assert f"│ {taken} " in before
    assert "hand  free" in before
    assert f"hand  [ {taken} ]" in holding


def test_the_solved_tower_is_ticked_and_looks_like_the_goal():
    shown = played(BLOCKS, expert(BLOCKS))
    end = text(*shown)
    assert "○" not in end
    assert end.count("✓│") > text(*shown, upto=0).count("✓│")


def test_blocks_that_fit_no_box_are_drawn_a_line_each():
    shown = played("pddl/blockworld/18", [])
    high, low = text(*shown, height=60), text(*shown, height=8)
    assert "├──" in high
    assert "├──" not in low
    assert all(f" b{number} " in low for number in range(1, 9))


def test_balls_lie_in_rooms_until_the_robot_takes_them_along():
    env_actions = expert(ROOMS)
    shown = played(ROOMS, env_actions)
    pick = next(index for index, action in enumerate(env_actions) if action.startswith("pick"))
    ball, gripper = env_actions[pick].split()[1], env_actions[pick].split()[-1]
    before, after = text(*shown, upto=pick), text(*shown, upto=pick + 1)
    assert f"{gripper} ● {ball}" not in before
    assert f"{gripper} ● {ball}" in after
    assert "→" not in text(*shown)  # at the end nothing has to go anywhere


def test_rooms_stand_beside_each_other_where_there_is_room_for_it():
    shown = played(ROOMS, [])
    assert "┐ ┌" in text(*shown, width=120)
    assert "┐ ┌" not in text(*shown, width=30)


def test_barman_shows_what_stands_where_and_what_is_in_it():
    solution = expert("pddl/barman/3")
    shown = played("pddl/barman/3", solution)
    start = text(*shown, upto=0)
    assert "▤ table" in start
    assert "▤ left hand\n  —" in start
    assert "gives" in start
    grasped = text(*shown, upto=1)
    hand, container = solution[0].split()[2:4]
    assert f"▤ {hand} hand\n  {container}" in grasped


def test_tyreworld_shows_what_is_in_the_boot_and_what_you_have():
    solution = expert("pddl/tyreworld/2")
    shown = played("pddl/tyreworld/2", solution)
    fetched = next(index for index, action in enumerate(solution) if action.startswith("fetch"))
    thing = solution[fetched].split()[1]
    before, after = (
        text(*shown, upto=upto).partition("you have")[2].split() for upto in (fetched, fetched + 1)
    )
    assert thing not in before
    assert thing in after
    assert "▤ boot  open" in text(*shown, upto=fetched + 1)


def test_goal_facts_are_ticked_when_they_come_true():
    shown = played(ROOMS, expert(ROOMS))
    _, _, turns = shown
    for upto in range(1, len(turns) + 1):
        reached = sum(turns[upto - 1].subgoals.values())
        assert f"goal  {reached}/{len(turns[0].subgoals)}" in text(*shown, upto=upto)


def test_a_reply_without_an_action_changes_nothing():
    first_action = expert(ROOMS)[0]
    shown = played(ROOMS, [None, first_action])
    assert text(*shown, upto=1) == text(*shown, upto=0)
    assert text(*shown, upto=2) != text(*shown, upto=1)


def test_a_world_is_stepped_by_actions_and_never_by_what_a_model_says():
    episode, first, turns = played(ROOMS, expert(ROOMS)[:2])
    lying = [replace(each, reply="drop all", thought="all balls are home") for each in turns]
    assert text(episode, first, lying) == text(episode, first, turns)


def test_a_record_that_the_environment_does_not_confirm_is_marked():
    episode, first, turns = played(ROOMS, expert(ROOMS)[:3])
    forged = [turns[0], replace(turns[1], valid=False), turns[2]]
    assert stepped(episode, turns).strays_at is None
    assert stepped(episode, forged).strays_at == 1
    assert "the record differs from turn 2 on" in text(episode, first, forged)


def test_calls_are_listed_with_what_came_of_them_and_ticked_among_those_that_solve():
    solution = expert("tool-query/weather/3")
    episode, first, turns = played("tool-query/weather/3", solution[:2])
    failure = Failure(FailureKind.NOT_JSON, (0, 1), "a JSON object", "x")
    turns.append(turn(2, None, "no JSON", failure=failure, valid=False, subgoals=turns[-1].subgoals))
    shown = text(episode, first, turns, width=120)
    assert " 1 ✓ get_user_current_date()" in shown
    assert "→ 2021-02-14" in shown
    assert " 3 ✗ not JSON" in shown
    assert "calls that solve it  2/4" in shown
    assert "results  1/3" in shown
    assert "calls that solve it  0/4" in text(episode, first, turns, upto=0)


def test_a_refused_call_does_not_count_as_made():
    solution = expert("tool-query/weather/3")
    episode, first, turns = played("tool-query/weather/3", solution[:1])
    refused = [replace(turns[0], valid=False, outcome="ERROR | no")]
    assert " 1 ✗ get_user_current_date()" in text(episode, first, refused)
    assert "calls that solve it  0/4" in text(episode, first, refused)


GOLD = (
    "Node:\n1: boil the water\n2: warm the pot\n3: pour it over the leaves\n"
    "Edge: (START,1) (START,2) (1,3) (2,3) (3,END)"
)
PLAN = "Node:\n1: boil the water\n2: sing a song\nEdge: (START,1) (1,2) (2,END)"


def test_a_workflow_is_drawn_beside_the_gold_one_with_matching_nodes_marked():
    tea = task("worfbench", gold=GOLD)
    grading = {"grading": {"scoring": "strict", "encoder": "hashing"}}
    shown = text(tea, "", [turn(0, PLAN, scores=grading)], width=40)
    ours, _, gold = shown.partition("gold")
    assert ours.splitlines()[:4] == [
        "reply  1/2 nodes match",
        "● START",
        "● 1 ✓ boil the water = 1",
        "● 2 sing a song",
    ]
    assert gold.splitlines()[:6] == [
        "  1/3 nodes match",
        "● START",
        "├─╮",
        "● │ 1 ✓ boil the water = 1",
        "│ ● 2 warm the pot",
        "├─╯",
    ]


def test_a_reply_that_is_no_workflow_is_said_to_be_none():
    shown = text(task("worfbench", gold=GOLD), "", [turn(0, "I would rather not.")], width=120)
    assert "✗ this is no workflow" in shown
    assert "3: " not in shown.partition("gold")[0]


def test_before_the_reply_only_the_gold_workflow_is_drawn():
    shown = text(task("worfbench", gold=GOLD), "", [])
    assert "reply" not in shown
    assert "boil the water" in shown


HALL = (
    "This room is called the hallway. In it, you see:\n\tthe agent\n\ta picture\n"
    "You also see:\n\tA door to the kitchen (that is open)\nIn your inventory, you see:\n\tan orange"
)
KITCHEN = (
    "This room is called the kitchen. In it, you see:\n\ta counter\nYou also see:\n"
    "\tA door to the hallway (that is open)\n\tA door to the outside (that is closed)"
)


def test_scienceworld_shows_the_room_the_inventory_and_the_subgoals():
    turns = [
        turn(0, "go to kitchen", "You move to the kitchen.", subgoals={"find the pot": False}),
        turn(1, "look around", KITCHEN, subgoals={"find the pot": True}),
    ]
    science = task("scienceworld")
    start, moved, seen = (text(science, HALL, turns, upto=upto, width=40) for upto in range(3))
    assert start.startswith("room  hallway")
    assert "· a picture" in start
    assert "· an orange" in start
    assert "doors  kitchen\n" in start
    assert "You also see" not in start + seen
    assert moved.startswith("room  kitchen\nnot looked at yet")
    assert "○ find the pot" in moved
    assert "· a counter" in seen
    assert "a picture" not in seen
    assert "doors  hallway, outside (closed)\n" in seen
    assert "· an orange" in seen
    assert "✓ find the pot" in seen


def test_any_other_benchmark_has_its_subgoals_as_a_checklist():
    shown = text(task("mine"), "", [turn(0, "x", subgoals={"a": True, "b": False})])
    assert shown.splitlines() == ["subgoals  1/2", "✓ a", "○ b"]
    assert "no subgoals are known" in text(task("mine"), "", [])


def test_a_task_that_can_not_be_played_gets_a_view_that_says_so():
    broken = task("pddl", domain="gripper", objects=[["x", "object"]], init=[["flies", "x"]], goal=[])
    shown = text(broken, "", [], width=100)
    assert shown.startswith("! this state can't be drawn:")
    assert "can't be drawn" in text(task("pddl"), "", [])
    assert "can't be drawn" in text(task("worfbench"), "", [])


def test_a_view_keeps_to_its_width():
    for task_id in ("pddl/blockworld/18", "pddl/gripper/19", "pddl/barman/19", "pddl/tyreworld/19"):
        episode, first, turns = played(task_id, [])
        for width in (12, 30, 60, 200):
            assert view_of(episode, first, turns, 0, Room(width, 20)).width <= width
