"""T-Eval's scores: reading leniently, and where strict departs from faithful."""

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.embedding import encoder
from envs.teval.loading import lenient_load
from envs.teval.marks import split_marked
from envs.teval.scoring import _DOTTED, overall, record_of, score, score_row

HASHING = encoder("hashing")
MARKS = {
    "thought_start": "Thought:",
    "thought_end": "\n",
    "action_start": "Action:",
    "action_end": "\n",
    "args_start": "Args:",
    "args_end": "",
}
PLAN = [{"id": 0, "name": "a.find", "args": "{'x': 1}"}, {"id": 1, "name": "b.send", "args": "{'y': 2}"}]
GOLD = {"thought": "find the paper", "name": "a.find", "args": {"x": 1}}


def row(ability: str, form: str, prediction: str, gold: object, **more: object) -> dict:
    return {"ability": ability, "form": form, "prediction": prediction, "ground_truth": gold, **more}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': True}", {"a": True}),
        ('{"a": true}', {"a": True}),
        ("{'a': true}", {"a": True}),
        ('So: ```json\n{"a": 1}\n```', {"a": 1}),
        ([1], [1]),
    ],
)
def test_literals_json_and_json_in_single_quotes_are_read(text: object, value: object) -> None:
    assert lenient_load(text) == value


@pytest.mark.parametrize("text", ["__import__('os')", "", "{", "-" * 100_000 + "1", "1" + "+1" * 100_000])
def test_what_is_not_data_is_refused_and_never_run(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        lenient_load(text)


def test_parts_between_marks_are_as_long_as_can_be_the_first_one_first() -> None:
    parts = split_marked("so Thought: a\nAction: b\nAction: c\nArgs: {}\nArgs: {1}", MARKS)
    assert parts == (" a\nAction: b", " c\nArgs: {}", " {1}")


def test_marks_that_are_expressions_mean_themselves_in_strict_reading_only() -> None:
    marks = MARKS | {"thought_start": "[Thought]"}
    text = "[Thought] a\nAction: b\nArgs: {}"
    assert split_marked(text, marks, literal_marks=True) == (" a", " b", " {}")
    # [Thought] is any one of its letters: the first is the T
    assert split_marked(text, marks) == ("hought] a", " b", " {}")


def test_marks_that_are_expressions_are_found_where_one_expression_for_all_finds_them() -> None:
    draw = random.Random(5)
    found = 0
    for _ in range(2_000):
        marks = {
            "thought_start": draw.choice(["[TX]:", "T.", "(T)", "T+"]),
            "thought_end": draw.choice(["", "\n"]),
            "action_start": draw.choice(["A.", "[AX]"]),
            "action_end": draw.choice(["", "\n"]),
            "args_start": draw.choice(["G:?", "[GA]."]),
            "args_end": draw.choice(["", "E*", "."]),
        }
        text = "".join(draw.choices(["T:", "\nA:", "\nG:", "A:", "E", "x"], k=draw.randrange(3, 14)))
        whole = "(.*)".join(
            [
                marks["thought_start"],
                marks["thought_end"] + marks["action_start"],
                marks["action_end"] + marks["args_start"],
                marks["args_end"],
            ]
        )
        groups = re.findall(whole, text, re.DOTALL)
        found += bool(groups)
        assert split_marked(text, marks) == (tuple(groups[0][:3]) if groups else None)
    assert found > 100


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    "reply",
    [
        "Thought:\nAction:\nArgs:" * 10_000,
        "{'args': {'x': 0x" + "f" * 9_999 + "}}",
        "a.find. " * 20_000,
        "[" * 99_999,
    ],
    ids=["marks", "a long number", "a loop", "brackets"],
)
def test_hostile_replies_are_scored_at_once(reply: str) -> None:
    marks = MARKS | {"thought_start": "[T]hought:", "args_end": "END"}
    for each in (
        row("instruct", "str", reply, {"action": "a", "args": {}}, template=marks),
        row("reason_retrieve_understand", "json", reply, GOLD),
        row("plan", "str", reply, PLAN, meta={"API_list": ["a.find"]}),
        row("plan", "json", reply, PLAN),
    ):
        assert all(0.0 <= value <= 1.0 for value in score_row(each, HASHING).values())


def test_a_missing_argument_passes_for_an_empty_one_in_faithful_scoring_only() -> None:
    gold = {"action": "a.find", "args": {"x": ""}}
    reply = "Thought: t\nAction: a.find\nArgs: {}"
    record = record_of(row("instruct", "str", reply, gold, template=MARKS))
    assert score(reply, record, HASHING)["string_args_em_metric"] == 1.0
    assert score(reply, record, HASHING, "strict")["string_args_em_metric"] == 0.5


def test_a_plan_of_which_nothing_matches_scores_one_hit_in_faithful_scoring_only() -> None:
    reply = '[{"id": 0, "name": "zzz", "args": ""}]'
    given_row = row("plan", "json", reply, PLAN)
    assert score_row(given_row, HASHING)["f1_score"] == pytest.approx(2 / 3)
    assert score_row(given_row, HASHING, "strict")["f1_score"] == 0.0


def test_the_argument_count_has_a_small_number_added_in_faithful_scoring_only() -> None:
    reply = '{"thought": "find the paper", "name": "a.find", "args": {"x": 1}}'
    given_row = row("reason_retrieve_understand", "json", reply, GOLD)
    assert score_row(given_row, HASHING)["args"] == pytest.approx(1 / 1.00001)
    assert score_row(given_row, HASHING, "strict") == {
        "thought": 1.0,
        "name": 1.0,
        "args": 1.0,
        "parse_rate": 1.0,
    }


@pytest.mark.parametrize(
    ("reply", "right"), [("a.find", 1.0), ("Use a.find, not b.send", 0.0), ("a.find, FinishAction", 0.0)]
)
def test_the_right_name_counts_where_no_other_is_named(reply: str, right: float) -> None:
    assert score_row(row("retrieve", "str", reply, GOLD), HASHING)["name"] == right


def test_dotted_names_are_found_where_the_plain_expression_finds_them_and_in_linear_time() -> None:
    draw = random.Random(3)
    for _ in range(2_000):
        text = "".join(draw.choices("ab..é_1 -", k=draw.randint(0, 20)))
        assert _DOTTED.findall(text) == re.findall(r"\w+\.\w+", text)
    begun = time.process_time()
    score_row(row("retrieve", "str", "a" * 100_000, GOLD), HASHING)
    assert time.process_time() - begun < 5  # with the plain expression minutes


def test_arguments_in_another_order_are_equal_in_strict_scoring_only() -> None:
    given_row = row("understand", "str", "{'y': 2, 'x': 1}", {**GOLD, "args": {"x": 1, "y": 2}})
    assert score_row(given_row, HASHING)["args"] == 0.0
    assert score_row(given_row, HASHING, "strict")["args"] == 1.0


@pytest.mark.parametrize(("reply", "right"), [("Answer: B", 1.0), ("B", 1.0), ("Answer: none", 0.0)])
def test_a_review_is_the_first_letter_after_the_first_colon(reply: str, right: float) -> None:
    assert score_row(row("review", "str", reply, {"answer": "B"}), HASHING)["review_quality"] == right


def test_overall_is_the_mean_of_six_abilities_each_the_mean_of_its_forms() -> None:
    results = {
        ("instruct", "json"): {"json_format_metric": 1.0, "json_args_em_metric": 0.0},
        ("instruct", "str"): {"string_format_metric": 1.0, "string_args_em_metric": 1.0},
        ("plan", "json"): {"precision": 0.0, "recall": 0.0, "f1_score": 0.5, "parse_rate": 1.0},
        ("plan", "str"): {"precision": 0.0, "recall": 0.0, "f1_score": 0.0, "parse_rate": 1.0},
        ("reason", "str"): {"thought": 0.5, "parse_rate": 1.0},
        ("retrieve", "str"): {"name": 1.0, "parse_rate": 1.0},
        ("understand", "str"): {"args": 0.0, "parse_rate": 1.0},
        ("reason_retrieve_understand", "json"): {"thought": 1.0, "name": 0.0, "args": 1.0, "parse_rate": 1.0},
        ("review", "str"): {"review_quality": 1.0, "parse_rate": 1.0},
    }
    scores = overall(results)
    assert scores.pop("overall") == pytest.approx(sum(scores.values()) / 6)
    assert scores == {
        "instruct": 0.75,
        "plan": 0.25,
        "reason": 0.75,
        "retrieve": 0.5,
        "understand": 0.5,
        "review": 1.0,
    }


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"ability": "cook"}, "ability must be one of"),
        ({"ability": []}, "ability must be one of"),
        ({"form": "xml"}, "form must be one of"),
        ({"prediction": 3}, "prediction must be a text"),
        ({"meta": 3}, "meta and template"),
        ({"ability": "instruct"}, "ground_truth.args"),
        ({"form": "str"}, "API_list"),
    ],
)
def test_a_broken_row_is_refused_by_the_name_of_its_field(broken: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        score_row(row("plan", "json", "[]", PLAN) | broken, HASHING)


REPLIES = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(
            ["[", "]", "{", "}", '"id": ', "'args'", "a.find", ": ", ",", "1e999", "Answer:", "\n"]
        )
    ).map("".join),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=9)),
        lambda inner: (
            st.dictionaries(st.sampled_from(["id", "name", "args", "thought"]), inner)
            | st.lists(inner, max_size=4)
        ),
    ).map(str),
)


@settings(max_examples=80)
@given(REPLIES)
def test_any_reply_scores_between_zero_and_one(reply: str) -> None:
    rows = [
        row("plan", "json", reply, PLAN),
        row("plan", "str", reply, PLAN, meta={"API_list": ["a.find", "b.send"]}),
        row("instruct", "str", reply, {"action": "a", "args": {"x": 1}}, template=MARKS),
        row(
            "instruct",
            "json",
            reply,
            {"action": "a", "args": {}},
            template=dict.fromkeys(["thought", "action", "args"], "id"),
        ),
        row("reason_retrieve_understand", "json", reply, GOLD),
        row("review", "json", reply, {"answer": True}),
        *(row(ability, "str", reply, GOLD) for ability in ("reason", "retrieve", "understand")),
    ]
    for each in rows:
        for scoring in ("faithful", "strict"):
            assert all(0.0 <= value <= 1.0 + 1e-12 for value in score_row(each, HASHING, scoring).values())


def test_a_plan_with_the_same_step_twice_is_equal_to_itself_in_strict_scoring() -> None:
    steps = ["a.find", "b.send", "a.find", "c.wait", "b.send", "a.find"]
    plan = str([{"id": i, "name": name, "args": "{}"} for i, name in enumerate(steps)])
    given_row = row("plan", "json", plan, plan)
    assert score_row(given_row, HASHING, "strict")["f1_score"] == pytest.approx(1.0)


@pytest.mark.parametrize("reply", ["{'movie_id': 97}", "{'movie_id': '97'}", '{"movie_id": 97}'])
def test_a_number_of_the_string_form_may_stand_as_one_or_as_text(reply: str) -> None:
    gold = {"thought": "look it up", "name": "a.find", "args": "{'movie_id': '97'}"}
    assert score_row(row("understand", "str", reply, gold), HASHING, "strict")["args"] == 1.0
    other = row("understand", "str", reply.replace("97", "98"), gold)
    assert score_row(other, HASHING, "strict")["args"] == 0.0
