from pathlib import Path

import pytest

from arena.engines.registry import parse_contestant
from arena.errors import UsageError
from arena.lineup import spelled_out
from arena.study import making
from arena.study.lineup import (
    calibrated_recipes,
    not_on_a_cpu,
    offers_tools,
    read_made,
    recipe_name,
    study_contestants,
)
from arena.suite import load_suite, parse_suite
from compress.recipe import read_recipe


def test_a_model_plays_as_it_is_twice_with_its_own_tool_template_and_by_each_recipe():
    assert study_contestants(["/models/qwen"], ["fp8", "magnitude-2:4"]) == [
        "qwen=hf:/models/qwen",
        "qwen-again=hf:/models/qwen",
        "qwen-tools=hf:/models/qwen,tools=template",
        "qwen-fp8=hf:/models/qwen+fp8",
        "qwen-magnitude-2of4=hf:/models/qwen+magnitude-2:4",
    ]
    assert study_contestants(["bundled"], []) == ["bundled=bundled", "bundled-again=bundled"]


def test_a_tool_template_plays_only_where_tasks_have_tools():
    assert study_contestants(["qwen"], [], with_tools=False) == ["qwen=hf:qwen", "qwen-again=hf:qwen"]
    assert {name: offers_tools(load_suite(name)) for name in ("study", "small", "study-short")} == {
        "study": True,
        "small": True,
        "study-short": False,
    }
    text = 'name = "t"\n[settings]\nprotocol = "text"\n[[tasks]]\nbenchmark = "tool-query"\n'
    assert not offers_tools(parse_suite(text, "t.toml"))
    assert offers_tools(parse_suite(text + 'settings = { protocol = "json" }\n', "t.toml"))


def test_in_vllm_the_base_plays_in_transformers_too():
    typed = study_contestants(["/models/qwen 0.5b"], ["fp8"], "vllm")
    assert "qwen-0.5b-in-hf=hf:/models/qwen 0.5b" in typed
    assert "qwen-0.5b-fp8=vllm:/models/qwen 0.5b+fp8" in typed


def test_in_transformers_the_base_plays_in_vllm_too_where_there_is_one():
    typed = study_contestants(["a", "b"], ["fp8"], "hf", with_tools=False, vllm_too=True)
    assert typed[-2:] == ["a-in-vllm=vllm:a", "b-in-vllm=vllm:b"]
    assert not any("in-vllm" in each for each in study_contestants(["a"], ["fp8"], "hf"))


def test_all_names_are_names():
    for typed in study_contestants(["/models/a&b", "bundled"], ["wanda-2:4"]):
        parse_contestant(typed)


@pytest.mark.parametrize("models", [["openai:http://localhost#m"], ["expert"], ["a/m", "b/m"]])
def test_what_cannot_be_studied_is_refused(models: list[str]):
    with pytest.raises(UsageError):
        study_contestants(models, ["fp8"])


def test_what_vllm_cannot_serve_plays_in_transformers_after_all_others():
    typed = study_contestants(
        ["m"], ["fp8", "recipes/gptq-w8.toml", "rtn-w4g128"], "vllm", ("fp8", "gptq-w8")
    )
    assert typed == [
        "m=vllm:m",
        "m-again=vllm:m",
        "m-tools=vllm:m,tools=template",
        "m-rtn-w4g128=vllm:m+rtn-w4g128",
        "m-in-hf=hf:m",
        "m-fp8=hf:m+fp8",
        "m-gptq-w8=hf:m+recipes/gptq-w8.toml",
    ]


def test_less_calibration_is_a_recipe_in_a_file_that_keeps_its_name(tmp_path: Path):
    own, calibrated = calibrated_recipes(["rtn-w4g128", "wanda-2:4"], 16, None, tmp_path / "recipes")
    assert own == "rtn-w4g128"
    assert recipe_name(calibrated) == "wanda-2:4"
    read = read_recipe(calibrated)
    assert read.samples == 16
    assert read.hash == read_recipe("wanda-2:4", {"samples": 16}).hash
    assert calibrated_recipes(["wanda-2:4"], None, None, tmp_path) == ["wanda-2:4"]


def test_vllm_on_a_cpu_serves_four_bits_and_what_has_no_grid():
    names = ["fp8", "gptq-w8", "rtn-w3g128", "gptq-w4g128", "awq-w4g128", "smoothquant-w8a8", "magnitude-2:4"]
    assert not_on_a_cpu(names) == ["fp8", "gptq-w8", "rtn-w3g128"]
    with pytest.raises(UsageError):
        not_on_a_cpu(["fp9"])


def test_what_was_made_elsewhere_plays_instead_of_what_would_be_made_here():
    made = read_made(["magnitude-2:4=vllm:/kept/pruned", "awq-w4g128=openai:http://a/v1#awq,seed=1"])
    assert study_contestants(["/models/qwen"], ["fp8", "magnitude-2:4"], "vllm", made=made) == [
        "qwen=vllm:/models/qwen",
        "qwen-again=vllm:/models/qwen",
        "qwen-tools=vllm:/models/qwen,tools=template",
        "qwen-fp8=vllm:/models/qwen+fp8",
        "qwen-magnitude-2of4=vllm:/kept/pruned",
        "qwen-awq-w4g128=openai:http://a/v1#awq,seed=1",
        "qwen-in-hf=hf:/models/qwen",
    ]


def test_a_servers_model_plays_beside_what_it_serves():
    base = "openai:http://a/v1#org/qwen"
    assert study_contestants([base], ["fp8"], "vllm", made={"fp8": "openai:http://b/v1#qwen-fp8"}) == [
        f"qwen={base}",
        f"qwen-again={base}",
        f"qwen-tools={base},tools=server",
        "qwen-fp8=openai:http://b/v1#qwen-fp8",
    ]


def test_a_preset_is_compressed_by_its_hub_id_and_plays_with_its_own_settings(monkeypatch):
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(making, "kept_checkpoint", lambda *given: asked.append(given[:2]))
    making.make(["qwen2.5-7b", "vllm:qwen2.5-7b", "bundled"], ["fp8"], print)
    hub = "Qwen/Qwen2.5-7B-Instruct"
    assert asked == [(hub, "fp8"), (hub, "fp8"), ("bundled", "fp8")]
    (typed,) = (each for each in study_contestants(["qwen2.5-7b"], ["fp8"], "vllm") if "+fp8" in each)
    assert spelled_out(typed).startswith(f"qwen2.5-7b-fp8=vllm:{hub}+fp8,")
