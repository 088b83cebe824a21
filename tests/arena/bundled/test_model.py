"""The weights that ship: a plain model folder, small, and an agent that acts."""

import asyncio
import json
from pathlib import Path

import pytest
from safetensors import safe_open

from arena.bundled import model_folder
from arena.lineup import line_up
from arena.report.document import scores_document
from arena.run import play_run
from arena.suite import load_suite, parse_suite

MB = 10**6


def test_it_is_a_plain_model_folder_of_a_few_megabytes():
    files = [file for file in model_folder().rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 25 * MB
    assert max(file.stat().st_size for file in files) <= 15 * MB
    names = {file.name for file in files}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= names
    assert json.loads((model_folder() / "config.json").read_text())["architectures"] == ["LlamaForCausalLM"]
    with safe_open(model_folder() / "model.safetensors", "pt") as weights:
        assert {weights.get_slice(name).get_dtype() for name in weights.keys()} == {"BF16"}  # noqa: SIM118


def test_the_suite_that_it_plays_has_more_than_two_hundred_tasks_of_two_kinds():
    from arena.suite import expand

    subsets = [task.subset for task in expand(load_suite("small"))]
    assert len(subsets) >= 200
    assert set(subsets) == {"gripper-small", "blockworld-small"}


@pytest.mark.llm
@pytest.mark.parametrize("protocol", ["text", "json"])
def test_it_solves_most_small_problems_that_it_has_never_seen(protocol: str, tmp_path: Path):
    suite = parse_suite(
        f'name = "few"\n[settings]\nprotocol = "{protocol}"\nmax_tokens = 64\nhistory_items = 60\n'
        + "".join(
            f'[[tasks]]\nbenchmark = "pddl"\nsubset = "{domain}-small"\ncount = 12\n'
            for domain in ("gripper", "blockworld")
        ),
        "few",
    )
    plan, engines = line_up(suite, ["bundled"])
    asyncio.run(play_run(plan, tmp_path / "run", engines, lambda event: None))
    score = scores_document(tmp_path / "run")["contestants"]["bundled"]["pddl"]
    assert score["progress"] >= 0.6
    assert score["success"] >= 0.45
    assert score["valid_call_rate"] >= 0.95


@pytest.mark.llm
def test_its_compressed_variants_are_made_on_first_use_and_two_bits_are_too_few(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    suite = load_suite("small")
    names = ["bundled", "bundled+fp8", "bundled+rtn-w2g32"]
    plan, engines = line_up(suite, names, limit=3)
    asyncio.run(play_run(plan, tmp_path / "run", engines, lambda event: None))
    scores = scores_document(tmp_path / "run")["contestants"]
    base, mild, harsh = (scores[name]["pddl"]["progress"] for name in names)
    assert base >= 0.6
    assert abs(base - mild) <= 0.25
    assert harsh < base - 0.25
    assert {each.settings.style for each in plan.contestants} == {"terse"}
