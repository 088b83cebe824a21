from pathlib import Path
from typing import Any

import pytest
import tomli_w

from arena.engines.registry import ContestantSpec
from arena.records import EpisodeEnded, EpisodeKey, Turn
from arena.store.files import PLAN, create_database
from arena.store.writer import RunWriter
from arena.study.family import by_model, families
from arena.study.inside import by_weights, having_played
from arena.study.noise import twins
from arena.study.telling import telling_of
from envs.base import Task

TASKS = [Task(f"toy/a/{n}", "toy", "a", "bundled", n, 5, "easy", {"n": n}) for n in range(2)]


def contestant(name: str, spec: str, weights: str, engine: str = "hf", **settings: Any) -> dict[str, Any]:
    identity = {"engine": {"engine": engine, "weights": weights, "tools": "prompt"}, "settings": settings}
    return {"name": name, "spec": spec, "size_bytes": len(weights), "identity": identity}


def write_plan(folder: Path, contestants: list[dict[str, Any]]) -> None:
    frozen = {"suite": "toy", "settings": {}, "repeats": 1, "contestants": [], "tasks": []}
    document = {"plan": frozen, "contestants": contestants}
    (folder / PLAN).write_text(tomli_w.dumps(document), encoding="utf-8")


def make_run(folder: Path, contestants: list[dict[str, Any]], replies: dict[str, list[list[str]]]) -> Path:
    write_plan(folder, contestants)
    create_database(folder)
    writer = RunWriter(folder)
    writer.add_tasks(TASKS)
    for name, episodes in replies.items():
        for task, said in zip(TASKS, episodes, strict=False):
            key = EpisodeKey(name, task.id, task.hash, 0, 0)
            episode, _ = writer.begin(key, {})
            episode.begin("goal", "saw")
            for index, reply in enumerate(said):
                episode.append(Turn(index, "saw", reply, "", reply, None, "saw", True, 0.5, False))
            episode.end(EpisodeEnded(key, "done", 0.25 * len(said), False, len(said)))
    writer.close()
    return folder


def test_the_same_weights_twice_tie_turn_by_turn_or_say_where_they_part(tmp_path: Path):
    run = make_run(
        tmp_path,
        [contestant("base", "m", "w"), contestant("again", "m", "w"), contestant("other", "n", "v")],
        {"base": [["a", "b"], ["c"]], "again": [["a", "x", "b"], ["c"]], "other": [["a", "b"], ["c"]]},
    )
    (pair,) = twins(run)
    assert (pair.first, pair.second, pair.same_engine, pair.tie) == ("base", "again", True, False)
    assert (pair.episodes, pair.equal_episodes, pair.turns, pair.equal_turns) == (2, 1, 4, 2)
    assert pair.progress_difference == pytest.approx(0.125)


def test_two_engines_are_told_from_two_names_and_unfinished_tasks_do_not_count(tmp_path: Path):
    run = make_run(
        tmp_path,
        [contestant("base", "m", "w"), contestant("vllm", "vllm:m", "w", engine="vllm")],
        {"base": [["a"], ["c"]], "vllm": [["a"]]},
    )
    (pair,) = twins(run)
    assert (pair.same_engine, pair.episodes, pair.tie) == (False, 1, True)


def test_contestants_that_are_asked_in_another_way_are_no_twins(tmp_path: Path):
    run = make_run(
        tmp_path,
        [contestant("base", "m", "w", protocol="json"), contestant("text", "m", "w", protocol="text")],
        {},
    )
    assert twins(run) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"kv_bits": 3}),
        ({"dtype": "float32"}, {"dtype": "bfloat16"}),
        ({}, {"constrained": "json-schema"}),
        ({"engine": "vllm", "max_model_len": 512}, {"engine": "vllm", "max_model_len": 1024}),
    ],
)
def test_weights_that_are_played_in_another_way_are_no_twins(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any]
):
    one, other = contestant("one", "m", "w"), contestant("other", "m", "w")
    one["identity"]["engine"] |= first
    other["identity"]["engine"] |= second
    assert twins(make_run(tmp_path, [one, other], {"one": [["a"]], "other": [["a"]]})) == []


def test_engines_may_differ_in_what_is_their_own(tmp_path: Path):
    one, other = contestant("one", "m", "w"), contestant("other", "m", "w", engine="vllm")
    other["identity"]["engine"] |= {"max_model_len": 512, "build": "vllm 1", "template": "t"}
    assert len(twins(make_run(tmp_path, [one, other], {"one": [["a"]], "other": [["a"]]}))) == 1


def test_a_family_is_a_base_and_what_was_made_of_it(tmp_path: Path):
    run = make_run(
        tmp_path,
        [
            contestant("big", "hf:b", "xxxx"),
            contestant("big fp8", "hf:b+fp8", "x"),
            contestant("small", "hf:s", "xx"),
            contestant("small again", "hf:s", "xx"),
            contestant("small 2:4", "hf:s+magnitude-2:4", "xx"),
            contestant("orphan", "hf:o+fp8", "x"),
        ],
        {},
    )
    found = families(run)
    assert [(each.base, each.compressed) for each in found] == [
        ("small", {"magnitude-2:4": "small 2:4"}),
        ("big", {"fp8": "big fp8"}),
    ]


def test_a_family_knows_recipes_in_files_by_name_and_a_base_in_two_engines_is_two_families(tmp_path: Path):
    run = make_run(
        tmp_path,
        [
            contestant("base", "vllm:b", "x"),
            contestant("wanda", "vllm:b+study/recipes/wanda-2of4.toml", "x"),
            contestant("in hf", "hf:b", "x"),
            contestant("w8", "hf:b+study/recipes/gptq-w8.toml", "x"),
        ],
        {},
    )
    found = families(run)
    assert [(each.base, each.compressed) for each in found] == [
        ("base", {"wanda-2:4": "wanda"}),
        ("in hf", {"gptq-w8": "w8"}),
    ]
    specs = {name: ContestantSpec(name, "hf:b", {}) for name in ("base", "in hf")}
    (joined,) = by_weights(found, specs)
    assert (joined.base, joined.compressed) == ("base", {"wanda-2:4": "wanda", "gptq-w8": "w8"})


def test_what_was_made_elsewhere_is_known_by_its_name(tmp_path: Path):
    contestants = [
        contestant("qwen-wanda-2of4", "hf:/kept/pruned", "x"),
        contestant("qwen", "openai:http://a/v1#qwen", "x"),
        contestant("qwen-again", "openai:http://a/v1#qwen", "x"),
        contestant("qwen-awq-w4g128", "openai:http://b/v1#awq", "x"),
        contestant("awq-w4g128", "hf:/other", "x"),
        contestant("quen-fp8", "hf:/strange", "x"),
    ]
    run = make_run(tmp_path, contestants, {})
    (family,) = families(run)
    assert family.base == "qwen"
    assert family.compressed == {"wanda-2:4": "qwen-wanda-2of4", "awq-w4g128": "qwen-awq-w4g128"}
    assert by_model(run) == [[each["name"] for each in contestants]]


def test_contestants_are_grouped_by_the_model_that_they_come_from_its_base_first(tmp_path: Path):
    contestants = [
        contestant("b w8", "hf:b+gptq-w8", "x"),
        contestant("b", "vllm:b", "x"),
        contestant("b again", "vllm:b", "x"),
        contestant("o", "hf:o", "x"),
        contestant("alone", "hf:alone", "x"),
        contestant("o w4", "vllm:o+gptq-w4g128", "x"),
    ]
    run = make_run(tmp_path, contestants, {"b": [["a"]], "o": [["a"]], "o w4": [["a"]]})
    assert by_model(run) == [["b", "b again", "b w8"], ["o", "o w4"]]
    write_plan(run, [contestant("expert", "expert", "x"), *contestants])
    assert telling_of(run, tmp_path, lambda _: None) is None  # nothing was made of this baseline

    (tmp_path / "one").mkdir()
    one = make_run(tmp_path / "one", contestants[:3], {"b": [["a"]]})
    assert by_model(one) == [["b w8", "b", "b again"]]


def test_only_contestants_that_have_played_are_looked_into(tmp_path: Path):
    contestants = [
        contestant("base", "hf:b", "x"),
        contestant("w8", "hf:b+gptq-w8", "x"),
        contestant("w4", "hf:b+gptq-w4g128", "x"),
        contestant("other", "hf:o", "x"),
        contestant("other w4", "hf:o+gptq-w4g128", "x"),
    ]
    run = make_run(tmp_path, contestants, {"base": [["a"]], "w4": [["a"]], "other w4": [["a"]]})
    (family,) = having_played({"base", "w4", "other w4"}, families(run))
    assert (family.base, family.compressed) == ("base", {"gptq-w4g128": "w4"})
