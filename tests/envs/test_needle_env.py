"""Needle in a haystack: building, scoring, playing."""

import json
from pathlib import Path

import onestep_checks as checks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import BadData, MissingData
from envs.needle.env import NeedleEnv
from envs.needle.haystack import essays, from_model, insert
from envs.needle.scoring import rouge_1
from envs.needle.tasks import DEPTHS, LENGTHS, generate, tasks

NEEDLE = "The cellar key hangs inside the clock."


@settings(max_examples=60)
@given(st.integers(20, 3000), st.floats(0, 99) | st.just(100.0), st.integers(1, 3))
def test_a_haystack_has_its_length_and_each_needle_begins_after_a_sentence(
    tokens: int, depth: float, count: int
) -> None:
    needles = [f"{NEEDLE[:-1]} number {i}." for i in range(count)]
    text = insert(essays("x", 500), needles, tokens, depth)
    assert len(text.split(" ")) == max(tokens, sum(len(needle.split(" ")) for needle in needles))
    for needle in needles:
        assert text.count(needle) == 1
        before = text[: text.index(needle)].rstrip()
        assert before == "" or before.endswith(".") or depth == 100


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_needle_lies_at_its_depth_less_a_sentence_at_most(depth: int) -> None:
    text = insert(essays("x", 4000), [NEEDLE], 4000, depth)
    place = len(text[: text.index(NEEDLE)].split())
    wanted = (4000 - len(NEEDLE.split())) * depth / 100
    assert wanted - 25 <= place <= wanted


def test_several_needles_lie_in_their_order_at_equal_distances() -> None:
    needles = ["First is here.", "Second is here.", "Third is here."]
    text = insert(essays("x", 3000), needles, 3000, 0)
    places = [len(text[: text.index(needle)].split()) for needle in needles]
    assert places == sorted(places)
    assert places[2] == pytest.approx(2000, abs=60)


def test_a_model_s_own_tokens_may_measure() -> None:
    class Letters:
        def encode(self, text, add_special_tokens):
            return [ord(letter) for letter in text]

        def decode(self, tokens, skip_special_tokens=True):
            return "".join(map(chr, tokens))

    text = insert("One two. Three four. Five six.", ["Key."], 24, 50, from_model(Letters()))
    assert text == "One two.Key. Three four."


def test_the_grid_has_forty_lengths_by_ten_depths_up_to_forty_thousand() -> None:
    assert (len(LENGTHS), max(LENGTHS), len(DEPTHS)) == (40, 40_000, 10)
    ids = {task.id for task in tasks("bundled")}
    assert {f"needle/{length}/{depth}" for length in LENGTHS for depth in DEPTHS} <= ids


def test_the_expert_scores_one_on_every_task() -> None:
    checks.expert_gets_full_marks_everywhere("needle", NeedleEnv(), each=3)


def test_chance_scores_next_to_nothing() -> None:
    checks.chance_gets_next_to_nothing("needle", NeedleEnv(), at_most=0.01, each=7)


def test_gymnasium_accepts_it() -> None:
    checks.gymnasium_accepts("arena/Needle-v0")


def test_the_score_is_rouge_one_times_ten() -> None:
    env = NeedleEnv()
    env.reset(options={"task": generate(500, 50)})
    (needle,) = env.expert()
    assert env.step(needle)[4]["scores"] == {"rouge1": 10.0}
    assert rouge_1("key clock", "key in the clock", "strict") == pytest.approx(2 / 3)


def test_faithful_scoring_stems_words_as_googles_package_does() -> None:
    pytest.importorskip("rouge_score", reason="needs arena[longbench]")
    assert rouge_1("hanging keys", "hang key") == pytest.approx(1.0)
    assert rouge_1("hanging keys", "hang key", "strict") == 0.0


@settings(max_examples=40)
@given(st.text(max_size=300))
def test_any_reply_scores_between_zero_and_one(reply: str) -> None:
    checks.any_reply_scores(NeedleEnv(), "needle/250/56", reply)


def test_the_users_essays_and_needle_are_used_in_official_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    folder = tmp_path / "needle"
    folder.mkdir()
    with pytest.raises(MissingData):
        tasks("official")
    (folder / "a.txt").write_text("An essay begins. It goes on.\n" * 30)
    (folder / "needle.json").write_text(
        json.dumps({"needle": f"\n{NEEDLE}\n", "retrieval_question": "Where?"})
    )
    found = tasks("official")
    assert len(found) == 400
    env = NeedleEnv("official", scoring="strict")
    observation, _ = env.reset(options={"task": found[4]})
    assert NEEDLE in observation
    assert env.step(NEEDLE)[4]["success"]
    (folder / "needle.json").write_text('{\n"needle": 3, "retrieval_question": "x"}')
    with pytest.raises(BadData, match=r"needle.json:1"):
        tasks("official")
