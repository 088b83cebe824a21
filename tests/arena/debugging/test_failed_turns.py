"""The data layer of the debugger: failed turns counted, listed, opened, tried and laid at somebody's door."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.debugging.document import FAILURES, fault_counts, rows, whose
from arena.debugging.fault import FAULTS, faults, ran_on_at
from arena.debugging.listing import (
    KINDS,
    Group,
    all_failed_turns,
    examples_due,
    failed_turns,
    groups,
    read_turn_name,
    turn_name,
    worst_first,
)
from arena.debugging.marking import marked
from arena.debugging.opened import Run, open_turn, request_of, tools_of
from arena.debugging.telling import is_telling, most_telling
from arena.debugging.trial import baseline_action, try_action, try_repair
from arena.engines.base import Completion, Engine, Request
from arena.engines.expert import ExpertEngine
from arena.errors import UsageError
from arena.filtering import Filter, parse
from arena.protocol.base import FailureKind

from .conftest import CRAFTED, SUITE, TASK, Crafted, move, play

EVERYTHING = Filter()


def opened(run: Run, turn: int):
    return open_turn(run, run.episode("broken", TASK), turn)


def number(kind: str, nth: int = 0) -> int:
    return [turn for turn, crafted in enumerate(CRAFTED) if crafted[2] == kind][nth]


def test_every_failed_turn_is_listed_with_its_kind_in_recorded_order(examined):
    listed = [each for each in all_failed_turns(examined.db, EVERYTHING) if each.turn < len(CRAFTED)]
    assert [each.kind for each in listed] == [kind for _, _, kind, _ in CRAFTED]
    assert {each.contestant for each in listed} == {"broken"}


def test_every_kind_of_reply_failure_has_a_crafted_reply():
    beyond_replies = {FailureKind.ENVIRONMENT_ERROR}
    assert {kind for _, _, kind, _ in CRAFTED} >= set(KINDS) - beyond_replies


def test_pages_follow_each_other_without_gap_or_overlap(examined):
    whole = failed_turns(examined.db, EVERYTHING)
    paged, after = [], None
    while page := failed_turns(examined.db, EVERYTHING, after=after, limit=4):
        paged += page
        after = page[-1].episode_id, page[-1].turn
    assert paged == whole


def test_kind_contestant_benchmark_and_filter_narrow_the_list(examined):
    assert {each.kind for each in failed_turns(examined.db, EVERYTHING, kinds=("not_json", "refused"))} == {
        "not_json",
        "refused",
    }
    assert failed_turns(examined.db, EVERYTHING, contestant="base") == []
    assert failed_turns(examined.db, EVERYTHING, benchmark="pddl")
    assert failed_turns(examined.db, EVERYTHING, benchmark="pd") == []
    assert [each.turn for each in failed_turns(examined.db, parse("turn<3", "base"))] == [0, 1]


def test_an_unknown_kind_is_refused_with_the_nearest(examined):
    with pytest.raises(UsageError) as refused:
        failed_turns(examined.db, EVERYTHING, kinds=("not_jsn",))
    assert "not_json" in refused.value.next_step


def test_groups_count_the_baseline_on_the_same_tasks_beside(examined):
    found = {(group.contestant, group.kind): group for group in groups(examined.db, "base", EVERYTHING)}
    counts = Counter(kind for _, _, kind, _ in CRAFTED)
    refused = found["broken", "refused"]
    assert found["broken", "wrong_shape"].count == counts["wrong_shape"]
    assert (refused.turns, refused.paired_turns) == (40, 40)
    assert (refused.baseline_count, refused.baseline_turns) == (0, 4)
    assert not any(contestant == "base" for contestant, _ in found)


def test_groups_show_failures_that_only_the_baseline_has(crafted_run):
    with Run(crafted_run) as run:
        found = groups(run.db, "broken", EVERYTHING)
    theirs = next(group for group in found if group.contestant == "base" and group.kind == "not_json")
    assert (theirs.count, theirs.baseline_count) == (0, Counter(k for _, _, k, _ in CRAFTED)["not_json"])


def test_a_filter_on_turns_holds_for_the_baseline_too(crafted_run):
    with Run(crafted_run) as run:
        found = groups(run.db, "broken", parse("turn<3 contestant:base", "broken"))
    assert {(group.kind, group.baseline_count) for group in found} == {
        ("empty", 1),
        ("unfinished_thought", 1),
    }


@pytest.mark.parametrize(("task", "turn", "repeat"), [(TASK, 0, 0), ("a#b/3", 11, 2)])
def test_a_turns_name_reads_back(task, turn, repeat):
    assert read_turn_name(turn_name(task, turn, repeat)) == (task, turn, repeat)


@pytest.mark.parametrize("text", ["pddl/gripper/0", "#3", "a#x", "a#3@", "a#-1"])
def test_what_names_no_turn_is_refused(text):
    with pytest.raises(UsageError):
        read_turn_name(text)


def test_turn_numbers_outside_the_episode_are_refused(examined):
    for turn in (-1, 40):
        with pytest.raises(UsageError):
            opened(examined, turn)


def test_every_request_is_built_again_exactly_as_it_was_sent(examined):
    for turn in range(len(CRAFTED) + 2):
        rebuilt = request_of(examined, opened(examined, turn))
        assert rebuilt.exact, rebuilt.problem
        assert rebuilt.request.turn == turn


def test_a_request_that_comes_out_otherwise_is_said_to_be_another(examined):
    found = opened(examined, 3)
    changed = [replace(found.before[0], reply="something else"), *found.before[1:]]
    rebuilt = request_of(examined, replace(found, before=changed))
    assert not rebuilt.exact
    assert "another hash" in rebuilt.problem


def test_a_contestant_whose_log_does_not_say_how_it_was_asked_has_no_request(examined):
    imported = {"name": "broken", "identity": {"imported": "chat"}}
    rebuilt = request_of(examined, replace(opened(examined, 3), contestant=imported))
    assert rebuilt.request is None
    assert "does not hold" in rebuilt.problem


def test_the_failing_question_is_the_one_of_the_failures_kind(examined):
    failing = {}
    for turn, (_, _, kind, _) in enumerate(CRAFTED):
        steps = opened(examined, turn).steps
        answers = [step.answer for step in steps]
        assert answers.count("no") == 1
        assert set(answers[: answers.index("no")]) <= {"yes"}
        failing[kind] = next(step.name for step in steps if step.answer == "no")
    assert failing == {
        "empty": "call",
        "unfinished_thought": "thought",
        "no_action": "call",
        "not_json": "json",
        "truncated": "json",
        "repeated": "json",
        "trailing_text": "alone",
        "wrong_shape": "shape",
        "unknown_tool": "tool",
        "missing_argument": "schema",
        "unexpected_argument": "schema",
        "wrong_type": "schema",
        "invalid_value": "schema",
        "refused": "effect",
    }


def test_a_turn_that_went_well_passes_every_question(examined):
    assert {step.answer for step in opened(examined, len(CRAFTED)).steps} == {"yes"}


def test_whose_fault_is_told_of_every_crafted_reply(examined):
    told = [whose(examined, opened(examined, turn)).name for turn in range(len(CRAFTED))]
    assert told == [fault for *_, fault in CRAFTED]


def test_a_turn_that_went_well_is_nobodys_fault(examined):
    assert whose(examined, opened(examined, len(CRAFTED))) is None


@pytest.mark.parametrize(
    ("behind", "label"),
    [
        (" Observation: the door opens", "Observation:"),
        ("\nAction: " + move("hall"), "Action:"),
        ("\n\nUser: and now?", "User:"),
        (" That was all.", None),
        ("}} Observation: the door opens", None),
    ],
)
def test_a_reply_that_goes_on_past_its_call_is_told_by_where_it_does(
    examined, behind: str, label: str | None
):
    turn = replace(opened(examined, number("trailing_text")).turn, reply=move("kitchen") + behind)
    assert ran_on_at(turn, (), None) == label


def test_what_stands_before_a_call_is_no_going_on(examined):
    turn = opened(examined, number("trailing_text")).turn
    reply = f"Observation: You are in the hall.\nAction: {move('kitchen')}"
    assert ran_on_at(replace(turn, reply=reply), (), None) is None


def test_a_label_inside_a_call_is_no_going_on(examined):
    turn = opened(examined, number("trailing_text")).turn
    reply = json.dumps({"name": "say", "arguments": {"text": "Observation: it rains"}}) + " and more"
    assert ran_on_at(replace(turn, reply=reply), (), None) is None


def group(contestant: str, kind: str, count: int, baseline: int) -> Group:
    return Group(contestant, "pddl", kind, count, 1, 100, count, 100, baseline, 100)


def test_who_fails_most_beyond_the_baseline_comes_first_and_its_twin_is_named_apart():
    found = [
        *(group("base", "empty", 3, 0), group("base", "not_json", 1, 0)),
        *(group("twin", "empty", 3, 3), group("twin", "not_json", 1, 1)),
        *(group("worse", "empty", 9, 3), group("worse", "not_json", 0, 1)),
        *(group("worst", "not_json", 21, 1), group("worst", "empty", 40, 3)),
        group("better", "empty", 1, 3),
    ]
    ordered, alike = worst_first(found, "base")
    assert alike == ["twin"]
    assert list(dict.fromkeys(each.contestant for each in ordered)) == ["worst", "worse", "better", "base"]
    assert [each.kind for each in ordered[:2]] == ["empty", "not_json"]
    assert examples_due(ordered, 1)[:2] == [("worst", "empty"), ("worse", "empty")]


def test_every_fault_says_what_it_means_and_what_mends_it():
    assert set(faults()) == set(FAULTS)
    assert all(fault["means"] and fault["mend"] for fault in faults().values())
    kinds = [kind for fault in faults().values() for kind in fault["kinds"]]
    assert sorted(kinds) == sorted(set(KINDS) - {"environment_error"})


def test_faults_are_counted_apart_with_the_baselines_beside(crafted_run):
    only = parse(f"turn<{len(CRAFTED) + 1}", "base")
    with Run(crafted_run) as run:
        counts = {(each.contestant, each.fault): each for each in fault_counts(run, only)}
    expected = Counter(fault for *_, fault in CRAFTED)
    assert {fault: counts["broken", fault].count for fault in expected} == expected
    assert counts["broken", "json"].paired == expected["json"]
    assert counts["broken", "json"].baseline == 0


def test_a_repair_is_right_where_it_is_the_baselines_action_in_the_same_state(examined):
    trial = try_repair(examined, opened(examined, number("not_json")))
    assert (trial.right, trial.same_as) == (True, "baseline")
    assert json.loads(trial.action) == json.loads(move("kitchen"))


def test_a_repair_without_effect_is_wrong(examined):
    trial = try_repair(examined, opened(examined, number("not_json", 1)))
    assert (trial.right, trial.valid) == (False, False)


def test_an_action_that_works_is_wrong_where_the_baseline_did_another(examined):
    trial = try_action(examined, opened(examined, 0), move("hall"))
    assert (trial.right, trial.valid) == (False, True)
    assert json.loads(trial.told) == json.loads(move("kitchen"))


def test_an_action_that_makes_progress_is_right_whoever_did_what(examined):
    found = open_turn(examined, examined.episode("base", TASK), 3)
    trial = try_action(examined, found, found.turn.action)
    assert trial.right
    assert trial.progress > trial.progress_before


def test_without_a_repair_nothing_is_tried(examined):
    assert try_repair(examined, opened(examined, number("no_action"))) is None


def test_a_record_that_leads_elsewhere_leaves_the_repair_unjudged(examined):
    found = opened(examined, number("refused"))
    tampered = [*found.before[:-1], replace(found.before[-1], action=move("kitchen"), failure=None)]
    trial = try_action(examined, replace(found, before=tampered), move("kitchen"))
    assert trial.right is None
    assert "elsewhere" in trial.problem


def test_the_baselines_action_is_that_of_the_same_state_not_of_the_same_turn_number(examined):
    late = opened(examined, number("refused"))
    assert late.baseline.turn is None
    assert json.loads(baseline_action(late)) == json.loads(move("kitchen"))
    after_the_move = opened(examined, len(CRAFTED) + 1)
    assert json.loads(baseline_action(after_the_move))["name"] == "pick"


def test_the_baseline_tells_nothing_of_a_state_that_it_was_not_in(examined):
    found = opened(examined, number("refused"))
    elsewhere = replace(found.before[-1], action=move("hall"), failure=None, valid=True)
    assert baseline_action(replace(found, before=[*found.before[:-1], elsewhere])) is None


def test_episodes_pair_by_repeat_too(tmp_path: Path):
    suite = SUITE.replace('protocol = "json"', 'protocol = "json"\nrepeats = 2')
    run_path = play(tmp_path / "run", {"base": Crafted(), "other": Crafted()}, suite)
    with Run(run_path) as run:
        found = [each for each in groups(run.db, "base", EVERYTHING) if each.contestant == "other"]
        twice = 2 * Counter(kind for _, _, kind, _ in CRAFTED)["wrong_shape"]
        shape = next(each for each in found if each.kind == "wrong_shape")
        assert (shape.count, shape.paired_count, shape.baseline_count) == (twice, twice, twice)
        assert shape.episodes == 2
        names = {each.name for each in failed_turns(run.db, EVERYTHING, contestant="other", limit=200)}
        assert {f"{TASK}#1", f"{TASK}#1@1"} <= names


def test_recovery_counts_turns_until_an_action_takes_effect(examined):
    assert opened(examined, number("refused")).recovered_after == len(CRAFTED) - number("refused")
    assert opened(examined, len(CRAFTED) + 1).recovered_after is None


def test_only_the_first_turn_shares_its_history_with_the_baseline(examined):
    assert opened(examined, 0).baseline.same_history
    assert not opened(examined, 1).baseline.same_history


def test_the_most_telling_example_answers_the_same_request_as_the_baseline(examined):
    assert is_telling(most_telling(examined, "broken", "empty"))
    second_best = most_telling(examined, "broken", "not_json")
    assert second_best.turn.index == number("not_json")
    assert not is_telling(second_best)
    assert most_telling(examined, "base", "empty") is None


def test_rows_hold_the_contract_and_only_failures_of_replies_by_default(examined):
    found = list(rows(examined, EVERYTHING, None, FAILURES))
    contract = [
        "contestant",
        "task",
        "repeat",
        "turn",
        "kind",
        "span",
        "json_path",
        "expected",
        "got",
        "repair",
        "repair_correct",
    ]
    assert all(set(contract) <= row.keys() for row in found)
    assert {row["kind"] for row in found} <= set(FailureKind)
    for row in found:
        start, end = row["span"]
        assert 0 <= start <= end <= len(row["reply"])
    by_turn = {row["turn"]: row for row in found}
    assert by_turn[number("not_json")]["repair_correct"] is True
    assert by_turn[number("not_json", 1)]["repair_correct"] is False
    assert by_turn[number("no_action")]["repair_correct"] is None
    assert by_turn[number("invalid_value")]["json_path"] == "$.arguments.to_room"


@given(st.text(max_size=80), st.integers(-5, 100), st.integers(-5, 100), st.integers(0, 30))
def test_a_marked_reply_adds_up_to_the_reply_whatever_the_span(reply, start, end, around):
    parts = marked(reply, (start, end), around)
    front, inside, behind = parts.left_out
    shown = parts.before + parts.inside + parts.behind
    assert front + inside + behind + len(shown) == len(reply)
    assert reply[front : front + len(parts.before) + len(parts.inside)] == parts.before + parts.inside
    assert reply.endswith(parts.behind) or behind
    if 0 <= start <= end <= len(reply):
        assert parts.inside == reply[start:end]


def test_a_task_that_cannot_be_set_up_leaves_the_turn_open_and_unjudged(examined):
    found = opened(examined, number("not_json"))
    broken = replace(found, task=replace(found.task, data={"nonsense": 1}))
    assert try_repair(examined, broken).right is None
    assert request_of(examined, broken).request is None


def test_a_run_is_opened_without_being_written(crafted_run: Path):
    files = [crafted_run / name for name in ("run.toml", "run.sqlite")]
    before = [path.read_bytes() for path in files]
    with Run(crafted_run) as run:
        list(rows(run, EVERYTHING, None, ()))
    assert [path.read_bytes() for path in files] == before


DISTRACTED = json.dumps({"name": "pause_music", "arguments": {}})
OFFERED: Sequence[tuple[str, str, str]] = [
    ("[pause_music()]", "parser", "the dialect pythonic"),
    (DISTRACTED, "decision", "a tool that is not the task's"),
    (DISTRACTED[:-1], "json", ""),
]
"""What is said, whose fault it is, and why: calls of a tool that is only offered."""


class Distracted(Engine):
    """Calls a tool that its task does not have, in three ways, and says nothing more."""

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        turns = (request.turn for request in requests)
        return [Completion(OFFERED[turn][0] if turn < len(OFFERED) else "", "stop") for turn in turns]

    def identity(self) -> Mapping[str, Any]:
        return {"engine": "distracted"}


@pytest.fixture(scope="module")
def burdened_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("burdened") / "run"
    return play(run, {"base": ExpertEngine(), "broken": Distracted()}, offered_tools=128, style="chat")


@pytest.mark.parametrize("turn", range(len(OFFERED)))
def test_a_call_of_a_tool_that_is_only_offered_is_a_call_that_the_tools_allow(burdened_run: Path, turn: int):
    with Run(burdened_run) as run:
        found = opened(run, turn)
        assert "pause_music" in tools_of(run, found)[1]
        fault = whose(run, found)
    _, name, why = OFFERED[turn]
    assert fault.name == name
    assert why in fault.why


def test_a_repair_that_calls_a_tool_that_is_only_offered_is_answered_as_in_the_run(burdened_run: Path):
    with Run(burdened_run) as run:
        trial = try_repair(run, opened(run, 2))
        said = opened(run, 1).turn.outcome
        right = try_action(run, opened(run, 1), move("kitchen"))
    assert (trial.right, trial.valid, trial.outcome) == (
        False,
        False,
        "ERROR | pause_music is not available here.",
    )
    assert trial.outcome == said
    assert right.valid


def test_without_a_burden_the_tools_are_the_tasks_own(examined):
    tools, only_offered = tools_of(examined, opened(examined, 0))
    assert {tool["function"]["name"] for tool in tools} >= {"move", "pick"}
    assert only_offered == frozenset()
